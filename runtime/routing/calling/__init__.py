"""One call of one function: its inputs, the call itself, its response or stream."""
