"""What a statement's text tells without running it."""
