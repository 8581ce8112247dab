"""What a function file or a folder may say about itself: `config = Function(...)`, `config = Folder(...)`."""

from collections.abc import Sequence
from typing import Any, Literal

from msgspec import Struct

TokenType = Literal["session", "m2m_token", "oauth_token", "api_key"]


class Function(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """The config of one function file; every value must be a literal.

    Attributes:
        public: no session needed.
        org: an active organisation is needed.
        role: needed role in the active organisation.
        permission: needed permission.
        feature: needed feature.
        plan: needed plan.
        reverification: how fresh the sign-in must be: ``strict_mfa``, ``strict``, ``moderate``, ``lax`` or
            ``{"level": …, "after_minutes": …}``.
        pending: accept sessions that still have tasks to finish.
        token_types: Clerk credentials that are accepted.
        timeout: seconds until 504.
        cancel_on_disconnect: stop when the caller leaves; streams do by default.
        concurrency: calls at once in one process.
        queue: how many calls may wait for `concurrency`.
        rate_limit: ``"20/minute"`` per user, per address where public.
        max_body: bytes.
        status: success status.
        cache: seconds for Cache-Control on GET; for shared caches only where the handler can see no caller.
        read_only: database transactions of this function are read-only.
        webhook: signature scheme that replaces a session.
        path: a URL that no file name can spell.
        tags: documentation.
        deprecated: documentation.
        summary: documentation.
        methods: per-method overrides of any of the above but `public`, `webhook` and `path`.
    """

    public: bool = False
    org: bool | None = None
    role: str | None = None
    permission: str | None = None
    feature: str | None = None
    plan: str | None = None
    reverification: str | dict[str, Any] | None = None
    pending: bool | None = None
    token_types: Sequence[TokenType] | None = None
    timeout: float | None = None
    cancel_on_disconnect: bool | None = None
    concurrency: int | None = None
    queue: int | None = None
    rate_limit: str | None = None
    max_body: int | None = None
    status: int | None = None
    cache: int | None = None
    read_only: bool | None = None
    webhook: Literal["clerk"] | None = None
    path: str | None = None
    tags: Sequence[str] = ()
    deprecated: bool | None = None
    summary: str | None = None
    methods: dict[str, dict[str, Any]] | None = None


class Folder(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """The config of everything below a folder, in its `_config.py`; it may tighten, never make public."""

    org: bool | None = None
    role: str | None = None
    permission: str | None = None
    feature: str | None = None
    plan: str | None = None
    reverification: str | dict[str, Any] | None = None
    token_types: Sequence[TokenType] | None = None
    timeout: float | None = None
    cancel_on_disconnect: bool | None = None
    concurrency: int | None = None
    queue: int | None = None
    rate_limit: str | None = None
    max_body: int | None = None
    read_only: bool | None = None
    tags: Sequence[str] = ()


class Policy(Struct, frozen=True, kw_only=True):
    """What holds for one method of one route, once defaults, folders, file and method were laid together.

    This is all that auth, limits and deadlines look at. Keys mean what they mean in `Function`.

    Attributes:
        origins: for each key that is not at its project default, where its value came from
            (``orders/_config.py``, ``orders/[id].py``, ``orders/[id].py methods.post``).
    """

    public: bool = False
    org: bool = False
    role: str | None = None
    permission: str | None = None
    feature: str | None = None
    plan: str | None = None
    reverification: str | dict[str, Any] | None = None
    pending: bool = False
    token_types: tuple[TokenType, ...] = ("session",)
    timeout: float = 25
    cancel_on_disconnect: bool | None = None
    concurrency: int | None = None
    queue: int = 0
    rate_limit: str | None = None
    max_body: int = 1024 * 1024
    status: int | None = None
    cache: int | None = None
    read_only: bool = False
    webhook: Literal["clerk"] | None = None
    path: str | None = None
    tags: tuple[str, ...] = ()
    deprecated: bool = False
    summary: str | None = None
    origins: dict[str, str] = {}


class Endpoint(Struct, frozen=True, kw_only=True):
    """One method of one route, known before its handler runs: Litestar carries it as ``opt["endpoint"]``.

    Attributes:
        method: upper case, such as ``GET``.
        template: ``/orders/{id}``, without types.
        file: path below the functions folder, with forward slashes.
        policy: what holds for it.
        stream: the handler returns an event stream.
        error_id: set when the file is quarantined.
    """

    method: str
    template: str
    file: str
    policy: Policy
    stream: bool = False
    error_id: str | None = None
