"""What values must be besides their type, and what they must be together."""

import re
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from ipaddress import ip_network
from urllib.parse import urlsplit

from runtime.settings.faults import SettingsFault
from runtime.settings.origins import origins
from runtime.settings.variables import Settings
from shared.agents import NamedModel
from shared.database import InvalidDatabaseUrl, translate
from shared.redis_url import RedisUrl
from shared.secret import Secret

SHORTEST_SECRET = 16  # characters; what is shorter can be guessed offline from one signature


def broken_rules(settings: Settings) -> Iterator[SettingsFault]:
    """Yield what is wrong with values that could be read."""
    for problem in origins.faults(settings.cors.origins):
        yield SettingsFault("CORS_ORIGINS", problem)
    if not all(re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", name) for name in settings.cors.headers):
        yield SettingsFault("CORS_HEADERS", "expected names of headers such as X-Tenant, separated by commas")
    if settings.cors.credentials and "*" in settings.cors.origins:
        yield SettingsFault(
            "CORS_ORIGINS",
            "`*` together with CORS_CREDENTIALS lets any site act as the user; list the origins",
        )
    if settings.database.url is not None:
        try:
            translate(settings.database.url.reveal())
        except InvalidDatabaseUrl as refused:
            yield SettingsFault("DATABASE_URL", str(refused))
    yield from _model_faults(settings)
    yield from _redis_faults(settings.redis_url)
    yield from _shape_faults(settings)
    dsn = settings.telemetry.sentry_dsn
    if dsn is not None and not re.fullmatch(
        r"https?://[^/@\s]+@([^/@:\s]+|\[[\da-fA-F:]+\])(:\d{1,5})?/(\S+/)?\d+", dsn.reveal()
    ):
        yield SettingsFault("SENTRY_DSN", "expected https://KEY@HOST/PROJECT, as Sentry shows it")
    yield from _work_faults(settings)
    yield from _range_faults(settings)


def _model_faults(settings: Settings) -> Iterator[SettingsFault]:
    names: set[str] = set()
    for text in settings.agents.models:
        try:
            name, _ = NamedModel.read(text)
        except ValueError as refused:
            yield SettingsFault("ANNEX_MODELS", str(refused))
            return
        if name in names:
            yield SettingsFault("ANNEX_MODELS", f"the name {name} stands there twice")
        names.add(name)


def _range_faults(settings: Settings) -> Iterator[SettingsFault]:
    """Check numbers with which the service would start and serve nobody, or never end."""
    limits, database, agents = settings.limits, settings.database, settings.agents
    at_least_one = {
        "ANNEX_MAX_CONNECTIONS": limits.max_connections,
        "ANNEX_MAX_CONCURRENCY": limits.max_concurrency,
        "ANNEX_ISOLATED_PROCESSES": limits.isolated_processes,
        "DATABASE_POOL_MAX": database.pool_max,
        "ANNEX_RUNS_PER_USER": agents.runs_per_user,
        "ANNEX_RUNS_TOTAL": agents.runs_total,
    }
    above_zero = {
        "ANNEX_IMPORT_BUDGET": limits.import_budget,
        "DATABASE_ACQUIRE_TIMEOUT": database.acquire_timeout,
        "DATABASE_CONNECT_TIMEOUT": database.connect_timeout,
        "DATABASE_QUERY_TIMEOUT": database.query_timeout,
    }
    yield from (
        SettingsFault(name, "expected 1 or more") for name, value in at_least_one.items() if value == 0
    )
    yield from (
        SettingsFault(name, "expected more than 0 seconds")
        for name, value in above_zero.items()
        if value == 0
    )
    if not 0 < settings.port < 65536:
        yield SettingsFault("PORT", "expected a port between 1 and 65535")
    if settings.telemetry.metric_interval < 1000:
        yield SettingsFault("OTEL_METRIC_EXPORT_INTERVAL", "expected 1000 milliseconds or more")
    if not 0 <= settings.telemetry.sample_ratio <= 1:
        yield SettingsFault("OTEL_TRACES_SAMPLER_ARG", "expected a share between 0 and 1")
    if settings.secret is not None and len(settings.secret.reveal()) < SHORTEST_SECRET:
        text = f"expected {SHORTEST_SECRET} characters or more, such as those of `openssl rand -hex 32`"
        yield SettingsFault("ANNEX_SECRET", text)


def _work_faults(settings: Settings) -> Iterator[SettingsFault]:
    work = settings.work
    if work.lease < 1:
        yield SettingsFault("ANNEX_JOB_LEASE", "expected 1 second or more")
    if work.at_once < 1:
        yield SettingsFault("ANNEX_JOBS_AT_ONCE", "expected 1 or more")
    if work.runs_kept < 1:
        yield SettingsFault("ANNEX_RUNS_KEPT", "expected 1 second or more")


def _redis_faults(url: Secret | None) -> Iterator[SettingsFault]:
    if url is None:
        return
    if not url.reveal().startswith(("redis://", "rediss://", "unix://")):
        yield SettingsFault("REDIS_URL", "expected redis://, rediss:// or unix://")
    elif find_spec("redis") is None:
        yield SettingsFault(
            "REDIS_URL", "set, but its client is missing: install annex-functions[redis], or unset it"
        )
    elif not _is_redis(url):
        yield SettingsFault(
            "REDIS_URL", "expected redis://user:password@host:port/number; percent-encode / ? # @ in it"
        )


def _is_redis(url: Secret) -> bool:
    try:
        RedisUrl(url).check()
    except (ValueError, TypeError):  # the latter for an option that the client does not have
        return False
    return True


def _shape_faults(settings: Settings) -> Iterator[SettingsFault]:
    """Check texts that are passed on and would be quoted in the errors of whoever cannot use them."""
    if not re.fullmatch(r"auto|[1-9]\d{0,2}", settings.limits.workers):
        yield SettingsFault("ANNEX_WORKERS", "expected a number from 1 to 999, or auto")
    if not re.fullmatch(r"[A-Za-z0-9.:-]*", settings.host):
        yield SettingsFault("HOST", "expected an address such as 0.0.0.0 or ::, without quotes and port")
    if not all(_is_read(ip_network, network) for network in settings.trusted_proxies):
        yield SettingsFault(
            "ANNEX_TRUSTED_PROXIES", "expected networks such as 100.64.0.0/10, separated by commas"
        )
    url = settings.agents.openai_base_url
    if url and not is_url(url):
        yield SettingsFault("OPENAI_BASE_URL", "expected an absolute URL without user, `?` or `#`")


def is_url(text: str) -> bool:
    """Whether a text is an absolute HTTP URL of host, port and path alone: nothing in it can be a secret."""
    return _is_read(_port_of, text) and re.fullmatch(r"https?://[^\s/?#@,]+(/[^\s?#@]*)?", text) is not None


def _port_of(url: str) -> int | None:
    return urlsplit(url).port


def _is_read(read: Callable[[str], object], text: str) -> bool:
    try:
        read(text)
    except ValueError:
        return False
    return True
