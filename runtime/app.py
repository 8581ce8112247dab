"""The composition root: what every request passes, outermost first, and what lives as long as the service."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Any, cast

from litestar.datastructures import State

from runtime.asgi.lifespan import in_own_task, live
from runtime.asgi.messages import ASGIApp, Receive, Scope, Send
from runtime.asgi.own_threads import threads_in_context
from runtime.asgi.stages import Stage, Stages, fold
from runtime.auth import Authenticator, Identity, Webhooks, permits
from runtime.auth.clerk import ClerkIdentity, ClerkWebhooks
from runtime.auth.webhooks import GitHubWebhooks, SlackWebhooks, StripeWebhooks, SvixWebhooks
from runtime.bridge.reference import ReferencePage
from runtime.config import Endpoint, Policy, WebhookScheme
from runtime.dependencies import SharedHttp, agents_from, open_database
from runtime.distribution import version
from runtime.gate.closed import fault_of, refuse_closed
from runtime.gate.deliveries import deliveries_at
from runtime.gate.gate import Gate
from runtime.gate.idempotency.answers import answers_at
from runtime.gate.rates import rates_at
from runtime.gate.stall import Interrupter
from runtime.http.admission import Admission
from runtime.http.cors import Cors, Preflights
from runtime.http.errors import Errors, as_response
from runtime.http.health.health import Health
from runtime.http.health.probes import (
    database_probe,
    functions_probe,
    keys_probe,
    queue_probe,
    service_probe,
)
from runtime.http.proxies import TrustedProxies
from runtime.http.shell import Shell
from runtime.refusal import Refusal
from runtime.routing import Fault, RouteTable, TreeApp, discover, lock
from runtime.routing.calling.answers.streams import DRAIN
from runtime.routing.calling.isolated.application import ISOLATED
from runtime.routing.calling.isolated.pool import IsolatedProcesses
from runtime.routing.calling.workers import shared_threads
from runtime.routing.extensions.access import Access
from runtime.routing.extensions.listing import listed
from runtime.routing.extensions.loading import Extensions
from runtime.routing.matching.tree import FunctionTree
from runtime.routing.matching.tree_app import BareTreeApp
from runtime.routing.reading.faults import one_line
from runtime.routing.signature.sources import unlikely_queries
from runtime.settings.origins.origins import compile_origins
from runtime.settings.project import FILE, read_project
from runtime.settings.reading import unknown
from runtime.settings.variables import Settings
from runtime.telemetry import Telemetry, Tracing, Watchdog
from runtime.telemetry.stock import stock_tracing
from runtime.work.call_desk import CallDesk
from runtime.work.closed import without_queue
from runtime.work.desk import WorkDesk
from runtime.work.queue.queue import Queue
from runtime.work.queue.seal import Seal
from runtime.work.worker.worker import Worker
from shared.agents import Agents
from shared.database import Database
from shared.work import NoDesk

logger = logging.getLogger(__name__)

DEVELOPMENT_ORIGINS = ("http://localhost:3000", "http://127.0.0.1:3000")
FLUSH_BUDGET = 3.0  # seconds in which the last spans are sent at shutdown


class Application:
    """The service as an ASGI app.

    Attributes:
        settings: what it was built from.
        table: the routes being served; `swap` replaces it.
        is_draining: the service is stopping; readiness reports it.
        extensions: the team's own Litestar handlers and plugins.
        service: what is known of the service as a whole, where this is one of its workers.
        queue: of work that outlives the request; None without REDIS_URL.
        desk: where functions hand it in.
        alive: called by what interrupts a step: the loop is held, and the process is not lost.
        companions: entered and left with the service, such as the hot swap of `annex dev`.
    """

    def __init__(  # noqa: PLR0913  # the parts, all by name
        self,
        settings: Settings,
        *,
        telemetry: Telemetry,
        database: Database,
        identity: Identity,
        webhooks: Mapping[WebhookScheme, Webhooks],
        agents: Agents,
        table: RouteTable,
        release: str,
        extensions: Extensions | None = None,
        recorded: Callable[..., ASGIApp] | None = None,
    ) -> None:
        self.settings = settings
        self.telemetry = telemetry
        self.database = database
        self.identity = identity
        self.agents = agents
        self.http = SharedHttp()
        self.is_draining = False
        self.service: Mapping[str, object] = {}
        self.alive: Callable[[], None] = lambda: None
        self.companions: list[AbstractAsyncContextManager[object]] = []
        self.gate = Gate(
            Authenticator(identity),
            webhooks,
            rates=rates_at(settings.redis_url),
            answers=answers_at(settings.redis_url),
            deliveries=deliveries_at(settings.redis_url),
        )
        self.cors = Cors(
            compile_origins(_origins(settings)),
            credentials=settings.cors.credentials,
            request_headers=settings.cors.headers,
        )
        self.shell = Shell(
            cors=self.cors,
            proxies=TrustedProxies(settings.trusted_proxies),
            production=settings.is_production,
        )
        self._closed: dict[str, Fault] = {}
        self.queue = Queue.from_url(settings.redis_url) if settings.redis_url else None
        probes = {
            "database": database_probe(database, is_configured=settings.database.url is not None),
            "keys": keys_probe(identity.key_state),
            "queue": queue_probe(self.queue.ping if self.queue else None),
            "functions": functions_probe(
                lambda: self.table, self._closed.values, show_cause=not settings.is_production
            ),
            "service": service_probe(lambda: self.is_draining, lambda: self.service),
        }
        self.health = Health(probes, version=release)
        self.admission = Admission(settings.limits.max_concurrency)
        self._errors = partial(Errors, explains=settings.environment == "development")
        self.desk = self._desk()
        self._recorded = recorded
        self.isolated = IsolatedProcesses(settings)
        self._drain = asyncio.Event()
        self._in_front: dict[str, Stage] = {}
        self._reported: frozenset[Fault] = frozenset()
        self.extensions = extensions or Extensions()
        self._access = Access(self._litestar_steps)
        self._litestar = self.extensions.app(self._made)
        self.swap(table)

    def stages(self) -> Stages:
        """Return what every request passes, outermost first; behind them the router picks the route."""
        return {
            **self._in_front,  # in development, the developer's page
            "shell": self.shell,
            "health": self.health,
            "admission": self.admission,
            "tracing": partial(Tracing, telemetry=self.telemetry),
            "preflights": partial(Preflights, cors=self.cors, declared=self.table.request_headers),
            "reference": partial(
                ReferencePage,
                operations=self.table.described,
                # The developer's page signs the tokens.
                signs=bool(self._in_front) and self.identity.issuer is not None,
            )
            if self.settings.docs
            else None,
            "errors": self._errors,
        }

    def steps(self, endpoint: Endpoint) -> Stages:
        """Return what a request of one route passes behind the router; behind them its function runs."""
        recorded = partial(self._recorded, endpoint=endpoint) if self._recorded else None
        closed = partial(refuse_closed, file=endpoint.file, closed=self._closed) if recorded else None
        return {
            **self.gate.steps(endpoint),
            "refuse closed": closed,
            "record": recorded,
            "errors": self._errors,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection, or the server's lifespan."""
        if scope["type"] == "lifespan":
            return await live(self.running(), receive, send)
        return await self._served(scope, receive, send)

    def swap(self, table: RouteTable) -> None:
        """Serve `table` from the next request on; running requests finish on the one that they have."""
        self._access.opened = lock.opened(table.root)
        self._litestar.tree = table.tree(lambda endpoint: partial(fold, self.steps(endpoint)))
        table = listed(table, self._litestar, self._access, self.extensions)
        for fault in table.faults:
            if fault not in self._reported:
                extra = {"function": fault.file, "line": fault.line, "error_id": fault.error_id}
                template = "route closed: %s" if fault.is_closed else "function quarantined: %s"
                logger.error(template, fault, extra=extra)
        doubts = [doubt for operation in table.operations for doubt in unlikely_queries(operation)]
        for doubt in doubts:
            if doubt not in self._reported:
                logger.warning("function input in doubt: %s", doubt, extra={"function": doubt.file})
        self._reported = frozenset((*table.faults, *doubts))
        self.table = table
        serving = (each for each in (*table.routes, *table.jobs) if each.operation)
        self.isolated.renew(sum(each.endpoint.policy.isolate for each in serving))
        self._served = fold(self.stages(), cast("ASGIApp", self._litestar))

    def put_in_front(self, name: str, stage: Stage) -> None:
        """Make `stage` the outermost one."""
        self._in_front = {name: stage, **self._in_front}
        self._served = fold(self.stages(), cast("ASGIApp", self._litestar))

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Start what lives as long as the service; stop it in reverse order, telemetry last."""
        limits, is_production = self.settings.limits, self.settings.is_production
        hang_timeout = limits.hang_timeout if is_production else 0  # a breakpoint is no hang
        async with contextlib.AsyncExitStack() as stack:
            stack.enter_context(threads_in_context())
            stack.push_async_callback(self.telemetry.stop, FLUSH_BUDGET)
            self.telemetry.watch(
                quarantined=lambda: len({fault.file for fault in self.table.faults} | {*self._closed})
            )
            await stack.enter_async_context(self.database)
            await stack.enter_async_context(self.identity)
            if self.queue is not None:  # closed after the agents, which hand their runs over
                stack.push_async_callback(self.queue.close)
            await stack.enter_async_context(self.agents)
            await stack.enter_async_context(self.isolated)
            stack.push_async_callback(self.http.stop)
            await stack.enter_async_context(self.gate)
            await stack.enter_async_context(self._litestar_running())
            stack.enter_context(shared_threads())
            stack.enter_context(Watchdog(self.settings.functions, limit=hang_timeout))
            stack.enter_context(Interrupter(self.settings.functions, limits.stall, alive=self.alive))
            for companion in self.companions:
                await stack.enter_async_context(companion)
            yield

    def close(self, causes: Mapping[str, str]) -> None:
        """Refuse the files that have ended worker processes, and no others; `causes` says how each did."""
        known = set(self._closed)
        self._closed.clear()
        self._closed.update((file, fault_of(file, cause)) for file, cause in causes.items())
        for fault in (self._closed[file] for file in causes if file not in known):
            extra = {"function": fault.file, "error_id": fault.error_id}
            logger.error("function quarantined: %s", fault, extra=extra)

    def drain(self, *, after: float = 0, service: bool = True) -> None:
        """Refuse new requests and let streams end, `after` seconds from now.

        Until then report not ready, if the `service` stops and not this process alone.
        """
        self.is_draining = service
        asyncio.get_running_loop().call_later(after, self._refuse)

    def under_way(self) -> list[str]:
        """Return the method and route of every running request."""
        return sorted(
            f"{invocation.method} {invocation.endpoint.template if invocation.endpoint else '(no route)'}"
            for invocation in self.telemetry.metrics.active
        )

    def worker(self, name: str) -> Worker:
        """Return a worker that does queued work inside of `running`, under a lease that others keep.

        Raises:
            ValueError: REDIS_URL is not set.
        """
        if self.queue is None or not isinstance(self.desk, WorkDesk):
            raise ValueError("a worker needs REDIS_URL")
        return Worker(
            name,
            queue=self.queue,
            desk=self.desk,
            settings=self.settings,
            reaper=self.gate.reaper,
            app=self._litestar,
            database=self.database,
            telemetry=self.telemetry,
        )

    @property
    def has_work(self) -> bool:
        """Whether a worker may have something to do: jobs, or calls of functions that it makes again."""
        return isinstance(self.desk, WorkDesk) and self.desk.catalogue.has_work

    def _desk(self) -> WorkDesk | NoDesk:
        if self.queue is None:
            return NoDesk()
        kept, tracer = self.settings.work.runs_kept, self.telemetry.tracer
        seal = Seal.of(self.settings)
        return WorkDesk(self.queue, lambda: self.table, permits, kept=kept, tracer=tracer, seal=seal)

    def _calls(self) -> CallDesk | None:
        if self.queue is None or not isinstance(self.desk, WorkDesk):
            return None
        return CallDesk(self.queue, self.desk, lease=self.settings.work.lease)

    def _refuse(self) -> None:
        self.admission.draining = True
        self._drain.set()

    def _made(self, handlers: list[Any], plugins: list[Any]) -> TreeApp:
        """Make the Litestar application, with the team's own handlers and plugins in it."""
        kind = TreeApp if handlers or plugins else BareTreeApp
        app = kind(
            FunctionTree(),
            route_handlers=handlers,
            plugins=[*plugins, self._access],
            exception_handlers={Exception: as_response},
            request_max_body_size=Policy().max_body,
            state=State(
                {
                    "database": self.database,
                    "agents": self.agents,
                    "http": self.http,
                    "jobs": self.desk,
                    "calls": self._calls(),
                    ISOLATED: self.isolated,
                    DRAIN: self._drain,
                }
            ),
        )
        self._access.check(app)
        return app

    def _litestar_steps(self, endpoint: Endpoint) -> Stage:
        name = f"{endpoint.method} {endpoint.template}"
        traced = stock_tracing(self.telemetry.tracer_provider, name, endpoint.template)
        return partial(fold, {"traced": traced, "errors": Errors, **self.gate.steps(endpoint)})

    @contextlib.asynccontextmanager
    async def _litestar_running(self) -> AsyncIterator[None]:
        """Run the lifespan of the team's plugins; one that fails costs their routes, and no function."""
        async with contextlib.AsyncExitStack() as stack:
            try:
                async with asyncio.timeout(self.settings.limits.import_budget):
                    await stack.enter_async_context(in_own_task(self._litestar.lifespan()))
            except Exception as error:
                logger.exception("Litestar's handlers and plugins are off: their start failed")
                found = f"The start of the Litestar handlers and plugins failed: {one_line(error)}."
                cure = "Correct what runs in on_startup or lifespan, and start the service again."
                self.extensions = Extensions.broken(Fault(file=FILE, line=0, found=found, cure=cure))
                self._litestar = self.extensions.app(self._made)
                self.swap(self.table)
            yield


