"""The settings of webhooks of senders other than Clerk."""

from typing import Annotated

from msgspec import Struct

from runtime.settings.variable import from_env
from shared.secret import Secret


class WebhookSettings(Struct, frozen=True, kw_only=True):
    """The secrets with which senders sign; a function with `webhook=` names the sender."""

    github: Annotated[
        Secret | None, from_env("GITHUB_WEBHOOK_SECRET", doc='Checks deliveries for `webhook="github"`.')
    ] = None
    slack: Annotated[
        Secret | None,
        from_env(
            "SLACK_SIGNING_SECRET", doc='The app\'s signing secret; checks requests for `webhook="slack"`.'
        ),
    ] = None
    stripe: Annotated[
        Secret | None,
        from_env(
            "STRIPE_WEBHOOK_SECRET", doc='`whsec_…` of the endpoint; checks events for `webhook="stripe"`.'
        ),
    ] = None
    svix: Annotated[
        Secret | None,
        from_env(
            "SVIX_WEBHOOK_SECRET",
            doc='`whsec_…`: checks messages of any sender of Standard Webhooks for `webhook="svix"`.',
        ),
    ] = None
