"""The words after the `?` of a database URL, one reader each; what nobody can use is left out by name."""

import re
from collections.abc import Callable
from typing import Any, get_args
from urllib.parse import unquote

from shared.database.connection.target import InvalidDatabaseUrl, SessionAttributes, Target, Tls
from shared.secret import Secret

HOSTLIST = re.compile(
    r"(?:\[[0-9A-Fa-f:.%]+\]|[^:,\[\]]*)(?::\d+)?(?:,(?:\[[0-9A-Fa-f:.%]+\]|[^:,\[\]]*)(?::\d+)?)*"
)
_HOST = re.compile(r"(\[[0-9A-Fa-f:.%]+\]|[^:\[\]]*)(?::(\d+))?")


def read_hosts(text: str) -> tuple[tuple[str, int], ...]:
    """Read ``host:port,host:port``; without a port it is 5432."""
    return tuple(_host(part) for part in text.split(",")) if text else ()


def _host(text: str) -> tuple[str, int]:
    match = _HOST.fullmatch(text)
    if match is None or not 0 < int(match[2] or 5432) < 65536:
        raise InvalidDatabaseUrl("its host or port cannot be read; expected host:port, IPv6 in brackets")
    return unquote(match[1].strip("[]")), int(match[2] or 5432)


class Words:
    """The parameters of one URL while they are read; a later one wins, as in every dialect."""

    def __init__(
        self, *, hosts: tuple[tuple[str, int], ...], user: str, password: Secret | None, database: str
    ) -> None:
        self.hosts = hosts
        self.values: dict[str, Any] = {"user": user, "password": password, "database": database}
        self.tls: dict[str, str] = {}
        self.settings: dict[str, str] = {}
        self.notices: list[str] = []
        self.carries_secret = False

    def read(self, name: str, value: str) -> None:
        """Take in one parameter."""
        reader = _READERS.get(name)
        if reader is not None:
            reader(self, name, value)
        elif name in _SETTINGS or "." in name:
            self.settings[name] = value
        elif name in _IGNORED:
            self.note(f"{name} is left out: {_IGNORED[name]}")
        else:
            # Where the query carries a password, a piece of it could stand here as a name.
            shown = "a parameter" if self.carries_secret else name
            self.note(f"{shown} is left out: not a parameter that Annex or PostgreSQL knows")

    def note(self, notice: str) -> None:
        """Remember what was left out or weakened."""
        self.notices.append(notice)

    def target(self) -> Target:
        """Return what all of them come down to."""
        hosts = self.hosts or (("localhost", 5432),)
        if not self.values["user"]:
            raise InvalidDatabaseUrl(
                "it names no user; expected postgresql://user:password@host:port/database"
            )
        self.values["database"] = self.values["database"] or self.values["user"]
        if "pooler" not in self.values and any(_is_pooled(*host) for host in hosts):
            self.values["pooler"] = "transaction"
            self.note("the host is a transaction pooler: as if DATABASE_POOLER=transaction")
        if "mode" not in self.tls and not all(_PRIVATE.fullmatch(host) for host, _ in hosts):
            self.note("the host is public and sslmode is not set: add sslmode=require, or better verify-full")
        return Target(
            hosts=hosts, tls=_tls(self), settings=self.settings, notices=tuple(self.notices), **self.values
        )


_NEON = (".neon.tech", ".neon.build")
_PRIVATE = re.compile(
    r"/.*|localhost|[^.:]+|.*\.(internal|local|localhost)|127\..*|10\..*|192\.168\..*|::1|f[cd].*:.*"
)


def _is_pooled(host: str, port: int) -> bool:
    """Hosts that are known to be transaction poolers: Neon's, and Supabase's on their port."""
    neon = "-pooler." in host and host.endswith(_NEON)
    return neon or (port == 6543 and host.endswith((".supabase.com", ".supabase.co")))


