"""Where the database is and how a connection to it is made: URL, parameters, TLS."""
