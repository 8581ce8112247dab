"""Health checks: what is asked, and what is looked at."""
