"""What `annex init` finds of an app, what it writes, and what it leaves alone."""

import hashlib
import subprocess
import tomllib
from pathlib import Path

import pytest

from runtime.commands.cli import main
from runtime.starting.app import NoSingleApp, find_app
from runtime.starting.pin import PinError, pin
from tests.fixtures.routing import write_tree

NEXT = '{"dependencies": {"next": "16.0.0", "@clerk/nextjs": "7.0.0"}}'
PRISMA = 'datasource db {\n  provider = "postgresql"\n  url = env("POSTGRES_URL")\n}\n'
DRIZZLE = 'export default defineConfig({\n  dialect: "postgresql",\n  out: "./migrations",\n  dbCredentials: { url: process.env.MY_DATABASE! },\n});\n'
WHEEL = "annex_functions-0.1.0-py3-none-any.whl"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with an app `web` and a wheel, in which the command runs."""
    write_tree(tmp_path, {"web/package.json": NEXT, "web/app/page.tsx": "", WHEEL: "zip"})
    monkeypatch.chdir(tmp_path)
    return tmp_path


def init(*arguments: str) -> int:
    return main(["init", "backend", "--from", WHEEL, *arguments])


def test_at_most_twelve_files_are_written_and_none_into_the_app(place: Path):
    before = sorted(place.rglob("*"))

    assert init("--ci") == 0

    written = [path for path in place.rglob("*") if path.is_file() and path not in before]
    assert len(written) <= 12
    assert all(path.is_relative_to(place / "backend") for path in written)
    assert ".annex/" in (place / "backend" / ".gitignore").read_text().splitlines()


def test_the_workflow_is_written_where_github_reads_it(place: Path):
    (place / ".git").mkdir()

    init("--ci")

    workflow = (place / ".github" / "workflows" / "backend.yml").read_text()
    assert "working-directory: backend" in workflow


def test_a_dry_run_writes_nothing_and_says_what_it_would(place: Path, capsys: pytest.CaptureFixture[str]):
    assert init("--dry-run") == 0

    assert not (place / "backend").exists()
    assert "would write backend/pyproject.toml" in capsys.readouterr().out


def test_a_file_that_is_there_stays_as_it_is_and_is_named(place: Path, capsys: pytest.CaptureFixture[str]):
    write_tree(place, {"backend/README.md": "mine\n", "backend/functions/hello.py": "mine = 1\n"})

    assert init() == 0

    assert (place / "backend" / "README.md").read_text() == "mine\n"
    assert (place / "backend" / "functions" / "hello.py").read_text() == "mine = 1\n"
    assert "kept      backend/README.md, which was there" in capsys.readouterr().out


def test_the_wheel_is_pinned_by_its_hash_and_never_by_its_name_alone(place: Path):
    init()

    project = tomllib.loads((place / "backend" / "pyproject.toml").read_text())
    assert project["tool"]["uv"]["sources"]["annex-functions"] == {"path": f"../{WHEEL}"}
    assert project["tool"]["annex"]["wheel"] == f"sha256:{hashlib.sha256(b'zip').hexdigest()}"


def test_a_settings_file_of_the_app_beside_does_not_stop_it(place: Path):
    (place / ".env").write_text("DATABASE_URL=mysql://x\nANNEX_STALL=soon\n")

    assert init() == 0


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"web/prisma/schema.prisma": PRISMA}, ("Prisma", "prisma/migrations", "POSTGRES_URL")),
        ({"web/prisma/schema/a.prisma": "model A {}\n", "web/prisma/schema/b.prisma": PRISMA}, ("Prisma", "prisma/schema/migrations", "POSTGRES_URL")),
        ({"web/db/s.prisma": PRISMA, "web/prisma.config.ts": "export default { schema: 'db/s.prisma', migrations: { path: 'db/sql' } }\n"}, ("Prisma", "db/sql", "POSTGRES_URL")),
        ({"web/drizzle.config.ts": DRIZZLE}, ("Drizzle", "migrations", "MY_DATABASE")),
        ({"web/drizzle.config.js": "module.exports = { dialect: 'postgresql' }\n"}, ("Drizzle", "drizzle", "")),
        ({"web/drizzle.config.ts": "// out: './old'\n" + DRIZZLE}, ("Drizzle", "migrations", "MY_DATABASE")),
    ],
)  # fmt: skip
def test_the_schema_is_found_with_its_migrations_and_its_variable(
    place: Path, files: dict[str, str], expected: tuple[str, str, str]
):
    write_tree(place, files)

    app = find_app(place / "backend")

    assert app is not None
    assert app.schema is not None
    found = app.schema.migrations.resolve().relative_to(place.resolve() / "web").as_posix()
    assert (app.schema.tool, found, app.schema.variable) == expected


def test_migrations_fill_the_database_of_development(place: Path):
    write_tree(
        place, {"web/prisma/schema.prisma": PRISMA, "web/prisma/migrations/1/migration.sql": "SELECT 1;"}
    )

    init()

    project = tomllib.loads((place / "backend" / "pyproject.toml").read_text())
    assert project["tool"]["annex"]["seed"] == ["../web/prisma/migrations"]
    assert "(POSTGRES_URL there)" in (place / "backend" / ".env.example").read_text()


def test_another_database_than_postgresql_is_told(place: Path, capsys: pytest.CaptureFixture[str]):
    write_tree(
        place,
        {
            "web/prisma/schema.prisma": PRISMA.replace("postgresql", "mysql"),
            "web/prisma/migrations/1/m.sql": "",
        },
    )

    init()

    assert "Prisma for mysql; Annex needs PostgreSQL" in capsys.readouterr().out
    assert "seed" not in (place / "backend" / "pyproject.toml").read_text()


@pytest.mark.parametrize(
    ("files", "manager"),
    [
        ({"web/pnpm-lock.yaml": ""}, "pnpm"),
        ({"web/yarn.lock": ""}, "yarn"),
        ({"web/bun.lockb": ""}, "bun"),
        ({"web/package-lock.json": ""}, "npm"),
        ({"pnpm-lock.yaml": "", ".git/HEAD": ""}, "pnpm"),
        ({"web/package.json": '{"packageManager": "yarn@4.1.0", "dependencies": {"next": "16"}}', "web/package-lock.json": ""}, "yarn"),
        ({}, "npm"),
    ],
)  # fmt: skip
def test_the_package_manager_is_found(place: Path, files: dict[str, str], manager: str):
    write_tree(place, files)

    app = find_app(place / "backend")

    assert app is not None
    assert app.manager == manager


def test_names_of_variables_are_read_and_no_value_leaves_the_files(
    place: Path, capsys: pytest.CaptureFixture[str]
):
    write_tree(
        place,
        {
            "web/.env.local": "export CLERK_SECRET_KEY=sk_live_canary\n# OFF=1\nDATABASE_URL='postgres://canary'\n"
        },
    )

    init()

    told = capsys.readouterr().out + "".join(
        path.read_text() for path in (place / "backend").rglob("*") if path.is_file()
    )
    assert "CLERK_SECRET_KEY (.env.local)" in told
    assert "canary" not in told
    assert "OFF" not in told


def test_the_client_goes_where_the_apps_imports_find_it(place: Path):
    (place / "web" / "app").rename(place / "web" / "old")
    write_tree(place, {"web/src/app/page.tsx": ""})

    init()

    project = tomllib.loads((place / "backend" / "pyproject.toml").read_text())
    assert project["tool"]["annex"]["client"] == "../web/src/annex"


def test_several_apps_are_asked_about_and_one_can_be_named(place: Path, capsys: pytest.CaptureFixture[str]):
    write_tree(place, {"admin/package.json": NEXT})

    assert init() == 1
    assert "Say which with --app FOLDER" in capsys.readouterr().err
    assert init("--app", "admin") == 0


def test_an_app_around_the_service_and_one_in_apps_are_found(place: Path):
    (place / "mono" / ".git").mkdir(parents=True)
    write_tree(place, {"mono/apps/shop/package.json": NEXT})

    for service in ("web/backend", "mono/services/backend", "mono/apps/backend"):
        assert find_app(place / service) is not None


def test_without_an_app_a_service_is_written_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    (tmp_path / WHEEL).write_text("zip")
    monkeypatch.chdir(tmp_path)

    assert init() == 0

    assert "no Next.js app beside it" in capsys.readouterr().out
    assert (
        "client" not in tomllib.loads((tmp_path / "backend" / "pyproject.toml").read_text())["tool"]["annex"]
    )


def test_the_app_itself_is_no_place_for_a_service(place: Path):
    with pytest.raises(NoSingleApp, match="is the app itself"):
        find_app(place / "web")


@pytest.mark.parametrize(
    "text", ["", "[1, 2]", "{", '{"dependencies": ["next"]}', '{"dependencies": null}', "\x00\xff"]
)
def test_a_package_that_cannot_be_read_is_no_app(tmp_path: Path, text: str):
    write_tree(tmp_path, {"web/package.json": text})

    assert find_app(tmp_path / "backend") is None


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("nowhere.whl", "there is no such wheel"),
        ("web/package.json", "there is no such wheel"),
        ("https://files.example/annex_functions-0.1.0-py3-none-any.whl", "add the hash"),
        (f"{WHEEL}", ""),
        ("git+https://ada:secret@git.example/annex.git", "leave user and password out"),
        ("git+file:///nowhere/annex", "there is no repository"),
    ],
)  # fmt: skip
def test_what_cannot_be_pinned_is_refused_with_the_cure(place: Path, given: str, told: str):
    if not told:
        assert pin(given, place / "backend").hash.startswith("sha256:")
        return
    with pytest.raises(PinError, match=told) as refused:
        pin(given, place / "backend")
    assert "secret" not in str(refused.value)


def test_a_wheel_with_another_hash_than_was_said_is_refused(place: Path):
    with pytest.raises(PinError, match="its hash is not the one"):
        pin(f"{(place / WHEEL).as_uri()}#sha256={'0' * 64}", place / "backend")


def test_a_url_is_pinned_by_the_hash_that_it_carries(place: Path):
    pinned = pin(f"https://files.example/{WHEEL}#sha256={'a' * 64}", place / "backend")

    assert pinned == (f'{{ url = "https://files.example/{WHEEL}" }}', f"sha256:{'a' * 64}")


def test_a_branch_is_pinned_to_its_commit(place: Path):
    repository = place / "annex"
    for words in (
        ["init", "-q", "-b", "main", str(repository)],
        [
            "-C",
            str(repository),
            "-c",
            "user.name=a",
            "-c",
            "user.email=a@b",
            "commit",
            "-q",
            "--allow-empty",
            "-m",
            "x",
        ],
    ):
        subprocess.run(["git", *words], check=True)
    commit = subprocess.run(
        ["git", "-C", str(repository), "rev-parse", "HEAD"], capture_output=True, text=True, check=True
    ).stdout.strip()

    for given in (f"git+{repository.as_uri()}@main", f"git+{repository.as_uri()}", str(repository)):
        assert (
            pin(given, place / "backend").source == f'{{ git = "{repository.as_uri()}", rev = "{commit}" }}'
        )
