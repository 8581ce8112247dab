"""A call in a process of its own: the worker's side. The process itself is `runtime.child`."""
