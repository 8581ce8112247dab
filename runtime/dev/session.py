"""A developer's session: the service with stand-ins for everything that production gets from elsewhere."""

import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path

import httpx
import msgspec

from runtime.app import create_app
from runtime.auth.clerk import DevelopmentIssuer
from runtime.bridge import artefacts
from runtime.bridge.describable import divide
from runtime.dev.banner import banner
from runtime.dev.beside import app_of, beside
from runtime.dev.caller import DevelopmentCaller
from runtime.dev.page.page import DeveloperPage
from runtime.dev.page.recorder import Lines, Recorder, Trace
from runtime.dev.page.waterfall import waterfall
from runtime.dev.postgres import EmbeddedPostgres, EmbeddedPostgresError, FolderInUseError, embedded
from runtime.dev.postgres.seed import DATABASE, ROLE, seed, seed_files
from runtime.dev.swap import HotSwap
from runtime.dev.work import valkey, worker
from runtime.refusal import Refusal
from runtime.rehearsal import Rehearsal
from runtime.rehearsal.stage import refusals
from runtime.routing import RouteTable, discover
from runtime.server.interpreter import settle
from runtime.server.process import run
from runtime.settings import Settings
from runtime.telemetry import Telemetry, configure_logging, unblocked
from shared.secret import Secret

logger = logging.getLogger(__name__)

DATA = Path(".annex/postgres")
LIFETIME = 7 * 24 * 3600.0  # seconds; a token that was pasted somewhere should still work after lunch


def serve(
    settings: Settings, *, traces: bool = False, client: Path | None = None, command: str | None = None
) -> int:
    """Serve until Ctrl-C; a change that needs a new process starts one. Return the exit status.

    Args:
        settings: of the service.
        traces: print the waterfall of each request.
        client: the folder of the app whose client is rewritten on save.
        command: what is run in the app meanwhile.
    """
    with unblocked():
        configure_logging(settings.telemetry, production=False)
        recorder = Recorder()
        logging.getLogger().addHandler(Lines(recorder))
        if traces:
            recorder.subscribe(_print_waterfall)
        restarts: list[bool] = []

        def stop() -> None:
            os.kill(os.getpid(), signal.SIGTERM)  # drains as any stop does

        def restart() -> None:
            restarts.append(True)
            stop()

        try:
            with rehearsal_of(settings) as rehearsal, database(settings) as stored, valkey(stored) as ready:
                refused = rehearsal.refusals()
                telemetry = Telemetry.start(ready, processors=[recorder])
                application = create_app(ready, telemetry=telemetry, refused=refused)
                settle()
                page = partial(DeveloperPage, application=application, recorder=recorder)
                application.put_in_front("developer's page", page)
                swap = HotSwap(
                    application,
                    rehearsal=rehearsal,
                    refused=refused,
                    project=Path.cwd(),
                    restart=restart,
                    after=partial(_write_client, app=client),
                )
                application.companions += [swap, worker(application)]
                signs = application.identity.issuer is not None
                sys.stdout.write(banner(ready, application.table, development_issuer=signs) + "\n")
                if client:
                    _write_client(application.table, app=client)
                with _app(command, client, port=ready.port, ended=stop):
                    run(application, ready)
        except EmbeddedPostgresError as error:
            sys.stdout.write(f"annex dev: {error}\n")
            return 1
    if restarts:
        sys.stdout.flush()
        os.execv(sys.executable, sys.orig_argv)  # noqa: S606  # this very command again, in a new interpreter
    return 0


def rehearsal_of(settings: Settings) -> Rehearsal:
    """Start the process that tries each function before it runs in this one."""
    return Rehearsal(settings.functions, budget=settings.limits.import_budget, stays=True)


def _app(
    command: str | None, client: Path | None, *, port: int, ended: Callable[[], None]
) -> contextlib.AbstractContextManager[None]:
    """Return the app's command as it runs beside the service, or nothing where there is none."""
    if command is None:
        return contextlib.nullcontext()
    folder = app_of(client) if client else Path.cwd()
    return beside(command, folder, url=f"http://localhost:{port}", ended=ended)


