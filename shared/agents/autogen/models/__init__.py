"""The models of a run: providers and recorded replies, behind the one client that AutoGen is given."""
