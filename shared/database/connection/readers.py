"""How the value of a parameter of a database URL is read: one reader for each kind of value."""

import re
from collections.abc import Callable
from typing import get_args

from shared.database.connection.hosts import is_neon, read_host
from shared.database.connection.parameters import Parameters
from shared.database.connection.target import InvalidDatabaseUrl, SessionAttributes
from shared.secret import Secret

type ParameterReader = Callable[[Parameters, str, str], None]


def _yes(value: str) -> bool:
    """A flag without a value, as in ``?pgbouncer``, is true."""
    return value.lower() in {"", "true", "1", "yes", "on"}


def hosts_reader(parameters: Parameters, name: str, value: str) -> None:
    """Read hosts or ports, several separated by commas."""
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


def text(field: str) -> ParameterReader:
    """Return a reader of a text that may not be empty."""

    def read(parameters: Parameters, _name: str, value: str) -> None:
        if value:
            parameters.values[field] = value

    return read


def password(parameters: Parameters, _name: str, value: str) -> None:
    """Read the password."""
    parameters.values["password"] = Secret(value)


def count(parameters: Parameters, name: str, value: str) -> None:
    """Read the number of connections."""
    if not value.isdecimal() or not 0 < int(value) < 10_000:
        raise InvalidDatabaseUrl(f"{name} must be an integer above 0")
    parameters.values["pool_max"] = int(value)


def seconds(field: str) -> ParameterReader:
    """Return a reader of a duration."""

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


def pooler(parameters: Parameters, _name: str, value: str) -> None:
    """Read the flag of a transaction pooler."""
    if _yes(value):
        parameters.values["pooler"] = "transaction"


def statement_cache(parameters: Parameters, _name: str, value: str) -> None:
    """Read the size of the statement cache; none is how some say that there is a pooler."""
    if value == "0":
        parameters.values["pooler"] = "transaction"


def sslmode(parameters: Parameters, name: str, value: str) -> None:
    """Read libpq's mode, or node-pg's `no-verify`."""
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


def ssl(parameters: Parameters, name: str, value: str) -> None:
    """node-pg's flag verifies the certificate; postgres.js accepts libpq's modes here."""
    if value.lower() in {"", "true", "1"}:
        parameters.tls["mode"] = "verify-full"
    elif value.lower() in {"false", "0"}:
        parameters.tls["mode"] = "disable"
    else:
        sslmode(parameters, name, value)


def sslaccept(parameters: Parameters, _name: str, value: str) -> None:
    """Read whether Prisma accepts any certificate."""
    if value not in {"strict", "accept_invalid_certs"}:
        raise InvalidDatabaseUrl("sslaccept must be strict or accept_invalid_certs")
    parameters.tls["accept"] = value


def tls_option(field: str, *allowed: str) -> ParameterReader:
    """Return a reader of one option of TLS; `allowed` is all it may be, where given."""

    def read(parameters: Parameters, name: str, value: str) -> None:
        if allowed and value not in allowed:
            raise InvalidDatabaseUrl(f"{name} must be one of {', '.join(allowed)}")
        parameters.tls[field] = value

    return read


def channel_binding(parameters: Parameters, _name: str, value: str) -> None:
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


def options(parameters: Parameters, _name: str, value: str) -> None:
    """Read the settings in libpq's `options`."""
    for assignment in re.findall(r"(?:-c\s*|--)([\w.]+=(?:\\.|\S)*)", value):
        setting, _, content = assignment.partition("=")
        parameters.settings[setting] = re.sub(r"\\(.)", r"\1", content)
    if re.match(r"(project|endpoint)=", value):
        parameters.note("the Neon endpoint in options is ignored: the TLS handshake names it already")


def session_attributes(parameters: Parameters, name: str, value: str) -> None:
    """Read which server is wanted."""
    allowed = get_args(SessionAttributes)
    if value not in allowed:
        raise InvalidDatabaseUrl(f"{name} must be one of {', '.join(allowed)}")
    parameters.values["session_attributes"] = value


def refuse(cure: str) -> ParameterReader:
    """Return a reader that raises `InvalidDatabaseUrl` with a cure."""

    def read(_parameters: Parameters, name: str, _value: str) -> None:
        raise InvalidDatabaseUrl(f"{name} is not supported: {cure}")

    return read


def nothing(_parameters: Parameters, _name: str, _value: str) -> None:
    """Ignore a parameter that has no effect here."""
