"""Every setting of the service as data: its environment names, what it is for, its default.

`runtime.settings` fills these structs; `docs/settings.md` is generated from them.
"""

from pathlib import Path
from typing import Annotated, Literal, NamedTuple

from msgspec import Struct

from shared.secret import Secret


class Variable(NamedTuple):
    """The environment names of one setting (first one set wins) and what it is for."""

    names: tuple[str, ...]
    doc: str


def _env(*names: str, doc: str) -> Variable:
    return Variable(names, doc)


class ClerkSettings(Struct, frozen=True, kw_only=True):
    """How callers are verified."""

    publishable_key: Annotated[
        str | None,
        _env(
            "CLERK_PUBLISHABLE_KEY",
            "NEXT_PUBLIC_CLERK_PUBLISHABLE_KEY",
            doc="The app's publishable key; names the issuer and where its public keys are.",
        ),
    ] = None
    secret_key: Annotated[
        Secret | None,
        _env(
            "CLERK_SECRET_KEY",
            doc="Needed for opaque machine tokens, and for keys from the Backend API.",
        ),
    ] = None
    jwt_key: Annotated[
        str | None,
        _env(
            "CLERK_JWT_KEY",
            doc="The instance's public key (PEM). Set, tokens are verified without any network.",
        ),
    ] = None
    issuers: Annotated[
        tuple[str, ...],
        _env(
            "CLERK_ISSUER",
            doc="The `iss` that tokens carry, when it is not the publishable key's host (proxy, satellite domains); several separated by commas.",
        ),
    ] = ()
    jwks_url: Annotated[
        str | None,
        _env(
            "CLERK_JWKS_URL",
            doc="Where public keys are fetched from, when not from the publishable key's host.",
        ),
    ] = None
    api_url: Annotated[str, _env("CLERK_API_URL", doc="Clerk's Backend API.")] = "https://api.clerk.com"
    authorized_parties: Annotated[
        tuple[str, ...],
        _env(
            "CLERK_AUTHORIZED_PARTIES",
            doc="Origins whose tokens are accepted (`azp`), comma-separated. Set it in production.",
        ),
    ] = ()
    audience: Annotated[
        tuple[str, ...],
        _env("CLERK_AUDIENCE", doc="Accepted `aud` values, checked only for tokens that carry one."),
    ] = ()
    machine_secret_key: Annotated[
        Secret | None, _env("CLERK_MACHINE_SECRET_KEY", doc="Verifies opaque M2M tokens.")
    ] = None
    webhook_secret: Annotated[
        Secret | None,
        _env(
            "CLERK_WEBHOOK_SIGNING_SECRET",
            "CLERK_WEBHOOK_SECRET",
            doc="`whsec_…`: checks the signature of Clerk's webhooks.",
        ),
    ] = None
    clock_skew: Annotated[
        float, _env("CLERK_CLOCK_SKEW", doc="Seconds that our clock and Clerk's may differ.")
    ] = 5.0
    accept_cookies: Annotated[
        bool,
        _env(
            "CLERK_ACCEPT_COOKIES",
            doc="Also accept the `__session` cookie, with cross-site checks.",
        ),
    ] = False
    accept_templates: Annotated[
        bool,
        _env(
            "CLERK_ACCEPT_TEMPLATES",
            doc="Also accept tokens made from a JWT template (they outlive their session).",
        ),
    ] = False


class DatabaseSettings(Struct, frozen=True, kw_only=True):
    """Where the app's PostgreSQL is and how much of it may be used."""

    url: Annotated[
        Secret | None,
        _env("DATABASE_URL", doc="The app's own URL, in Prisma's, Drizzle's or libpq's dialect."),
    ] = None
    pool_max: Annotated[
        int | None,
        _env(
            "DATABASE_POOL_MAX",
            doc="Connections of the service, divided among its workers, at least one for each; 5 unless the URL says `connection_limit`.",
        ),
    ] = None
    pooler: Annotated[
        Literal["none", "transaction"] | None,
        _env("DATABASE_POOLER", doc="`transaction` behind PgBouncer or another transaction pooler."),
    ] = None
    acquire_timeout: Annotated[
        float | None,
        _env(
            "DATABASE_ACQUIRE_TIMEOUT",
            doc="Seconds to wait for a free connection; 5 unless the URL says `pool_timeout`.",
        ),
    ] = None
    connect_timeout: Annotated[
        float | None,
        _env(
            "DATABASE_CONNECT_TIMEOUT",
            doc="Seconds for one new connection; 5 unless the URL says `connect_timeout`.",
        ),
    ] = None
    query_timeout: Annotated[
        float | None,
        _env(
            "DATABASE_QUERY_TIMEOUT",
            doc="Seconds for one statement; 20 unless the URL says `socket_timeout`.",
        ),
    ] = None