class BrokenFunctions(Exception):
    """ANNEX_STRICT is set, and some function files are broken."""

    def __init__(self, table: RouteTable) -> None:
        super().__init__("\n".join(str(fault) for fault in table.faults))
        self.table = table


def create_app(
    settings: Settings,
    *,
    telemetry: Telemetry | None = None,
    identity: Identity | None = None,
    webhooks: Mapping[WebhookScheme, Webhooks] | None = None,
    refused: Iterable[Refusal] = (),
    recorded: Callable[..., ASGIApp] | None = None,
) -> Application:
    """Build the service; nothing is connected, listening or running until `running` is entered.

    Args:
        settings: what it is built from.
        telemetry: started from the settings when None.
        identity: verifies callers; Clerk, as the settings describe it, when None.
        webhooks: verify the deliveries of each scheme; as the settings say when None.
        refused: function files that would harm this process; quarantined, and not run.
        recorded: `recorded(app, endpoint=…)` goes around every function; nothing does when None.

    Raises:
        BrokenFunctions: under ANNEX_STRICT, when a function file is broken.
    """
    telemetry = telemetry or Telemetry.start(settings)
    for fault in unknown(settings.own.names()):
        logger.warning("settings.unknown", extra={"variable": fault.name, "problem": fault.problem})
    release = settings.commit or version()  # before a file may have taken every descriptor
    project, budget = settings.functions.resolve().parent, settings.limits.import_budget
    table = discover(settings.functions, import_budget=budget, refused=refused, environment=settings.own)
    if settings.is_production:
        table = lock.closed(settings.functions, table)
        if settings.redis_url is None:
            table = without_queue(table.without(_unkept(table)))
    application = Application(
        settings,
        telemetry=telemetry,
        database=open_database(settings, telemetry),
        identity=identity or ClerkIdentity.from_settings(settings.clerk, production=settings.is_production),
        webhooks=webhooks or _webhooks(settings),
        agents=agents_from(settings, permits),
        table=table,
        release=release,
        extensions=Extensions(read_project(project), project, budget=budget),
        recorded=recorded,
    )
    if settings.strict and application.table.faults:
        raise BrokenFunctions(application.table)
    return application


def _webhooks(settings: Settings) -> Mapping[WebhookScheme, Webhooks]:
    secrets = settings.webhooks
    return {
        "clerk": ClerkWebhooks(settings.clerk.webhook_secret),
        "github": GitHubWebhooks(secrets.github),
        "slack": SlackWebhooks(secrets.slack),
        "stripe": StripeWebhooks(secrets.stripe),
        "svix": SvixWebhooks(secrets.svix),
    }


def _unkept(table: RouteTable) -> list[Fault]:
    """Return a fault for each file whose first answers would be kept in one process of several."""
    files = {one.endpoint.file for one in table.operations if one.endpoint.policy.idempotent}
    found = "`idempotent` needs REDIS_URL in production, which is not set."
    cure = "Set REDIS_URL to a Valkey or Redis, or remove `idempotent`."
    return [Fault(file=file, line=0, found=found, cure=cure) for file in sorted(files)]


def _origins(settings: Settings) -> tuple[str, ...]:
    if settings.cors.origins or settings.is_production:
        return settings.cors.origins
    return DEVELOPMENT_ORIGINS


__all__ = ["Application", "BrokenFunctions", "create_app"]
