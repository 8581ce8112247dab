"""The route table as a command sees it: a harmful file is named, and not run in this process."""

from runtime.rehearsal.stage import refusals
from runtime.routing import RouteTable, discover, lock
from runtime.settings import Settings


def table_of(settings: Settings) -> RouteTable:
    """Return the routes; this process must have a single thread, as it forks to try each file."""
    budget = settings.limits.import_budget
    refused = refusals(settings.functions, budget=budget)
    return discover(settings.functions, import_budget=budget, refused=refused, environment=settings.own)


def table_to_show(settings: Settings) -> RouteTable:
    """Return the routes, with what `public.lock` makes of them in production."""
    apply = lock.closed if settings.is_production else lock.announced
    return apply(settings.functions, table_of(settings))
