"""The keys of a config. Each is declared once; checks, documentation and folder rules follow from it."""

from collections.abc import Mapping, Sequence
from functools import cache
from types import MappingProxyType
from typing import Annotated, Any, Literal, get_type_hints

from msgspec import Struct

from runtime.config.key import (
    INNER,
    LESS,
    ON,
    SAME,
    SLOWER,
    SMALLER,
    STRICTER,
    SUBSET,
    UNION,
    Key,
    above_zero,
    cron_text,
    grant,
    memory_size,
    not_empty,
    not_negative,
    organization_scope,
    rate_text,
    reverification_value,
    success_status,
    timezone_name,
    url_path,
)
from runtime.config.old_keys import AcceptsOldKeys
from runtime.config.reverification import PRESETS

TokenType = Literal["session", "m2m_token", "oauth_token", "api_key"]
WebhookScheme = Literal["clerk", "github", "slack", "stripe", "svix"]

_YES_OR_NO = "Write True or False."
_TEXT = "Write a text."
_GRANT = 'Write it as Clerk does, such as "alerts" or "org:alerts".'


class FolderKeys(
    Struct,
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    forbid_unknown_fields=True,
    metaclass=AcceptsOldKeys,
):
    """Keys that folders and files may set. The defaults are the project's."""

    org: Annotated[
        bool, Key(doc="an active organisation is needed", cure=_YES_OR_NO, below=ON, is_demand=True)
    ] = False
    role: Annotated[
        str | None,
        Key(
            doc="needed role in the active organisation",
            cure='Write it as Clerk does, such as "org:admin".',
            check=organization_scope,
            below=SAME,
            is_demand=True,
        ),
    ] = None
    permission: Annotated[
        str | None,
        Key(
            doc="needed permission",
            cure='Write it as Clerk does, such as "org:orders:read".',
            check=organization_scope,
            below=SAME,
            is_demand=True,
        ),
    ] = None
    feature: Annotated[
        str | None, Key(doc="needed feature", cure=_GRANT, check=grant, below=SAME, is_demand=True)
    ] = None
    plan: Annotated[
        str | None, Key(doc="needed plan", cure=_GRANT, check=grant, below=SAME, is_demand=True)
    ] = None
    reverification: Annotated[
        str | dict[str, Any] | None,
        Key(
            doc="how fresh the sign-in must be: `strict_mfa`, `strict`, `moderate`, `lax` or "
            '`{"level": …, "after_minutes": …}`',
            cure=f'Write one of {", ".join(PRESETS)}, or {{"level": ..., "after_minutes": ...}}.',
            check=reverification_value,
            below=STRICTER,
            is_demand=True,
        ),
    ] = None
    token_types: Annotated[
        Sequence[TokenType],
        Key(
            doc="Clerk credentials that are accepted",
            cure='Write a tuple of "session", "m2m_token", "oauth_token", "api_key".',
            check=not_empty,
            below=SUBSET,
            is_demand=True,
        ),
    ] = ("session",)
    timeout: Annotated[
        float,
        Key(
            doc="seconds until 504",
            cure="Write seconds above 0, such as timeout=25.",
            check=above_zero,
            below=LESS,
        ),
    ] = 25
    cancel_on_disconnect: Annotated[
        bool | None,
        Key(
            doc="stop when the caller disconnects; by default, streams and isolated functions do",
            cure=_YES_OR_NO,
            below=INNER,
        ),
    ] = None
    concurrency: Annotated[
        int | None,
        Key(
            doc="calls at once in one worker",
            cure="Write a number of calls, 1 or more.",
            check=above_zero,
            below=LESS,
        ),
    ] = None
    queue: Annotated[
        int,
        Key(
            doc="how many calls may wait for `concurrency`",
            cure="Write a number of calls, 0 or more.",
            check=not_negative,
            below=LESS,
        ),
    ] = 0
    rate_limit: Annotated[
        str | None,
        Key(
            doc='`"20/minute"` per user, per address where public',
            cure='Write it as "20/minute" (second, minute, hour or day).',
            check=rate_text,
            below=SLOWER,
        ),
    ] = None
    max_body: Annotated[
        int,
        Key(
            doc="bytes of a request body",
            cure="Write bytes, 0 or more.",
            check=not_negative,
            below=LESS,
        ),
    ] = 1024 * 1024
    isolate: Annotated[
        bool,
        Key(
            doc="run each call in a process of its own, which is killed at its deadline",
            cure=_YES_OR_NO,
            below=ON,
        ),
    ] = False
    memory: Annotated[
        str | int | None,
        Key(
            doc='what the process of an isolated call may take: `"512MiB"`, `"1GiB"` or bytes',
            cure='Write it as "512MiB", "1GiB" or a number of bytes.',
            check=memory_size,
            below=SMALLER,
        ),
    ] = None
    read_only: Annotated[
        bool, Key(doc="database transactions of this function are read-only", cure=_YES_OR_NO, below=ON)
    ] = False
    tags: Annotated[
        Sequence[str],
        Key(doc="documentation", cure='Write a tuple of texts, such as tags=("orders",).', below=UNION),
    ] = ()


