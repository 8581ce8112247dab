"""Every setting of the service as data: its environment names, what it is for, its default.

`runtime.settings` fills these structs; `docs/settings.md` is generated from them.
"""

from pathlib import Path
from typing import Annotated, Literal

from msgspec import Struct

from runtime.settings.groups.agents import AgentSettings
from runtime.settings.groups.clerk import ClerkSettings
from runtime.settings.groups.cors import CorsSettings
from runtime.settings.groups.database import DatabaseSettings
from runtime.settings.groups.limits import LimitSettings
from runtime.settings.groups.telemetry import TelemetrySettings
from runtime.settings.groups.webhooks import WebhookSettings
from runtime.settings.groups.work import WorkSettings
from runtime.settings.own import Environment
from runtime.settings.variable import from_env
from shared.secret import Secret


class Settings(Struct, frozen=True, kw_only=True):
    """Everything the composition root is built from."""

    env: Annotated[
        Literal["development", "test", "production"] | None,
        from_env(
            "ANNEX_ENV",
            doc="`production` when RAILWAY_ENVIRONMENT_NAME is set, else `development`.",
        ),
    ] = None
    railway_environment: Annotated[
        str | None, from_env("RAILWAY_ENVIRONMENT_NAME", doc="Set by Railway.")
    ] = None
    replica: Annotated[
        str | None, from_env("RAILWAY_REPLICA_ID", doc="Set by Railway; `service.instance.id`.")
    ] = None
    region: Annotated[
        str | None, from_env("RAILWAY_REPLICA_REGION", doc="Set by Railway; `cloud.region`.")
    ] = None
    deployment: Annotated[
        str | None, from_env("RAILWAY_DEPLOYMENT_ID", doc="Set by Railway; `deployment.id`.")
    ] = None
    commit: Annotated[
        str | None, from_env("RAILWAY_GIT_COMMIT_SHA", doc="Set by Railway; `service.version`.")
    ] = None
    railway_draining: Annotated[
        int,
        from_env(
            "RAILWAY_DEPLOYMENT_DRAINING_SECONDS",
            doc="Seconds between SIGTERM and SIGKILL on Railway, whose own default of 0 kills at once; set 40. Only `annex doctor` reads it here.",
        ),
    ] = 0
    smoke_token: Annotated[
        Secret | None, from_env("ANNEX_SMOKE_TOKEN", doc="The session token of `annex smoke`'s signed call.")
    ] = None
    host: Annotated[str, from_env("HOST", doc="Address to listen on; empty is IPv4 and IPv6.")] = ""
    port: Annotated[int, from_env("PORT", doc="Port to listen on.")] = 8000
    functions: Annotated[Path, from_env("ANNEX_FUNCTIONS", doc="The folder whose files are endpoints.")] = (
        Path("functions")
    )
    seed: Annotated[
        Path | None,
        from_env(
            "ANNEX_SEED",
            doc="The folder of `.sql` files, such as `prisma/migrations`, from which `annex dev` creates its database; `shared/*/seed` by default.",
        ),
    ] = None
    strict: Annotated[
        bool, from_env("ANNEX_STRICT", doc="Refuse to start when any function file is broken.")
    ] = False
    docs: Annotated[
        bool,
        from_env("ANNEX_DOCS", doc="Serve `/docs` and `/openapi.json`: to everybody, in production too."),
    ] = True
    trusted_proxies: Annotated[
        tuple[str, ...],
        from_env(
            "ANNEX_TRUSTED_PROXIES",
            doc="Networks whose X-Real-IP, X-Forwarded-Proto and request ids are believed; Railway's edge by default.",
        ),
    ] = ("100.64.0.0/10",)
    redis_url: Annotated[
        Secret | None,
        from_env(
            "REDIS_URL",
            doc="Valkey or Redis: rate limits shared by replicas, resumable agent runs, queued work.",
        ),
    ] = None
    secret: Annotated[
        Secret | None,
        from_env(
            "ANNEX_SECRET",
            doc="Signs continuations and cursors; made at start when unset, so set it with more than one replica. Once set, it seals queued work too.",
        ),
    ] = None
    old_secret: Annotated[
        Secret | None,
        from_env(
            "ANNEX_SECRET_OLD",
            doc="The ANNEX_SECRET before the last change: queued work that it has sealed can still be read.",
        ),
    ] = None
    own: Environment = Environment()
    clerk: ClerkSettings = ClerkSettings()
    webhooks: WebhookSettings = WebhookSettings()
    database: DatabaseSettings = DatabaseSettings()
    telemetry: TelemetrySettings = TelemetrySettings()
    cors: CorsSettings = CorsSettings()
    limits: LimitSettings = LimitSettings()
    agents: AgentSettings = AgentSettings()
    work: WorkSettings = WorkSettings()

    @property
    def environment(self) -> str:
        """`development`, `test` or `production`."""
        return self.env or ("production" if self.railway_environment else "development")

    @property
    def is_production(self) -> bool:
        """No development issuer, no developer pages, JSON logs."""
        return self.environment == "production"
