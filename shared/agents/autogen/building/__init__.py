"""What a team is built of: the parts of one run, tools, the short form."""
