"""Annotations of inputs and responses: what they describe, what is inside them, whether a value fits."""
