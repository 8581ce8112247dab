"""The `annex` command line."""
