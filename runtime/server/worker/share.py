"""What one worker has of the settings of the service."""

from msgspec.structs import replace

from runtime.settings import Settings
from shared.database import pool_size, translate
from shared.secret import MadeSecret


def share(settings: Settings, *, number: int, workers: int, secret: str) -> Settings:
    """Return the settings of one worker.

    The connections to the database are divided, at least one for each; the secret is one for all; the id of
    the instance names the worker too.
    """
    database = settings.database
    if database.url is not None:
        connections = database.pool_max or pool_size(translate(database.url.reveal()))
        database = replace(database, pool_max=max(1, connections // workers))
    return replace(
        settings,
        database=database,
        secret=settings.secret or MadeSecret(secret),
        replica=f"{settings.replica}-{number}" if settings.replica else None,
    )