class FileKeys(FolderKeys, frozen=True, kw_only=True):
    """Keys that only files may set."""

    public: Annotated[bool, Key(doc="no session needed", cure=_YES_OR_NO, by_method=False)] = False
    pending: Annotated[bool, Key(doc="accept sessions that still have tasks to finish", cure=_YES_OR_NO)] = (
        False
    )
    status: Annotated[
        int | None,
        Key(doc="success status", cure="Write a success status from 200 to 299.", check=success_status),
    ] = None
    cache: Annotated[
        int | None,
        Key(
            doc="seconds for Cache-Control on GET; for shared caches only where the handler cannot see "
            "who calls",
            cure="Write seconds, 0 or more.",
            check=not_negative,
        ),
    ] = None
    webhook: Annotated[
        WebhookScheme | None,
        Key(
            doc="signature scheme that replaces a session",
            cure='Write one of "clerk", "github", "slack", "stripe", "svix".',
            by_method=False,
        ),
    ] = None
    path: Annotated[
        str | None,
        Key(
            doc="a URL that no file name can spell",
            cure='Write an absolute URL path without parameters, such as "/.well-known/x".',
            check=url_path,
            by_method=False,
        ),
    ] = None
    compress: Annotated[
        bool,
        Key(doc="compress answers above 1 KiB for callers that take it", cure=_YES_OR_NO),
    ] = True
    etag: Annotated[
        bool,
        Key(doc="with `cache`, send an ETag and answer 304 to who has it", cure=_YES_OR_NO),
    ] = True
    idempotent: Annotated[
        float | None,
        Key(
            doc="seconds for which a call with the same `Idempotency-Key` by the same caller gets the first "
            "answer again (not for GET)",
            cure="Write seconds above 0, such as idempotent=86400.",
            check=above_zero,
            needs_caller=True,
        ),
    ] = None
    schedule: Annotated[
        str | None,
        Key(
            doc='of a `job`: when it begins by itself, as a cron expression such as `"0 7 * * 1-5"`',
            cure='Write five fields: minute, hour, day, month, weekday, such as "0 7 * * 1-5".',
            check=cron_text,
            by_method=False,
            is_of_job=True,
        ),
    ] = None
    timezone: Annotated[
        str,
        Key(
            doc="of a `job`: where the clock of `schedule` hangs",
            cure='Write a name of the IANA database, such as "Europe/Zurich".',
            check=timezone_name,
            by_method=False,
            is_of_job=True,
        ),
    ] = "UTC"
    overlap: Annotated[
        bool,
        Key(
            doc="of a `job`: a slot of `schedule` begins although the run before it has not ended",
            cure=_YES_OR_NO,
            by_method=False,
            is_of_job=True,
        ),
    ] = False
    catch_up: Annotated[
        float,
        Key(
            doc="of a `job`: seconds within which the latest slot that was missed is made up for",
            cure="Write seconds, 0 or more.",
            check=not_negative,
            by_method=False,
            is_of_job=True,
        ),
    ] = 600
    retries: Annotated[
        int,
        Key(
            doc="of a `job`: tries after the first; 0 never repeats work, not even after a crash",
            cure="Write a number of tries, 0 or more.",
            check=not_negative,
            by_method=False,
            is_of_job=True,
        ),
    ] = 3
    deprecated: Annotated[bool, Key(doc="documentation", cure=_YES_OR_NO)] = False
    summary: Annotated[str | None, Key(doc="documentation", cure=_TEXT)] = None


class Folder(FolderKeys, frozen=True, kw_only=True):
    """The config of everything below a folder, in its `_config.py`; it may tighten, never make public."""


class Function(FileKeys, frozen=True, kw_only=True):
    """The config of one function file; every value is a literal, read without running the file.

    docs/writing-a-function.md describes each key.
    """

    methods: Annotated[
        dict[str, dict[str, Any]],
        Key(
            doc="overrides of these keys for single methods, but for `public`, `webhook` and `path`",
            cure='Write it as {"post": {"timeout": 60}}.',
            by_method=False,
        ),
    ] = {}


@cache
def keys_of(kind: type[FolderKeys]) -> Mapping[str, Key]:
    """Return the declaration of each key of `Function`, `Folder` or `Policy`, in their order."""
    hints = get_type_hints(kind, include_extras=True)
    found = {name: _declared(hints[name]) for name in kind.__struct_fields__}
    return MappingProxyType({name: key for name, key in found.items() if key is not None})


def _declared(annotation: Any) -> Key | None:
    return next((each for each in getattr(annotation, "__metadata__", ()) if isinstance(each, Key)), None)
