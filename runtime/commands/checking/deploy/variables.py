"""Whether production would start with the variables that are given."""

from collections.abc import Iterator, Mapping

from runtime.auth.clerk import check_clerk
from runtime.commands.finding import Finding
from runtime.settings import SettingsError, load

LOOPBACK = ("localhost", "127.0.0.1", "::1")
WANTED = {
    "DATABASE_URL": "functions that take `Database` respond with 503",
    "CORS_ORIGINS": "no browser may call the service",
    "CLERK_AUTHORIZED_PARTIES": "tokens made for any origin of the Clerk instance are accepted",
}


def examine_variables(variables: Mapping[str, str]) -> Iterator[Finding]:
    """Yield the faults that would stop the start, and what is missing; never a value."""
    try:
        settings = load({**variables, "ANNEX_ENV": "production"}, checks=[check_clerk])
    except SettingsError as error:
        for fault in error.faults:
            yield Finding("variables", f"{fault.name}: {fault.problem}", is_fault=True)
        return
    yield Finding("variables", "production starts with them")
    if settings.host in LOOPBACK:
        text = "HOST names this container alone: nobody reaches it; leave it out"
        yield Finding("variables", text, is_fault=True)
    missing = {
        "DATABASE_URL": settings.database.url is None,
        "CORS_ORIGINS": not settings.cors.origins,
        "CLERK_AUTHORIZED_PARTIES": not settings.clerk.authorized_parties,
    }
    for name, consequence in WANTED.items():
        if missing[name]:
            yield Finding("variables", f"{name} is not set: {consequence}", is_doubt=True)
