"""What can be known of a statement from its text, without running it."""
