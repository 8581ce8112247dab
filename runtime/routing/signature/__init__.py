"""What a handler takes and gives back, read from its annotations."""

from runtime.routing.signature.handler import Handler
from runtime.routing.signature.signature import Signature, read_signature

__all__ = ["Handler", "Signature", "read_signature"]
