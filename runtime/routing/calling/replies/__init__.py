"""Answers with a head of their own: replies, redirects and contents, with ranges and validators."""
