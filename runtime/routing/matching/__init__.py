"""Which function a URL reaches: the tree of functions, and the Litestar application around it."""
