"""The formats of chat libraries: their request bodies as conversations, a run's events as their parts."""
