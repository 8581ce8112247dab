"""The process of an isolated function: the clean one that it is forked from, and what it does."""
