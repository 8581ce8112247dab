"""When schedules fire: each slot once for all workers, by the clock of the queue's server."""

import hashlib
import logging
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from cronsim import CronSim

from runtime.routing.table import Route
from runtime.work.desk import WorkDesk
from runtime.work.queue.queue import Queue, new_id

logger = logging.getLogger(__name__)

SLACK = 5.0  # seconds by which a worker that is alive may be late


class Schedules:
    """Fires the schedules of the jobs that are served now; that of a deleted file is gone with it."""

    def __init__(self, queue: Queue, desk: WorkDesk) -> None:
        self._queue = queue
        self._desk = desk
        self._next: dict[str, float] = {}

    async def fire(self, now: float) -> None:
        """Queue what is due at `now`, seconds of the server's clock."""
        current = {_name(each): each for each in self._desk.catalogue.table.jobs if _is_scheduled(each)}
        self._next = {name: at for name, at in self._next.items() if name in current}
        for name, route in current.items():
            if now >= self._next.get(name, 0):
                await self._slot(name, route, now)

    async def _slot(self, name: str, route: Route, now: float) -> None:
        policy = route.endpoint.policy
        cron, zone = policy.schedule or "", ZoneInfo(policy.timezone)
        slot, following = slots(cron, zone, now, max(policy.catch_up, SLACK))
        run_id = new_id()
        fields = self._desk.fields(run_id, route, None, route.endpoint.template, b"")
        fired = await self._queue.fire(name, slot, run_id, fields, now=now, overlap=policy.overlap)
        if fired in {"fired", "overlap"}:
            what = (
                "schedule fired" if fired == "fired" else "schedule passed over: its last run has not ended"
            )
            logger.info(
                what,
                extra={"job": route.endpoint.template, "slot": datetime.fromtimestamp(slot, UTC).isoformat()},
            )
        self._next[name] = following


def slots(cron: str, zone: ZoneInfo, now: float, catch_up: float) -> tuple[float, float]:
    """Return the latest slot within `catch_up` seconds before `now`, 0 for none, and the next one."""
    moment = datetime.fromtimestamp(now, UTC)
    latest = 0.0
    for each in CronSim(cron, (moment - timedelta(seconds=catch_up)).astimezone(zone)):
        if each > moment:
            return latest, each.timestamp()
        latest = each.timestamp()
    return latest, float("inf")


def _is_scheduled(route: Route) -> bool:
    return route.operation is not None and route.endpoint.policy.schedule is not None


def _name(route: Route) -> str:
    """A schedule that is changed is another one: its slots begin with the change."""
    policy = route.endpoint.policy
    text = f"{route.endpoint.template}\0{policy.schedule}\0{policy.timezone}"
    return hashlib.sha256(text.encode()).hexdigest()
