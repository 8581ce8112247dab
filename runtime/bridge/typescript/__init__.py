"""`client/schema.ts`: TypeScript from the OpenAPI document."""

from runtime.bridge.typescript.routes import RESERVED, emit
from runtime.bridge.typescript.types import type_of, union

__all__ = ["RESERVED", "emit", "type_of", "union"]
