"""The schema of the app's database, as Prisma or Drizzle keep it: where its SQL migrations are."""

import re
from pathlib import Path
from typing import Any, NamedTuple

_DRIZZLE = ("ts", "mts", "js", "mjs", "cjs", "json")
_BLOCK = re.compile(r"datasource\s+\w+\s*\{(.*?)\}", re.DOTALL)
_PROVIDER = re.compile(r"^\s*provider\s*=\s*\"(\w+)\"", re.MULTILINE)
_ENV = re.compile(r"""env\(\s*["'](\w+)["']\s*\)""")
_PROCESS_ENV = re.compile(r"""process\.env(?:\.(\w+)|\[["'](\w+)["']\])""")
_COMMENT = re.compile(r"^\s*//.*$", re.MULTILINE)


class AppSchema(NamedTuple):
    """A schema that the app owns.

    Attributes:
        tool: ``Prisma`` or ``Drizzle``.
        file: what describes it.
        migrations: the folder of its SQL, whether it is there yet or not.
        dialect: of the database, such as ``postgresql``; empty where the file does not say.
        variable: that holds the database's URL, empty where the file does not say.
    """

    tool: str
    file: Path
    migrations: Path
    dialect: str
    variable: str

    @property
    def has_migrations(self) -> bool:
        """Whether there is SQL to create the tables from."""
        return any(self.migrations.rglob("*.sql"))

    @property
    def is_postgres(self) -> bool:
        """Whether the service can use this database."""
        return self.dialect in {"", "postgresql", "postgres", "cockroachdb"}


def find_schema(app: Path, package: dict[str, Any]) -> AppSchema | None:
    """Return the schema of an app; of one that has both, Prisma's."""
    return _prisma(app, package) or _drizzle(app)


def text_of(file: Path) -> str:
    """Return a file's text, empty where it cannot be read."""
    try:
        return file.read_text("utf-8", "replace")
    except OSError:
        return ""


def _prisma(app: Path, package: dict[str, Any]) -> AppSchema | None:
    configured = package.get("prisma")
    named = configured.get("schema") if isinstance(configured, dict) else None
    config = next(
        (app / f"prisma.config.{end}" for end in _DRIZZLE if (app / f"prisma.config.{end}").is_file()), None
    )
    settings = _COMMENT.sub("", text_of(config)) if config else ""
    named = named or _quoted(settings, "schema")
    for place in filter(None, (named, "prisma/schema.prisma", "prisma/schema", "schema.prisma")):
        path = app / str(place)
        files = sorted(path.rglob("*.prisma")) if path.is_dir() else [path]
        texts = [_COMMENT.sub("", text_of(file)) for file in files]
        block = next((found[1] for text in texts if (found := _BLOCK.search(text))), None)
        if block is None:
            continue
        folder = path if path.is_dir() else path.parent
        moved = _quoted(settings, "path")
        migrations = app / moved if moved else folder / "migrations"
        variable = _ENV.search(block) or _ENV.search(settings)
        return AppSchema(
            "Prisma", path, migrations, _first(_PROVIDER, block), variable[1] if variable else ""
        )
    return None


def _drizzle(app: Path) -> AppSchema | None:
    for file in (app / f"drizzle.config.{end}" for end in _DRIZZLE):
        if not file.is_file():
            continue
        text = _COMMENT.sub("", text_of(file))
        variable = _PROCESS_ENV.search(text)
        return AppSchema(
            "Drizzle",
            file,
            app / (_quoted(text, "out") or "drizzle"),
            _quoted(text, "dialect"),
            (variable[1] or variable[2]) if variable else "",
        )
    return None


def _quoted(text: str, key: str) -> str:
    return _first(re.compile(rf"""(?<!\w)["']?{key}["']?\s*:\s*["'`]([^"'`]+)["'`]"""), text)


def _first(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    return found[1] if found else ""
