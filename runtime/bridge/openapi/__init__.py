"""The contract: OpenAPI 3.1 from the route table."""

from runtime.bridge.openapi.document import document, encode
from runtime.bridge.openapi.operations import operation_id

__all__ = ["document", "encode", "operation_id"]
