"""One reader for each parameter after the `?` of a database URL; unknown ones are ignored with a notice."""

import re
from collections.abc import Callable
from typing import get_args

from shared.database.connection.hosts import is_neon, read_host
from shared.database.connection.parameters import Parameters
from shared.database.connection.target import InvalidDatabaseUrl, SessionAttributes
from shared.secret import Secret


def read_all(parameters: Parameters, pairs: list[tuple[str, str]]) -> None:
    """Read the name-value pairs of a query string into `parameters`.

    Raises:
        InvalidDatabaseUrl: a value is not allowed, or the parameter is not supported.
    """
    # Where the query contains a password, a fragment of it could be taken for a name.
    is_secret = any("password" in name for name, _ in pairs)
    for name, value in pairs:
        if name in _READERS:
            _READERS[name](parameters, name, value)
        elif name in _SETTINGS or "." in name:
            parameters.settings[name] = value
        elif name in _IGNORED:
            parameters.note(f"{name} is ignored: {_IGNORED[name]}")
        else:
            shown = "a parameter" if is_secret else name
            parameters.note(f"{shown} is ignored: it is not a parameter of Annex or PostgreSQL")


type _ParameterReader = Callable[[Parameters, str, str], None]


def _yes(value: str) -> bool:
    """A flag without a value, as in ``?pgbouncer``, is true."""
    return value.lower() in {"", "true", "1", "yes", "on"}


def _hosts_reader(parameters: Parameters, name: str, value: str) -> None:
    ports = [str(port) for _, port in parameters.hosts]
    if name == "port":
        ports = value.split(",")
        value = ",".join(host for host, _ in parameters.hosts) or "localhost"
    parts = value.split(",")
    ports = ports * len(parts) if len(ports) == 1 else ports or ["5432"] * len(parts)
    parameters.hosts = tuple(
        (part, int(port))
        if part.startswith("/") and port.isdecimal()
        else read_host(part if ":" in part else f"{part}:{port}")
        for part, port in zip(parts, ports, strict=False)
    )


def _text(field: str) -> _ParameterReader:
    def read(parameters: Parameters, _name: str, value: str) -> None:
        if value:
            parameters.values[field] = value

    return read


def _password(parameters: Parameters, _name: str, value: str) -> None:
    parameters.values["password"] = Secret(value)


def _count(parameters: Parameters, name: str, value: str) -> None:
    if not value.isdecimal() or not 0 < int(value) < 10_000:
        raise InvalidDatabaseUrl(f"{name} must be an integer above 0")
    parameters.values["pool_max"] = int(value)


def _seconds(field: str) -> _ParameterReader:
    def read(parameters: Parameters, name: str, value: str) -> None:
        if not re.fullmatch(r"\d{1,6}(\.\d{1,3})?", value):
            raise InvalidDatabaseUrl(f"{name} must be a number of seconds")
        if float(value) == 0:
            parameters.note(
                f"{name}=0 (no limit) is ignored: every wait needs a limit, so the default is used"
            )
        else:
            parameters.values[field] = float(value)

    return read


def _pooler(parameters: Parameters, _name: str, value: str) -> None:
    if _yes(value):
        parameters.values["pooler"] = "transaction"


def _statement_cache(parameters: Parameters, _name: str, value: str) -> None:
    if value == "0":
        parameters.values["pooler"] = "transaction"


def _sslmode(parameters: Parameters, name: str, value: str) -> None:
    modes = {
        "allow": "prefer",
        "no-verify": "require",
        **{mode: mode for mode in ("disable", "prefer", "require", "verify-ca", "verify-full")},
    }
    if value not in modes:
        raise InvalidDatabaseUrl(f"{name} must be one of {', '.join(sorted(modes))}")
    parameters.tls["mode"] = modes[value]
    if value == "no-verify":
        parameters.tls["accept"] = "accept_invalid_certs"


