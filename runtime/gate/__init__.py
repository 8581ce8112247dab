"""Who may pass, how often, how many at once, how long; and what a call leaves behind."""
