"""Raw ASGI: the messages, and the record of one request that all rooms share."""
