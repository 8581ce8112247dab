"""What `annex check` examines, and the process in which it does so."""