class TelemetrySettings(Struct, frozen=True, kw_only=True):
    """Where traces, metrics and logs go. The `OTEL_*` names are OpenTelemetry's own."""

    endpoint: Annotated[
        str | None,
        _env(
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            doc="Base URL of an OTLP/HTTP collector (`http://collector.railway.internal:4318`). Unset: nothing is sent.",
        ),
    ] = None
    headers: Annotated[
        Secret | None,
        _env(
            "OTEL_EXPORTER_OTLP_HEADERS",
            doc="Headers for the collector, `name=value` separated by commas.",
        ),
    ] = None
    service_name: Annotated[str, _env("OTEL_SERVICE_NAME", doc="`service.name` of everything sent.")] = (
        "annex"
    )
    sample_ratio: Annotated[
        float,
        _env(
            "OTEL_TRACES_SAMPLER_ARG",
            doc="Share of new traces that are recorded, 0 to 1. Leave at 1 when the collector samples tails.",
        ),
    ] = 1.0
    disabled: Annotated[bool, _env("OTEL_SDK_DISABLED", doc="Turn OpenTelemetry off.")] = False
    trust_traceparent: Annotated[
        Literal["always", "private", "never"],
        _env(
            "ANNEX_TRUST_TRACEPARENT",
            doc="Whose `traceparent` is continued: everybody's, only that of callers on private networks (others are linked), or nobody's.",
        ),
    ] = "private"
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"],
        _env("LOG_LEVEL", doc="Least severe line written."),
    ] = "info"
    log_format: Annotated[
        Literal["json", "text"] | None,
        _env(
            "LOG_FORMAT",
            doc="`json` in production, `text` (coloured on a terminal) in development.",
        ),
    ] = None
    access_log_rate: Annotated[
        int,
        _env(
            "ANNEX_ACCESS_LOG_RATE",
            doc="Access lines a second for successes, and as many for failures; the rest are counted and left out.",
        ),
    ] = 50
    exception_messages: Annotated[
        bool,
        _env(
            "ANNEX_EXCEPTION_MESSAGES",
            doc="Write the text of unexpected exceptions to the log; it can quote what a caller sent. Always on in development.",
        ),
    ] = False


class CorsSettings(Struct, frozen=True, kw_only=True):
    """Which web origins may read answers."""

    origins: Annotated[
        tuple[str, ...],
        _env(
            "CORS_ORIGINS",
            doc="Exact origins and patterns such as `https://app-*-team.vercel.app`, comma-separated (`*` never crosses a dot).",
        ),
    ] = ()
    credentials: Annotated[
        bool,
        _env("CORS_CREDENTIALS", doc="Allow cookies cross-origin; not needed for bearer tokens."),
    ] = False
    headers: Annotated[
        tuple[str, ...],
        _env(
            "CORS_HEADERS",
            doc="Request headers that pages may send beside the usual ones, such as `X-Tenant`, comma-separated.",
        ),
    ] = ()


class LimitSettings(Struct, frozen=True, kw_only=True):
    """What the service as a whole takes on."""

    workers: Annotated[
        str,
        _env("ANNEX_WORKERS", doc="Processes that serve; `auto` is one for each core."),
    ] = "1"
    spare: Annotated[
        bool,
        _env(
            "ANNEX_SPARE",
            doc="Keep one more process that has imported everything and stands by; without it the place of a worker is empty while another one starts. `false` saves its memory.",
        ),
    ] = True
    max_connections: Annotated[int, _env("ANNEX_MAX_CONNECTIONS", doc="Open sockets of one worker.")] = 2000
    max_concurrency: Annotated[
        int,
        _env(
            "ANNEX_MAX_CONCURRENCY",
            doc="Concurrent requests of one worker; the rest get 503 with Retry-After.",
        ),
    ] = 400
    stall: Annotated[
        float,
        _env(
            "ANNEX_STALL",
            doc="Seconds for which one step of a function may hold the event loop before it is interrupted; a worker that is still silent a second later is replaced. 0 for never, as in development.",
        ),
    ] = 2.0
    import_budget: Annotated[
        float,
        _env(
            "ANNEX_IMPORT_BUDGET",
            doc="Seconds one function file may take to import before it is quarantined.",
        ),
    ] = 10.0
    hang_timeout: Annotated[
        float,
        _env(
            "ANNEX_HANG_TIMEOUT",
            doc="Seconds for which a worker's event loop may be blocked at most before it is replaced, where `ANNEX_STALL` has not ended it; 0 for never, as in development.",
        ),
    ] = 60.0
    drain_timeout: Annotated[
        float,
        _env(
            "ANNEX_DRAIN_TIMEOUT",
            doc="Seconds in-flight requests get after SIGTERM; keep it below Railway's draining seconds.",
        ),
    ] = 20.0
    drain_delay: Annotated[
        float,
        _env(
            "ANNEX_DRAIN_DELAY",
            doc="Seconds to keep accepting requests after SIGTERM, sending `Connection: close`, so that keep-alive clients move to the new deployment; none in development.",
        ),
    ] = 3.0