def _ssl(parameters: Parameters, name: str, value: str) -> None:
    """node-pg's flag verifies the certificate; postgres.js accepts libpq's modes here."""
    if value.lower() in {"", "true", "1"}:
        parameters.tls["mode"] = "verify-full"
    elif value.lower() in {"false", "0"}:
        parameters.tls["mode"] = "disable"
    else:
        _sslmode(parameters, name, value)


def _sslaccept(parameters: Parameters, _name: str, value: str) -> None:
    if value not in {"strict", "accept_invalid_certs"}:
        raise InvalidDatabaseUrl("sslaccept must be strict or accept_invalid_certs")
    parameters.tls["accept"] = value


def _tls_option(field: str, *allowed: str) -> _ParameterReader:
    def read(parameters: Parameters, name: str, value: str) -> None:
        if allowed and value not in allowed:
            raise InvalidDatabaseUrl(f"{name} must be one of {', '.join(allowed)}")
        parameters.tls[field] = value

    return read


def _channel_binding(parameters: Parameters, _name: str, value: str) -> None:
    """It authenticates the server, which the driver cannot; a known host's certificate can instead."""
    if value != "require":
        return
    if any(is_neon(host) for host, _ in parameters.hosts):
        parameters.tls["accept"] = "strict"
        parameters.note(
            "channel_binding=require is not supported; the server's certificate is verified instead"
        )
    else:
        parameters.note(
            "channel_binding=require is not supported and is ignored; use sslmode=verify-full instead"
        )


def _options(parameters: Parameters, _name: str, value: str) -> None:
    for assignment in re.findall(r"(?:-c\s*|--)([\w.]+=(?:\\.|\S)*)", value):
        setting, _, content = assignment.partition("=")
        parameters.settings[setting] = re.sub(r"\\(.)", r"\1", content)
    if re.match(r"(project|endpoint)=", value):
        parameters.note("the Neon endpoint in options is ignored: the TLS handshake names it already")


def _session_attributes(parameters: Parameters, name: str, value: str) -> None:
    allowed = get_args(SessionAttributes)
    if value not in allowed:
        raise InvalidDatabaseUrl(f"{name} must be one of {', '.join(allowed)}")
    parameters.values["session_attributes"] = value


def _refuse(cure: str) -> _ParameterReader:
    def read(_parameters: Parameters, name: str, _value: str) -> None:
        raise InvalidDatabaseUrl(f"{name} is not supported: {cure}")

    return read


def _nothing(_parameters: Parameters, _name: str, _value: str) -> None:
    """Ignore a parameter that has no effect here."""


_READERS: dict[str, _ParameterReader] = {
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
    "sslcert": _tls_option("certificate"),
    "sslkey": _tls_option("key"),
    "sslrootcert": _tls_option("root"),
    "sslpassword": _tls_option("key_password"),
    "ssl_min_protocol_version": _tls_option("minimum", "TLSv1.2", "TLSv1.3"),
    "sslnegotiation": _tls_option("negotiation", "postgres", "direct"),
    "sslidentity": _refuse("convert the PKCS#12 file to PEM files and set sslcert and sslkey"),
    "passfile": _refuse("put the password into the URL"),
    "service": _refuse("write its values into the URL"),
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
    "fallback_application_name": "the application name is annex unless application_name is set",
    "gssencmode": "GSSAPI is not supported",
    "keepalives": "keepalives are set on the server's side",
    "keepalives_idle": "use tcp_keepalives_idle instead",
    "load_balance_hosts": "hosts are tried in order",
    "max_connection_lifetime": "connections are replaced when they break or become idle",
    "max_idle_connection_lifetime": "idle connections are closed after 60 s",
    "single_use_connections": "connections are always pooled",
    "sslcrl": "revocation lists are not supported",
    "ssl_max_protocol_version": "the newest version that both sides support is used",
    "supa": "it has a meaning only for Supabase",
    "workaround": "it has a meaning only for Supabase",
}
