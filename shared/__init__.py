"""What functions and runtime both speak: errors, identity, the database, the domain. No framework."""
