"""The files of a new service: at most twelve, each the team's own from then on."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from runtime.distribution import version
from runtime.starting.app import App, repository
from runtime.starting.pin import Pin

TEMPLATES = Path(__file__).with_name("templates")
FILES = {
    "functions/hello.py": "hello.py",
    "functions/public.lock": "public.lock",
    "tests/functions/test_hello.py": "test_hello.py",
    "pyproject.toml": "pyproject.template",
    "Makefile": "Makefile",
    "README.md": "README.md",
    ".env.example": "env.example",
    ".gitignore": "gitignore",
    "Dockerfile": "Dockerfile",
    "railway.toml": "railway.toml",
    "otel-collector.yaml": "otel-collector.yaml",
}
"""Each file of a service, and the template that it is made from."""
CLERK = ("NEXT_PUBLIC_CLERK_PUBLISHABLE_KEY", "CLERK_PUBLISHABLE_KEY", "CLERK_SECRET_KEY", "CLERK_JWT_KEY")
DATABASE = ("DATABASE_URL", "POSTGRES_PRISMA_URL", "POSTGRES_URL", "DIRECT_URL")
APP_TARGET = """app: setup ## Serve as `make dev` does, and start the app beside it
\t@exec $(ANNEX) dev --with {}

"""
START = {"npm": "npm run dev", "pnpm": "pnpm dev", "yarn": "yarn dev", "bun": "bun run dev"}


class Plan(NamedTuple):
    """What is to be written.

    Attributes:
        files: each path with its text.
        kept: paths where there is a file already; it stays as it is.
    """

    files: dict[Path, str]
    kept: tuple[Path, ...]

    def write(self) -> None:
        """Write the files."""
        for path, text in self.files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8") as new:  # never over a file that came meanwhile
                new.write(text)


def plan(service: Path, app: App | None, source: Pin, *, with_workflow: bool) -> Plan:
    """Return the files of a service in the folder `service`."""
    words = _words(service, app, source)
    texts = {service / path: _filled(template, words) for path, template in FILES.items()}
    if with_workflow:
        root = repository(service) or service
        words["folder"] = service.relative_to(root).as_posix()
        texts[root / ".github" / "workflows" / f"{words['name']}.yml"] = _filled("workflow.yml", words)
    kept = tuple(path for path in texts if path.exists() or path.is_symlink())
    return Plan({path: text for path, text in texts.items() if path not in kept}, kept)


def database_variable(app: App) -> str:
    """Return the name under which the app keeps the URL of its database, empty where it has none."""
    if app.schema and app.schema.variable:
        return app.schema.variable
    return next((name for name in DATABASE if name in app.variables), "")


def _words(service: Path, app: App | None, source: Pin) -> dict[str, str]:
    """Return what the places in the templates are filled with."""
    name = re.sub(r"[^a-z0-9]+", "-", service.name.lower()).strip("-") or "service"
    client = _relative(app.client, service) if app else ""
    return {
        "name": f"{name}-service" if name.startswith("annex-functions") else name,
        "version": version(),
        "source": source.source,
        "settings": "".join(f"{line}\n" for line in _settings(service, app, source)),
        "targets": "app " if app else "",
        "app": APP_TARGET.format(_toml(START[app.manager])) if app else "",
        "into": f", and the typed client into {client}" if app else "",
        "variables": "\n".join(_variables(app)),
    }


def _settings(service: Path, app: App | None, source: Pin) -> Iterator[str]:
    """Yield the lines of `[tool.annex]` that depend on what was found."""
    if source.hash:
        yield f'wheel = "{source.hash}"   # `annex check` compares it with uv.lock'
    if app is None:
        return
    yield f"client = {_toml(_relative(app.client, service))}   # the app's folder for the typed client"
    if app.schema and app.schema.is_postgres and app.schema.has_migrations:
        migrations = _toml(_relative(app.schema.migrations, service))
        yield f"seed = [{migrations}]   # folders of SQL that make the database of development and tests"


def _variables(app: App | None) -> Iterator[str]:
    known = app.variables if app else {}
    yield "# Clerk: the app's own keys. Without them, development signs its own tokens."
    yield from (f"{name}=" for name in [name for name in CLERK if name in known] or CLERK[::2])
    url = database_variable(app) if app else ""
    renamed = f" ({url} there)" if url not in {"", "DATABASE_URL"} else ""
    yield f"# PostgreSQL: the app's own{renamed}. Without it, development brings one."
    yield "DATABASE_URL="
    yield "# Where the app runs, for calls from browsers."
    yield "CORS_ORIGINS=http://localhost:3000"


def _toml(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _relative(path: Path, service: Path) -> str:
    return path.relative_to(service, walk_up=True).as_posix()


def _filled(template: str, words: dict[str, str]) -> str:
    text = (_folder(template) / template).read_text("utf-8")
    return re.sub(r"@(\w+)@", lambda place: words[place[1]], text)


def _folder(template: str) -> Path:
    """Return where a template is; a checkout has those that are its own files at its root."""
    return TEMPLATES if (TEMPLATES / template).is_file() else TEMPLATES.parents[2]
