"""One call of one function: its inputs, the call itself, its answer or stream."""
