"""What this process sees: each setting as it takes effect, and whether what it depends on answers.

For the shell of a deployed service, where `annex check` has nothing to say because nothing is wrong with the
files. Secrets are told to be set or not, never shown; every question has its time.
"""

import asyncio
import resource
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec

from runtime.auth.clerk.instance import is_configured, keys_source
from runtime.auth.tokens.keys import KeySetError, read_key_set
from runtime.commands.check import Finding, broken, check_database
from runtime.dependencies import open_database
from runtime.routing import discover
from runtime.server.process import stop_budget
from runtime.settings import Settings, effective
from runtime.telemetry.redaction import scrub
from shared.errors import DatabaseUnavailable
from shared.secret import Secret

PATIENCE = 5.0  # seconds for one dependency to answer
SHOWN = 60  # characters of a value; keys and lists are longer than anybody reads

type Examination = Callable[[Settings], AsyncIterator[Finding]]


def variables(settings: Settings) -> Iterator[str]:
    """Yield one line for each variable that is not at its default: name and value, secrets only as set."""
    for variable, default, value in effective(settings):
        if value != default:
            yield f"{variable.names[0]} = {shown(variable.names[0], value)}"


def shown(name: str, value: Any) -> str:
    """Return a value as it may be seen by anybody who sees the terminal."""
    if isinstance(value, Secret) or "KEY" in name:
        return "(set)"
    text = ", ".join(value) if isinstance(value, tuple) else str(value)
    if "://" in text and ("@" in text or "?" in text):
        return "(set, with credentials)"
    text = scrub(text)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


async def examine(settings: Settings, *, root: Path = Path()) -> list[Finding]:
    """Ask everything this process depends on, at once; the findings are in a fixed order."""
    answers = await asyncio.gather(*(_findings(ask, settings) for ask in EXAMINATIONS))
    told = [finding for findings in answers for finding in findings]
    return [*told, *_process(settings), *_repository(root)]


async def _findings(ask: Examination, settings: Settings) -> list[Finding]:
    found = []
    try:
        async with asyncio.timeout(4 * PATIENCE):
            async for finding in ask(settings):
                found.append(finding)  # noqa: PERF401  # what was found before a failure is told
    except Exception as error:  # noqa: BLE001 - whatever is broken is a finding, not a traceback
        found.append(broken(ask.__name__.strip("_"), error))
    return found


async def _functions(settings: Settings) -> AsyncIterator[Finding]:
    table = await asyncio.to_thread(discover, settings.functions, import_budget=settings.limits.import_budget)
    yield Finding("functions", f"{len(table.operations)} endpoints serve")
    for fault in table.faults:
        yield Finding("functions", str(fault), is_fault=True)


async def _database(settings: Settings) -> AsyncIterator[Finding]:
    if settings.database.url is None:
        yield Finding("database", "DATABASE_URL is not set: functions that ask for `Database` answer 503")
        return
    async with open_database(settings) as database:
        try:
            seconds = await database.ping(PATIENCE)
            allowed = await database.fetch_value("SHOW max_connections")
        except DatabaseUnavailable as error:
            yield Finding("database", f"does not answer: {error.reason}", is_fault=True)
            return
        behind = " behind a transaction pooler" if database.is_behind_pooler else ""
        yield Finding("database", f"answers in {seconds * 1000:.0f} ms{behind}")
        ours = database.statistics().maximum
        yield Finding("database", f"this process opens at most {ours} of the server's {allowed} connections")
    for finding in await check_database(settings):
        yield finding


async def _keys(settings: Settings) -> AsyncIterator[Finding]:
    clerk = settings.clerk
    if clerk.jwt_key:
        yield Finding("keys", "CLERK_JWT_KEY verifies tokens without any network")
    elif not is_configured(clerk):
        yield Finding("keys", "the development issuer signs; Clerk is not configured")
    else:
        url, secret = keys_source(clerk)
        yield await _key_set(url, {"Authorization": f"Bearer {secret.reveal()}"} if secret else {})


async def _key_set(url: str, headers: dict[str, str]) -> Finding:
    try:
        async with httpx.AsyncClient(timeout=PATIENCE) as http:
            answer = await http.get(url, headers=headers)
        keys = read_key_set(answer.raise_for_status().content)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return Finding("keys", f"{url} does not answer ({type(error).__name__})", is_fault=True)
    except (KeySetError, ValueError):
        return Finding("keys", f"{url} answers with something that is not a key set", is_fault=True)
    return Finding("keys", f"{len(keys)} keys at {url}", is_fault=not keys)


async def _collector(settings: Settings) -> AsyncIterator[Finding]:
    endpoint = settings.telemetry.endpoint
    if not endpoint or settings.telemetry.disabled:
        yield Finding("collector", "OTEL_EXPORTER_OTLP_ENDPOINT is not set: nothing is sent")
        return
    url = f"{endpoint.rstrip('/')}/v1/traces"
    began = time.perf_counter()
    try:
        async with httpx.AsyncClient(timeout=PATIENCE) as http:
            # An empty message is a valid request without spans.
            answer = await http.post(url, content=b"", headers={"Content-Type": "application/x-protobuf"})
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        yield Finding("collector", f"{url} does not answer ({type(error).__name__})", is_fault=True)
        return
    spent = (time.perf_counter() - began) * 1000
    text = f"{url} answers {answer.status_code} in {spent:.0f} ms"
    yield Finding("collector", text, is_fault=answer.status_code not in {200, 401, 403})


def _process(settings: Settings) -> Iterator[Finding]:
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    wanted = 2 * settings.limits.max_connections + 64
    enough = files == resource.RLIM_INFINITY or files >= wanted
    text = f"{files} open files allowed, {wanted} wanted for ANNEX_MAX_CONNECTIONS"
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
    """Two files that change how the platform builds what stands beside them."""
    if (root / "requirements.txt").exists():
        yield Finding("build", "requirements.txt makes Railpack ignore uv.lock: remove it", is_fault=True)
    if (root / "package.json").exists() and (root / "railway.toml").exists():
        text = "railway.toml beside package.json configures the Next.js service too; see docs/operations.md"
        yield Finding("build", text, is_fault=True)


EXAMINATIONS: tuple[Examination, ...] = (_functions, _database, _keys, _collector)


def as_json(settings: Settings, findings: list[Finding]) -> bytes:
    """Return everything for a machine."""
    return msgspec.json.encode(
        {
            "variables": list(variables(settings)),
            "findings": [finding._asdict() for finding in findings],
        }
    )
