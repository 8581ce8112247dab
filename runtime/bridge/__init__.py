"""What the Next.js side reads: the OpenAPI contract and the TypeScript written from it."""
