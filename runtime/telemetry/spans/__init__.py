"""Spans: whose trace, what they say, how they are encoded."""