def _tls(words: Words) -> Tls:
    tls = dict(words.tls)
    mode = tls.get("mode", "prefer")
    root, certificate, key = tls.get("root"), tls.get("certificate"), tls.get("key")
    if certificate and not key:
        # Prisma's `sslcert` is the authority that the server's certificate is checked against.
        root, certificate = root or certificate, None
    strict = tls.get("accept") == "strict"
    if strict and mode != "disable":
        mode = "verify-full"
    elif mode == "require" and root and tls.get("accept") is None:
        mode = "verify-ca"  # as libpq: a root file with `require` means that it is to be used
    if mode in {"require", "prefer"} and root:
        words.note("the certificate file is not used: sslaccept=accept_invalid_certs, or sslmode=prefer")
    return Tls(
        mode=mode,  # type: ignore[arg-type]  # the readers let only these words in
        root=None if root == "system" or mode in {"require", "prefer", "disable"} else root,
        certificate=certificate,
        key=key,
        key_password=Secret(tls["key_password"]) if "key_password" in tls else None,
        minimum=tls.get("minimum"),
        direct=tls.get("negotiation") == "direct",
    )


type _Reader = Callable[[Words, str, str], None]


def _yes(value: str) -> bool:
    """A flag without a value, as in ``?pgbouncer``, is set."""
    return value.lower() in {"", "true", "1", "yes", "on"}


def _hosts_reader(words: Words, name: str, value: str) -> None:
    ports = [str(port) for _, port in words.hosts]
    if name == "port":
        ports = value.split(",")
        value = ",".join(host for host, _ in words.hosts) or "localhost"
    parts = value.split(",")
    ports = ports * len(parts) if len(ports) == 1 else ports or ["5432"] * len(parts)
    words.hosts = tuple(
        (part, int(port))
        if part.startswith("/") and port.isdecimal()
        else _host(part if ":" in part else f"{part}:{port}")
        for part, port in zip(parts, ports, strict=False)
    )


def _text(field: str) -> _Reader:
    def read(words: Words, _name: str, value: str) -> None:
        if value:
            words.values[field] = value

    return read


def _password(words: Words, _name: str, value: str) -> None:
    words.values["password"] = Secret(value)


def _count(words: Words, name: str, value: str) -> None:
    if not value.isdecimal() or not 0 < int(value) < 10_000:
        raise InvalidDatabaseUrl(f"{name} must be a whole number above 0")
    words.values["pool_max"] = int(value)


def _seconds(field: str) -> _Reader:
    def read(words: Words, name: str, value: str) -> None:
        if not re.fullmatch(r"\d{1,6}(\.\d{1,3})?", value):
            raise InvalidDatabaseUrl(f"{name} must be a number of seconds")
        if float(value) == 0:
            words.note(f"{name}=0 means no limit; Annex keeps its own, because nothing may wait without end")
        else:
            words.values[field] = float(value)

    return read


def _pooler(words: Words, _name: str, value: str) -> None:
    if _yes(value):
        words.values["pooler"] = "transaction"


def _statement_cache(words: Words, _name: str, value: str) -> None:
    if value == "0":
        words.values["pooler"] = "transaction"


def _sslmode(words: Words, name: str, value: str) -> None:
    modes = {
        "allow": "prefer",
        "no-verify": "require",
        **{mode: mode for mode in ("disable", "prefer", "require", "verify-ca", "verify-full")},
    }
    if value not in modes:
        raise InvalidDatabaseUrl(f"{name} must be one of {', '.join(sorted(modes))}")
    words.tls["mode"] = modes[value]
    if value == "no-verify":
        words.tls["accept"] = "accept_invalid_certs"


def _ssl(words: Words, name: str, value: str) -> None:
    """node-pg's flag checks the certificate; postgres.js takes libpq's words here."""
    if value.lower() in {"", "true", "1"}:
        words.tls["mode"] = "verify-full"
    elif value.lower() in {"false", "0"}:
        words.tls["mode"] = "disable"
    else:
        _sslmode(words, name, value)


def _sslaccept(words: Words, _name: str, value: str) -> None:
    if value not in {"strict", "accept_invalid_certs"}:
        raise InvalidDatabaseUrl("sslaccept must be strict or accept_invalid_certs")
    words.tls["accept"] = value


def _tls_word(field: str, *allowed: str) -> _Reader:
    def read(words: Words, name: str, value: str) -> None:
        if allowed and value not in allowed:
            raise InvalidDatabaseUrl(f"{name} must be one of {', '.join(allowed)}")
        words.tls[field] = value

    return read


