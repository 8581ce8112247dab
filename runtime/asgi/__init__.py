"""Raw ASGI: messages, stages, reserved URLs, and the record of one request that all packages share."""
