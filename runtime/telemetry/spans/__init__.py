"""Spans: whose trace they continue, their attributes, their encoding."""
