"""The contract over HTTP: for machines, and as a page for people."""

from runtime.bridge.reference.stage import ReferencePage

__all__ = ["ReferencePage"]
