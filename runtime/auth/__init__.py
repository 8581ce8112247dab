"""Who is calling: Clerk tokens and keys, policy, webhooks, the development issuer."""
