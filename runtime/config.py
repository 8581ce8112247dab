"""What a function file or a folder may say about itself: `config = Function(...)`, `config = Folder(...)`."""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Annotated, Any, Final, Literal, get_args

from msgspec import Meta, Struct, ValidationError, convert

TokenType = Literal["session", "m2m_token", "oauth_token", "api_key"]
WebhookScheme = Literal["clerk"]
Factor = Literal["first_factor", "second_factor", "multi_factor"]
FACTORS: Final = get_args(Factor)


class Reverification(Struct, frozen=True, forbid_unknown_fields=True):
    """How recent a sign-in must be: the factors of `level`, verified less than `after_minutes` ago."""

    level: Factor
    after_minutes: Annotated[int, Meta(gt=0)]


REVERIFICATIONS: Final = {
    "lax": Reverification("second_factor", 1440),
    "moderate": Reverification("second_factor", 60),
    "strict": Reverification("second_factor", 10),
    "strict_mfa": Reverification("multi_factor", 10),
}


_GRANT_SCOPES: Final = {"o": "o", "org": "o", "organization": "o", "u": "u", "user": "u"}


def reverification_of(value: str | Mapping[str, Any]) -> Reverification:
    """Read the key `reverification`, in either of its forms.

    Raises:
        ValueError: no such name, or other members than `level` and positive `after_minutes`.
    """
    if isinstance(value, str):
        if value not in REVERIFICATIONS:
            raise ValueError("No such level.")
        return REVERIFICATIONS[value]
    try:
        return convert(value, Reverification)
    except ValidationError:
        raise ValueError(
            f"Expected a level ({', '.join(FACTORS)}) and whole after_minutes above 0."
        ) from None


@lru_cache
def grants_of(asked: str) -> frozenset[str]:
    """Return the claims any of which grants a feature or plan, such as ``o:alerts`` for ``org:alerts``.

    Raises:
        ValueError: no session can have it.
    """
    scope, separator, name = asked.rpartition(":")
    letters = _GRANT_SCOPES.get(scope) if separator else "ou"
    if letters is None or not re.fullmatch(r"[^\s,:]+", name):
        raise ValueError("Expected a name, or one behind 'org:' or 'user:'.")
    return frozenset(f"{letter}:{name}" for letter in letters)


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
    webhook: WebhookScheme | None = None
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
            (``signals/_config.py``, ``signals/[symbol].py``, ``signals/[symbol].py methods.post``).
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
    webhook: WebhookScheme | None = None
    path: str | None = None
    tags: tuple[str, ...] = ()
    deprecated: bool = False
    summary: str | None = None
    origins: dict[str, str] = {}


class Endpoint(Struct, frozen=True, kw_only=True):
    """One method of one route, known before its handler runs: Litestar carries it as ``opt["endpoint"]``.

    Attributes:
        method: upper case, such as ``GET``.
        template: ``/signals/{symbol}``, without types.
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
