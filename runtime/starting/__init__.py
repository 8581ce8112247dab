"""A service of one's own: what is found around it, what is written, how the product is pinned."""
