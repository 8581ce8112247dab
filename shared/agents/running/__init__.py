"""One run of a team: its task, its channel of events, its limits."""
