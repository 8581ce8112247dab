"""The one composition root: what the service is made of, in the order things happen."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from importlib.metadata import version
from secrets import token_urlsafe
from typing import cast

from litestar.datastructures import State

from runtime.asgi.messages import ASGIApp, Receive, Scope, Send
from runtime.auth import Authenticator, permits
from runtime.bridge.reference import PATHS as REFERENCE_PATHS
from runtime.bridge.reference import Reference
from runtime.gate.gate import Gate
from runtime.gate.rates import rates_at
from runtime.http.cors import Cors, Preflights
from runtime.http.health import Health
from runtime.http.probes import database_probe, functions_probe, service_probe
from runtime.http.problems import Problems
from runtime.http.proxies import TrustedProxies
from runtime.http.shell import Bounds, Shell
from runtime.routing import Fault, RouteTable, TreeApp, discover
from runtime.routing.calling.streams import DRAIN
from runtime.settings.origins import compile_origins
from runtime.settings.variables import Settings
from runtime.telemetry import Telemetry, Tracing, Watchdog
from shared.agents import Agents, ModelSettings, RunLimits, RunStore
from shared.database import Database
from shared.identity import User
from shared.secret import Secret

logger = logging.getLogger(__name__)

DEVELOPMENT_ORIGINS = ("http://localhost:3000", "http://127.0.0.1:3000")
FLUSH_BUDGET = 3.0  # seconds for spans to leave at shutdown


class Application:
    """The service as an ASGI app.

    Attributes:
        settings: what it was built from.
        table: the routes being served; `swap` replaces it.
        outermost: what a connection meets first: the shell, in development the developer's page around it.
        is_draining: a stop was asked for; readiness says so.
        companions: what lives as long as the service besides, such as the hot swap of `annex dev`.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        telemetry: Telemetry,
        database: Database,
        authenticator: Authenticator,
        agents: Agents,
        table: RouteTable,
    ) -> None:
        self.settings = settings
        self.telemetry = telemetry
        self.database = database
        self.authenticator = authenticator
        self.agents = agents
        self.is_draining = False
        self.gate = Gate(authenticator, rates=rates_at(settings.redis_url))
        self._drain = asyncio.Event()
        self._told: frozenset[Fault] = frozenset()
        self.companions: list[AbstractAsyncContextManager[object]] = []
        self.swap(table)
        cors = Cors(compile_origins(_origins(settings)), credentials=settings.cors.credentials)
        self.shell = Shell(
            Tracing(Preflights(self._route, cors), telemetry),
            health=Health(
                {
                    "database": database_probe(database, is_configured=settings.database.url is not None),
                    "functions": functions_probe(lambda: self.table, tell_cause=not settings.is_production),
                    "service": service_probe(lambda: self.is_draining),
                },
                version=settings.commit or version("annex"),
            ),
            cors=cors,
            proxies=TrustedProxies(settings.trusted_proxies),
            bounds=Bounds(concurrency=settings.limits.max_concurrency),
            production=settings.is_production,
        )
        self.outermost: ASGIApp = self.shell

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection, or the server's lifespan."""
        if scope["type"] == "lifespan":
            return await self._lifespan(receive, send)
        return await self.outermost(scope, receive, send)

    def swap(self, table: RouteTable) -> None:
        """Serve `table` from the next request on; requests in flight finish on what they started with.

        A file that the router would misserve is put into quarantine first.
        """
        router = self._mount(table)
        if misserved := table.prove(router):
            table = table.without(misserved)
            router = self._mount(table)
        for fault in table.faults:
            if fault not in self._told:
                logger.error(
                    "function quarantined: %s",
                    fault,
                    extra={"function": fault.file, "line": fault.line, "error_id": fault.error_id},
                )
        self._told = frozenset(table.faults)
        self.router: ASGIApp = Problems(cast("ASGIApp", router))
        self.reference = Reference(table.operations)
        self.table = table

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Own everything that has a life: connections, keys, background tasks, the last spans."""
        async with contextlib.AsyncExitStack() as stack:
            stack.push_async_callback(self.telemetry.stop, FLUSH_BUDGET)
            self.telemetry.watch(quarantined=lambda: len({fault.file for fault in self.table.faults}))
            await stack.enter_async_context(self.database)
            await stack.enter_async_context(self.authenticator)
            await stack.enter_async_context(self.agents)
            await stack.enter_async_context(self.gate)
            for companion in self.companions:
                await stack.enter_async_context(companion)
            stack.enter_context(Watchdog(self.settings.functions, limit=self._hang_limit()))
            yield

    def drain(self, *, after: float = 0) -> None:
        """Turn readiness now; `after` seconds later refuse new work and let streams say goodbye."""
        self.is_draining = True
        asyncio.get_running_loop().call_later(after, self._refuse)

    def under_way(self) -> list[str]:
        """Return the method and route of every request being worked on."""
        return sorted(
            f"{invocation.method} {invocation.endpoint.template if invocation.endpoint else '(no route)'}"
            for invocation in self.telemetry.metrics.active
        )

    def _hang_limit(self) -> float:
        """A breakpoint in development is no hang."""
        return self.settings.limits.hang_timeout if self.settings.is_production else 0

    def _refuse(self) -> None:
        self.shell.draining = True
        self._drain.set()

    def _route(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        is_reference = self.settings.docs and scope["path"].rstrip("/") in REFERENCE_PATHS
        return (self.reference if is_reference else self.router)(scope, receive, send)

    def _mount(self, table: RouteTable) -> TreeApp:
        return TreeApp(
            route_handlers=table.handlers,
            middleware=lambda app: self.gate(Problems(app)),
            state=State({"database": self.database, "agents": self.agents, DRAIN: self._drain}),
            openapi_config=None,
            logging_config=None,
        )

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            async with self.running():
                await send({"type": "lifespan.startup.complete"})
                await receive()
        except Exception:
            logger.exception("start-up or shutdown failed")
            await send({"type": "lifespan.startup.failed", "message": "see the log"})
            raise
        await send({"type": "lifespan.shutdown.complete"})


def create_app(settings: Settings, *, telemetry: Telemetry | None = None) -> Application:
    """Build the service; nothing is connected, listening or running until `running` is entered.

    Args:
        settings: everything it is built from.
        telemetry: started from the settings when None.

    Raises:
        BrokenFunctions: under ANNEX_STRICT, when a function file is broken.
    """
    telemetry = telemetry or Telemetry.start(settings)
    table = discover(settings.functions, import_budget=settings.limits.import_budget)
    authenticator = Authenticator.from_settings(settings.clerk, production=settings.is_production)
    application = Application(
        settings,
        telemetry=telemetry,
        database=open_database(settings, telemetry),
        authenticator=authenticator,
        agents=agents_from(settings, permits),
        table=table,
    )
    if settings.strict and application.table.faults:
        raise BrokenFunctions(application.table)
    return application


class BrokenFunctions(Exception):
    """Strict start refused: some function files are broken."""

    def __init__(self, table: RouteTable) -> None:
        super().__init__("\n".join(str(fault) for fault in table.faults))
        self.table = table


def agents_from(settings: Settings, permits: Callable[[User, str], bool]) -> Agents:
    """Return agents that have not started; nothing is imported or connected before the first run.

    Args:
        settings: models, limits and the store.
        permits: whether a caller meets a policy's demands.
    """
    wanted = settings.agents
    models = ModelSettings(
        api_key=wanted.openai_api_key,
        base_url=wanted.openai_base_url,
        model=wanted.model,
        may_replay=not settings.is_production,
        trace_messages=wanted.trace_messages,
    )
    return Agents(
        models,
        RunLimits(per_user=wanted.runs_per_user, total=wanted.runs_total),
        secret=settings.secret or Secret(token_urlsafe(32)),
        store=RunStore.from_url(settings.redis_url) if settings.redis_url else None,
        permits=permits,
    )


def open_database(settings: Settings, telemetry: Telemetry | None = None) -> Database:
    """Build the service's database; nothing is connected yet.

    Its histograms are counted by `telemetry`; without one they are the process's, as its spans are.
    """
    return Database.from_url(
        settings.database.url,
        pool_max=settings.database.pool_max,
        pooler=settings.database.pooler,
        acquire_timeout=settings.database.acquire_timeout,
        connect_timeout=settings.database.connect_timeout,
        query_timeout=settings.database.query_timeout,
        histogram=telemetry.histogram if telemetry else None,
    )


def _origins(settings: Settings) -> tuple[str, ...]:
    if settings.cors.origins or settings.is_production:
        return settings.cors.origins
    return DEVELOPMENT_ORIGINS


__all__ = ["Application", "BrokenFunctions", "agents_from", "create_app", "open_database"]