def _write_client(table: RouteTable, app: Path | None = None) -> None:
    """Rewrite the client, but not while a file is broken: its types must not vanish from the app."""
    project = table.root.resolve().parent
    if table.faults or (app is None and not (project / artefacts.CLIENT).is_dir()):
        return
    operations, faults = divide(table.described)
    for fault in faults:
        logger.error("the client was not rewritten: %s", fault)
    written = [] if faults else artefacts.write(project, operations, below=artefacts.CLIENT, app=app)
    if len(written) > 2:
        logger.info("wrote the client, %d files in %s", len(written), app)
    else:
        for path in written:
            logger.info("wrote %s", path)


@contextlib.contextmanager
def database(settings: Settings) -> Iterator[Settings]:
    """Run an embedded, seeded PostgreSQL where DATABASE_URL is unset; give the settings that point at it."""
    if settings.database.url is not None:
        yield settings
        return
    with contextlib.ExitStack() as stack:
        try:
            server = stack.enter_context(embedded(DATA))
        except FolderInUseError:
            # `annex dev` in another terminal runs it: its data is what this command is about.
            server = EmbeddedPostgres(DATA)
            server.port = server.running_port()
            if not server.port:
                raise
        password = (server.folder / "password").read_text("utf-8")
        asyncio.run(seed(server.url(), seed_files(settings), password=password))
        pointed = msgspec.structs.replace(settings.database, url=Secret(server.url(DATABASE, ROLE, password)))
        yield msgspec.structs.replace(settings, database=pointed)


def token(
    settings: Settings,
    *,
    user: str = "user_1",
    org: str = "",
    role: str = "org:admin",
    permissions: str | None = None,
    lifetime: float = LIFETIME,
) -> str:
    """Sign a development token; without `permissions` it has every one that some function asks for.

    Raises:
        SettingsError: in production, or where Clerk is configured.
    """
    issuer = DevelopmentIssuer.from_settings(settings)
    granted = permissions.split(",") if permissions is not None else _asked_for(settings)
    return issuer.token(
        user,
        organization=org or None,
        role=role,
        permissions=tuple(name.strip() for name in granted if name.strip()),
        lifetime=lifetime,
    )


def call(  # noqa: PLR0913  # the parts of a request, by name
    settings: Settings,
    method: str,
    path: str,
    *,
    data: str | None = None,
    headers: Sequence[tuple[str, ...]] = (),
    files: Sequence[tuple[str, Path]] = (),
    caller: DevelopmentCaller | None = None,
) -> tuple[int, str]:
    """Send one request through the real app, in this process; return the status and what to print."""
    sent = {"Content-Type": "application/json"} if data is not None else {}
    if caller:
        sent["Authorization"] = f"Bearer {token(settings, **caller)}"
    uploads = [(field, (file.name, file.read_bytes())) for field, file in files]
    request = httpx.Request(
        method,
        f"http://annex/{path.lstrip('/')}",
        content=data,
        headers=httpx.Headers([*sent.items(), *((name, value) for name, value in headers)]),
        files=uploads or None,
    )
    with rehearsal_of(settings) as rehearsal, database(settings) as ready:
        response = asyncio.run(_send(ready, rehearsal.refusals(), request))
    return response.status_code, f"{response.status_code} {response.reason_phrase}\n{response.text}"


async def _send(settings: Settings, refused: Iterable[Refusal], request: httpx.Request) -> httpx.Response:
    application = create_app(settings, refused=refused)
    transport = httpx.ASGITransport(application)
    async with application.running(), httpx.AsyncClient(transport=transport) as client:
        return await client.send(request)


def _print_waterfall(trace: Trace) -> None:
    sys.stdout.write(waterfall(trace, colour=sys.stdout.isatty()) + "\n")


def _asked_for(settings: Settings) -> list[str]:
    """Return every permission that some endpoint asks for."""
    refused = refusals(settings.functions, budget=settings.limits.import_budget)
    table = discover(settings.functions, refused=refused, environment=settings.own)
    asked = {endpoint.policy.permission for endpoint in table.endpoints}
    return sorted(permission for permission in asked if permission)
