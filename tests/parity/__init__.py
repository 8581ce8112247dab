"""Our verdicts beside those of Clerk's JavaScript SDK, on random tokens, cookies, questions and webhooks."""
