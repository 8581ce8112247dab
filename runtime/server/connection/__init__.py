"""One HTTP/1.1 connection: what comes in, in which order it is answered, what goes out."""
