"""What is answered: the shell, problem documents, CORS, health."""
