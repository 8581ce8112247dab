"""What a deployment of a folder would stumble over, read from its files and variables alone."""
