"""Webhooks of other senders: whose signature is checked how, and what was delivered before."""

from runtime.auth.webhooks.schemes import GitHubWebhooks, SlackWebhooks, StripeWebhooks, SvixWebhooks

__all__ = ["GitHubWebhooks", "SlackWebhooks", "StripeWebhooks", "SvixWebhooks"]
