"""What a file tree and its source texts say, before anything of them runs."""
