"""The doors a request goes through: shell, CORS, problem documents, deadlines, limits, health."""
