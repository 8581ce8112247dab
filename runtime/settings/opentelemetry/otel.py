"""The `OTEL_*` variables that OpenTelemetry reads by itself: what each must look like.

Its own parsers write what they cannot read into the log, value and all; headers and attributes hold keys. So
each one that is set is checked before OpenTelemetry starts, and a fault names the variable alone.
"""

import re
from collections.abc import Iterator, Mapping
from urllib.parse import unquote, urlsplit

from runtime.settings.faults import SettingsFault
from runtime.settings.opentelemetry.otel_variables import refusal_of

_NAME = (
    r"[!#-'*+\-.0-9A-Z^-z|~]+"  # a header's or an attribute's name, as the OTLP exporter specification has it
)
_PAIR = re.compile(rf"\s*({_NAME})\s*=\s*([\x20-\x2b\x2d-\x7e]*)")
_PAIRS = re.compile(r"OTEL_(EXPORTER_OTLP_(TRACES_|METRICS_|LOGS_)?HEADERS|RESOURCE_ATTRIBUTES)")
_ENDPOINT = re.compile(r"OTEL_EXPORTER_OTLP_(TRACES_|METRICS_|LOGS_)?ENDPOINT")
_NUMBER = re.compile(r"OTEL_\w+_(TIMEOUT|LIMIT|DELAY|SIZE|INTERVAL)")
_FILE = re.compile(r"OTEL_\w+_(CERTIFICATE|CLIENT_KEY)")
_WORDS = re.compile(r"[a-z][a-z0-9_/.,:\- ]*")
_FREE = {"OTEL_SERVICE_NAME", "OTEL_SDK_DISABLED", "OTEL_TRACES_SAMPLER_ARG"}  # settings of ours


def faults(environ: Mapping[str, str]) -> Iterator[SettingsFault]:
    """Yield each variable that OpenTelemetry could not read."""
    for name, text in environ.items():
        if name.startswith("OTEL_") and text.strip():
            problem = refusal_of(name, text.strip()) or _problem(name, text.strip())
            if problem:
                yield SettingsFault(name, problem)


def pairs(text: str) -> dict[str, str]:
    """Read `name=value` pairs separated by commas; values may be percent-encoded.

    Raises:
        ValueError: a part is not a pair; the message shows none of it.
    """
    found = [_PAIR.fullmatch(part) for part in text.split(",") if part.strip()]
    if not all(found):
        raise ValueError("expected name=value, several of them separated by commas (`=`, not a colon)")
    return {unquote(pair[1]).lower(): unquote(pair[2]).strip() for pair in found if pair}


def service_name(environ: Mapping[str, str]) -> str | None:
    """Return the `service.name` of OTEL_RESOURCE_ATTRIBUTES, None where it has none or cannot be read."""
    try:
        return pairs(environ.get("OTEL_RESOURCE_ATTRIBUTES", "")).get("service.name")
    except ValueError:
        return None


def _problem(name: str, text: str) -> str:
    try:
        if name in _FREE:
            return ""
        if _PAIRS.fullmatch(name):
            pairs(text)
        elif _ENDPOINT.fullmatch(name):
            return _endpoint(text)
        elif _NUMBER.fullmatch(name):
            float(text)
        elif not _FILE.fullmatch(name) and not _WORDS.fullmatch(text.lower()):
            return "expected a word; a key belongs in OTEL_EXPORTER_OTLP_HEADERS"
    except ValueError as error:
        return "expected a number" if _NUMBER.fullmatch(name) else str(error)
    return ""


def _endpoint(text: str) -> str:
    try:
        url = urlsplit(text)
        if url.query or url.fragment or "@" in text:
            return "expected a URL without user, `?` or `#`; a key belongs in OTEL_EXPORTER_OTLP_HEADERS"
        is_url = url.scheme in {"http", "https"} and bool(url.hostname) and url.port != 0
    except ValueError:  # brackets that do not match, a port that is no number
        is_url = False
    return "" if is_url else "expected a URL such as http://collector.railway.internal:4318"
