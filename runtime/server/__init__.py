"""From the socket to ASGI and back: limits of connections, the process and its stop."""
