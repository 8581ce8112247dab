"""Function files run for the first time: where one raises, exits or hangs, it pays for itself alone."""
