"""What is known from file names and source texts, before any of them runs."""