def _channel_binding(words: Words, _name: str, value: str) -> None:
    """It makes the server prove itself; the driver cannot, but the certificate of a known host can."""
    if value != "require":
        return
    if any(host.endswith(_NEON) for host, _ in words.hosts):
        words.tls["accept"] = "strict"
        words.note("channel_binding=require: the server's certificate is checked instead")
    else:
        words.note(
            "channel_binding=require is not kept: the driver signs in without it; TLS is what protects it"
        )


def _options(words: Words, _name: str, value: str) -> None:
    for assignment in re.findall(r"(?:-c\s*|--)([\w.]+=(?:\\.|\S)*)", value):
        setting, _, content = assignment.partition("=")
        words.settings[setting] = re.sub(r"\\(.)", r"\1", content)
    if re.match(r"(project|endpoint)=", value):
        words.note("options names a Neon endpoint, which the TLS handshake already tells")


def _session_attributes(words: Words, name: str, value: str) -> None:
    allowed = get_args(SessionAttributes)
    if value not in allowed:
        raise InvalidDatabaseUrl(f"{name} must be one of {', '.join(allowed)}")
    words.values["session_attributes"] = value


def _refuse(cure: str) -> _Reader:
    def read(_words: Words, name: str, _value: str) -> None:
        raise InvalidDatabaseUrl(f"{name} is not supported: {cure}")

    return read


def _nothing(_words: Words, _name: str, _value: str) -> None:
    """A word that changes nothing here, and of which nobody needs to hear."""


_READERS: dict[str, _Reader] = {
    "host": _hosts_reader,
    "port": _hosts_reader,
    "dbname": _text("database"),
    "database": _text("database"),
    "user": _text("user"),
    "password": _password,
    "schema": _text("schema"),
    "connection_limit": _count,
    "pool_timeout": _seconds("acquire_timeout"),
    "connect_timeout": _seconds("connect_timeout"),
    "socket_timeout": _seconds("query_timeout"),
    "pgbouncer": _pooler,
    "statement_cache_size": _statement_cache,
    "sslmode": _sslmode,
    "ssl": _ssl,
    "sslaccept": _sslaccept,
    "sslcert": _tls_word("certificate"),
    "sslkey": _tls_word("key"),
    "sslrootcert": _tls_word("root"),
    "sslpassword": _tls_word("key_password"),
    "ssl_min_protocol_version": _tls_word("minimum", "TLSv1.2", "TLSv1.3"),
    "sslnegotiation": _tls_word("negotiation", "postgres", "direct"),
    "sslidentity": _refuse("a PKCS#12 file; turn it into PEM files and give them as sslcert and sslkey"),
    "passfile": _refuse("put the password into the URL"),
    "service": _refuse("write the URL out"),
    "channel_binding": _channel_binding,
    "options": _options,
    "target_session_attrs": _session_attributes,
    "uselibpqcompat": _nothing,
    "client_encoding": _nothing,
    "sslsni": _nothing,
}
_SETTINGS = frozenset(
    {
        "application_name",
        "client_min_messages",
        "default_transaction_deferrable",
        "default_transaction_isolation",
        "default_transaction_read_only",
        "idle_in_transaction_session_timeout",
        "idle_session_timeout",
        "jit",
        "lock_timeout",
        "plan_cache_mode",
        "role",
        "row_security",
        "search_path",
        "statement_timeout",
        "tcp_keepalives_count",
        "tcp_keepalives_idle",
        "tcp_keepalives_interval",
        "tcp_user_timeout",
        "timezone",
        "TimeZone",
        "transaction_timeout",
        "work_mem",
    }
)
_IGNORED = {
    "fallback_application_name": "sessions are called annex unless application_name says otherwise",
    "gssencmode": "GSSAPI is not used",
    "keepalives": "keep-alive is set on the server's side",
    "keepalives_idle": "use tcp_keepalives_idle",
    "load_balance_hosts": "hosts are tried in order",
    "max_connection_lifetime": "connections are replaced when they break or idle",
    "max_idle_connection_lifetime": "idle connections are closed after a minute",
    "single_use_connections": "connections are pooled",
    "sslcrl": "revocation lists are not read",
    "ssl_max_protocol_version": "the newest protocol that both sides speak is used",
    "supa": "a mark of Supabase's own",
    "workaround": "a mark of Supabase's own",
}
