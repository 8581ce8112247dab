"""`annex doctor`: the settings in effect, and whether everything that this process depends on responds.

For the shell of a deployed service whose files are in order, so that `annex check` finds nothing. A secret is
shown as set, never its value; every probe has a timeout. With `--deploy` it reads a folder instead, before
it is deployed, and asks nobody.
"""

import argparse
import asyncio
import resource
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec

from runtime.auth.clerk.instance import is_configured, keys_source
from runtime.auth.tokens.keys import KeySetError, read_key_set
from runtime.commands.checking.credential import explain_token
from runtime.commands.checking.database import check_database
from runtime.commands.checking.deploy.folder import examine_folder
from runtime.commands.checking.queue import check_queue
from runtime.commands.finding import Finding, broken, lines, status
from runtime.dependencies import open_database
from runtime.routing import discover
from runtime.server.budget import stop_budget
from runtime.settings import Settings, effective, variables_of
from runtime.telemetry.redaction import scrub
from shared.errors import DatabaseUnavailable
from shared.secret import Secret

PROBE_TIMEOUT = 5.0  # seconds for one dependency
VALUE_LIMIT = 60  # characters of a value that are shown

type Probe = Callable[[Settings], AsyncIterator[Finding]]


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command accepts."""
    parser.add_argument("--json", action="store_true", help="for machines")
    parser.add_argument(
        "--token", metavar="TOKEN", help="explain this token step by step; `-` reads it from standard input"
    )
    parser.add_argument(
        "--deploy",
        nargs="?",
        const=".",
        metavar="FOLDER",
        help="read a folder instead and say what its deployment would stumble over",
    )
    parser.add_argument(
        "--variables",
        metavar="FILE",
        help="with --deploy: the service's variables, as `railway variables --kv` writes them;"
        " the environment of this command otherwise",
    )


def run(given: argparse.Namespace, settings: Settings | None = None) -> int:
    """Print the settings in effect, and whether everything that this process depends on responds."""
    if settings is None:
        return _run_deploy(given)
    if given.token is not None:
        text = sys.stdin.read() if given.token == "-" else given.token
        findings = asyncio.run(explain_token(settings, text))
        print(*lines(findings), sep="\n")
        return status(findings)
    findings = asyncio.run(examine(settings))
    if given.json:
        print(as_json(settings, findings).decode())
    else:
        print(f"{settings.environment}; settings that differ from their default:")
        print(*([f"  {line}" for line in variables(settings)] or ["  none"]), sep="\n")
        print(*lines(findings), sep="\n")
    return status(findings)


def _run_deploy(given: argparse.Namespace) -> int:
    told = variables_of(Path(given.variables) if given.variables else None)
    findings = examine_folder(Path(given.deploy).resolve(), told)
    if given.json:
        print(msgspec.json.encode({"findings": [finding._asdict() for finding in findings]}).decode())
    else:
        print(*lines(findings), sep="\n")
    return status(findings)


def variables(settings: Settings) -> Iterator[str]:
    """Yield one line for each variable that is not at its default: name and value, secrets only as set."""
    for variable, default, value in effective(settings):
        if value != default:
            yield f"{variable.names[0]} = {shown(variable.names[0], value)}"


def shown(name: str, value: Any) -> str:
    """Return a value that may be printed."""
    if isinstance(value, Secret) or "KEY" in name:
        return "(set)"
    text = ", ".join(value) if isinstance(value, tuple) else str(value)
    if "://" in text and ("@" in text or "?" in text):
        return "(set, with credentials)"
    text = scrub(text)
    return text if len(text) <= VALUE_LIMIT else f"{text[:VALUE_LIMIT]}…"


async def examine(settings: Settings, *, root: Path = Path()) -> list[Finding]:
    """Probe everything that this process depends on, concurrently; the findings are in a fixed order."""
    found = await asyncio.gather(*(_findings(probe, settings) for probe in PROBES))
    return [*(finding for each in found for finding in each), *_process(settings), *_repository(root)]


async def _findings(probe: Probe, settings: Settings) -> list[Finding]:
    found = []
    try:
        async with asyncio.timeout(4 * PROBE_TIMEOUT):
            async for finding in probe(settings):
                found.append(finding)  # noqa: PERF401  # findings before a failure are kept
    except Exception as error:  # noqa: BLE001 - any failure is a finding, not a traceback
        found.append(broken(probe.__name__.strip("_"), error))
    return found


async def _functions(settings: Settings) -> AsyncIterator[Finding]:
    table = await asyncio.to_thread(discover, settings.functions, import_budget=settings.limits.import_budget)
    yield Finding("functions", f"{len(table.operations)} endpoints are served")
    for fault in table.faults:
        yield Finding("functions", str(fault), is_fault=True)


async def _database(settings: Settings) -> AsyncIterator[Finding]:
    if settings.database.url is None:
        yield Finding("database", "DATABASE_URL is not set: functions that take `Database` respond with 503")
        return
    async with open_database(settings) as database:
        try:
            seconds = await database.ping(PROBE_TIMEOUT)
            allowed = await database.fetch_value("SHOW max_connections")
        except DatabaseUnavailable as error:
            yield Finding("database", f"does not respond: {error.reason}", is_fault=True)
            return
        behind = " behind a transaction pooler" if database.is_behind_pooler else ""
        yield Finding("database", f"responds in {seconds * 1000:.0f} ms{behind}")
        ours = database.statistics().maximum
        yield Finding("database", f"this process opens at most {ours} of the server's {allowed} connections")
    for finding in await check_database(settings):
        yield finding


async def _queue(settings: Settings) -> AsyncIterator[Finding]:
    if settings.redis_url is None:
        yield Finding("queue", "REDIS_URL is not set: files with a job are in quarantine in production")
        return
    for finding in await check_queue(settings.redis_url, timeout=PROBE_TIMEOUT):
        yield finding


async def _keys(settings: Settings) -> AsyncIterator[Finding]:
    clerk = settings.clerk
    if clerk.jwt_key:
        yield Finding("keys", "CLERK_JWT_KEY verifies tokens without the network")
    elif not is_configured(clerk):
        yield Finding("keys", "Clerk is not configured; the development issuer signs tokens")
    else:
        url, secret = keys_source(clerk)
        yield await _key_set(url, {"Authorization": f"Bearer {secret.reveal()}"} if secret else {})


async def _key_set(url: str, headers: dict[str, str]) -> Finding:
    try:
        async with httpx.AsyncClient(timeout=PROBE_TIMEOUT) as http:
            answer = await http.get(url, headers=headers)
        keys = read_key_set(answer.raise_for_status().content)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return Finding("keys", f"{url} does not respond ({type(error).__name__})", is_fault=True)
    except (KeySetError, ValueError):
        return Finding("keys", f"the response of {url} is not a key set (JWKS)", is_fault=True)
    return Finding("keys", f"{len(keys)} keys at {url}", is_fault=not keys)


async def _collector(settings: Settings) -> AsyncIterator[Finding]:
    destination = settings.telemetry.destination("traces")
    if destination is None:
        yield Finding("collector", "OTEL_EXPORTER_OTLP_ENDPOINT is not set: no telemetry is sent")
        return
    url, _ = destination
    began = time.perf_counter()
    try:
        async with httpx.AsyncClient(timeout=PROBE_TIMEOUT) as http:
            # An empty message is a valid request without spans.
            answer = await http.post(url, content=b"", headers={"Content-Type": "application/x-protobuf"})
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        yield Finding("collector", f"{url} does not respond ({type(error).__name__})", is_fault=True)
        return
    spent = (time.perf_counter() - began) * 1000
    text = f"{url} responds with {answer.status_code} in {spent:.0f} ms"
    yield Finding("collector", text, is_fault=answer.status_code not in {200, 401, 403})


def _process(settings: Settings) -> Iterator[Finding]:
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    wanted = 2 * settings.limits.max_connections + 64
    enough = files == resource.RLIM_INFINITY or files >= wanted
    text = f"{files} open files allowed; ANNEX_MAX_CONNECTIONS needs {wanted}"
    yield Finding("process", text, is_fault=not enough)
    budget, draining = stop_budget(settings), settings.railway_draining
    if settings.railway_environment is not None and draining < budget:
        yield Finding(
            "process",
            f"a stop takes up to {budget:g} s, the platform kills after {draining} s: "
            "set RAILWAY_DEPLOYMENT_DRAINING_SECONDS",
            is_fault=True,
        )
    else:
        yield Finding("process", f"a stop takes up to {budget:g} s")


def _repository(root: Path) -> Iterator[Finding]:
    """Find files that change how the platform builds the service or the app beside it."""
    if (root / "requirements.txt").exists():
        yield Finding("build", "requirements.txt makes Railpack ignore uv.lock: remove it", is_fault=True)
    if (root / "package.json").exists() and (root / "railway.toml").exists():
        text = "railway.toml beside package.json configures the Next.js service too; see docs/operations.md"
        yield Finding("build", text, is_fault=True)


PROBES: tuple[Probe, ...] = (_functions, _database, _queue, _keys, _collector)


def as_json(settings: Settings, findings: list[Finding]) -> bytes:
    """Return everything as JSON."""
    return msgspec.json.encode(
        {
            "variables": list(variables(settings)),
            "findings": [finding._asdict() for finding in findings],
        }
    )
