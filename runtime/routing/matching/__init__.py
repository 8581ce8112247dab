"""Which route a URL reaches: the router, the same rules in their plainest form, and their comparison."""