class AgentSettings(Struct, frozen=True, kw_only=True):
    """Models and bounds of agent runs."""

    openai_api_key: Annotated[
        Secret | None,
        _env(
            "OPENAI_API_KEY",
            doc="Unset: agents replay recorded replies in development, and answer 503 in production.",
        ),
    ] = None
    openai_base_url: Annotated[
        str | None, _env("OPENAI_BASE_URL", doc="Base URL of another server that has OpenAI's API.")
    ] = None
    model: Annotated[str, _env("ANNEX_MODEL", doc="The model agents use.")] = "gpt-5-mini"
    runs_per_user: Annotated[
        int, _env("ANNEX_RUNS_PER_USER", doc="Agent runs one user may have at once.")
    ] = 3
    runs_total: Annotated[int, _env("ANNEX_RUNS_TOTAL", doc="Agent runs of one worker at once.")] = 100
    trace_messages: Annotated[bool, _env("ANNEX_TRACE_MESSAGES", doc="Record message text in spans.")] = False


class Settings(Struct, frozen=True, kw_only=True):
    """Everything the composition root is built from."""

    env: Annotated[
        Literal["development", "test", "production"] | None,
        _env(
            "ANNEX_ENV",
            doc="`production` when RAILWAY_ENVIRONMENT_NAME is set, else `development`.",
        ),
    ] = None
    railway_environment: Annotated[str | None, _env("RAILWAY_ENVIRONMENT_NAME", doc="Set by Railway.")] = None
    replica: Annotated[
        str | None, _env("RAILWAY_REPLICA_ID", doc="Set by Railway; `service.instance.id`.")
    ] = None
    region: Annotated[str | None, _env("RAILWAY_REPLICA_REGION", doc="Set by Railway; `cloud.region`.")] = (
        None
    )
    deployment: Annotated[
        str | None, _env("RAILWAY_DEPLOYMENT_ID", doc="Set by Railway; `deployment.id`.")
    ] = None
    commit: Annotated[
        str | None, _env("RAILWAY_GIT_COMMIT_SHA", doc="Set by Railway; `service.version`.")
    ] = None
    railway_draining: Annotated[
        int,
        _env(
            "RAILWAY_DEPLOYMENT_DRAINING_SECONDS",
            doc="Seconds between SIGTERM and SIGKILL on Railway, whose own default of 0 kills at once; set 40. Only `annex doctor` reads it here.",
        ),
    ] = 0
    smoke_token: Annotated[
        Secret | None, _env("ANNEX_SMOKE_TOKEN", doc="The session token of `annex smoke`'s signed call.")
    ] = None
    host: Annotated[str, _env("HOST", doc="Address to listen on; empty is IPv4 and IPv6.")] = ""
    port: Annotated[int, _env("PORT", doc="Port to listen on.")] = 8000
    functions: Annotated[Path, _env("ANNEX_FUNCTIONS", doc="The folder whose files are endpoints.")] = Path(
        "functions"
    )
    seed: Annotated[
        Path | None,
        _env(
            "ANNEX_SEED",
            doc="The folder of `.sql` files, such as `prisma/migrations`, from which `annex dev` creates its database; `shared/*/seed` by default.",
        ),
    ] = None
    strict: Annotated[bool, _env("ANNEX_STRICT", doc="Refuse to start when any function file is broken.")] = (
        False
    )
    docs: Annotated[bool, _env("ANNEX_DOCS", doc="Serve `/docs` and `/openapi.json`.")] = True
    trusted_proxies: Annotated[
        tuple[str, ...],
        _env(
            "ANNEX_TRUSTED_PROXIES",
            doc="Networks whose X-Real-IP, X-Forwarded-Proto and request ids are believed; Railway's edge by default.",
        ),
    ] = ("100.64.0.0/10",)
    redis_url: Annotated[
        Secret | None,
        _env(
            "REDIS_URL",
            doc="Valkey or Redis: rate limits shared by replicas, resumable agent runs.",
        ),
    ] = None
    secret: Annotated[
        Secret | None,
        _env(
            "ANNEX_SECRET",
            doc="Signs continuations and cursors; made at start when unset, so set it with more than one replica.",
        ),
    ] = None
    clerk: ClerkSettings = ClerkSettings()
    database: DatabaseSettings = DatabaseSettings()
    telemetry: TelemetrySettings = TelemetrySettings()
    cors: CorsSettings = CorsSettings()
    limits: LimitSettings = LimitSettings()
    agents: AgentSettings = AgentSettings()

    @property
    def environment(self) -> str:
        """`development`, `test` or `production`."""
        return self.env or ("production" if self.railway_environment else "development")

    @property
    def is_production(self) -> bool:
        """No development issuer, no developer pages, JSON logs."""
        return self.environment == "production"
