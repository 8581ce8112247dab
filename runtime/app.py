"""The one composition root: a list in the order things happen."""
