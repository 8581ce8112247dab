"""From the socket to ASGI and back: connections and their limits, the process and its stop."""
