"""What can be seen from outside: traces, metrics, logs. Nothing in here may change a response."""
