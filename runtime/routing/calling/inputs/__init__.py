"""The inputs of one call: how each is read from the request, and everything that is wrong with them."""
