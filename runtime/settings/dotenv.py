"""The `.env` files of the Next.js app, in the language and order of `@next/env`.

It is a port of what that package does (dotenv 16 and dotenv-expand 10): no Python library reads the same
texts, and a developer has one file for both. A test gives the same files to both.
"""

import re
from collections.abc import Mapping
from pathlib import Path

from runtime.settings.faults import SettingsError, SettingsFault

_LINE = re.compile(
    r"^\s*(?:export\s+)?([A-Za-z0-9_.-]+)(?:\s*=\s*?|:\s+?)"
    r"(\s*'(?:\\'|[^'])*'|\s*\"(?:\\\"|[^\"])*\"|\s*`(?:\\`|[^`])*`|[^#\r\n]+)?\s*(?:#.*)?$",
    re.MULTILINE,
)
_QUOTED = re.compile(r"^(['\"`])([\s\S]*)\1$", re.MULTILINE)
_DOLLAR = re.compile(r"(?<!\\)\$")
_REFERENCE = re.compile(r"(?<!\\)\$\{?([A-Za-z0-9_]+)(?::-([^}\\]*))?\}?")
_DEEPEST = 100  # references inside of one value


def files_of(environment: str) -> tuple[str, ...]:
    """Return the files of an environment, the one that wins first."""
    local = () if environment == "test" else (".env.local",)
    return (f".env.{environment}.local", *local, f".env.{environment}", ".env")


def read_files(folder: Path, environment: str, process: Mapping[str, str]) -> dict[str, str]:
    """Return what the files of a folder say.

    Args:
        folder: of the project.
        environment: `development` or `test`.
        process: variables that are set already: they win, and references find them.

    Raises:
        SettingsError: a file cannot be read, or a value refers to itself; with its name.
    """
    seen, found = dict(process), {}
    for name in files_of(environment):
        file = folder / name
        if not file.is_file():
            continue
        try:
            text = file.read_text("utf-8")
        except (OSError, UnicodeDecodeError):
            raise SettingsError(
                (SettingsFault(name, "cannot be read: expected a readable UTF-8 file"),)
            ) from None
        said = expand(parse(text), seen, file=name)
        found.update({each: value for each, value in said.items() if each not in found})
        seen |= said
    return found


def parse(text: str) -> dict[str, str]:
    """Return the names and values of a file, references as they are written."""
    values = {}
    for line in _LINE.finditer(re.sub(r"\r\n?", "\n", text)):
        value = (line[2] or "").strip()
        bare = _QUOTED.sub(r"\2", value)
        if value.startswith('"'):
            bare = bare.replace("\\n", "\n").replace("\\r", "\r")
        values[line[1]] = bare
    return values


def expand(values: Mapping[str, str], known: Mapping[str, str], *, file: str = ".env") -> dict[str, str]:
    """Return values with their references replaced by what is known, a default, or an entry of the file.

    Raises:
        SettingsError: a value refers to itself.
    """
    said = dict(values)
    for name, value in values.items():
        try:
            said[name] = _expanded(known.get(name, value), known, said).replace("\\$", "$")
        except RecursionError:
            raise SettingsError((SettingsFault(file, f"the value of {name} refers to itself"),)) from None
    return said


def _expanded(text: str, known: Mapping[str, str], said: Mapping[str, str]) -> str:
    for _ in range(_DEEPEST):
        dollars = [each.start() for each in _DOLLAR.finditer(text)]
        reference = _REFERENCE.search(text[dollars[-1] :]) if dollars else None
        if reference is None:
            return text
        name, default = reference.groups()
        text = text.replace(reference[0], known.get(name) or default or said.get(name) or "", 1)
    raise RecursionError
