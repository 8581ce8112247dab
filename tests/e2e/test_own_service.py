"""A service of a team's own beside an app, from the wheel: written, run, tested, upgraded."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from runtime.distribution import version
from tests.fixtures.routing import write_tree
from tests.fixtures.service import PATIENCE, free_port, until
from tests.fixtures.team import APP, DRIZZLE, PRISMA, Team, answers, bare
from tests.fixtures.wheel import earlier

pytestmark = pytest.mark.timeout(900)  # an environment is installed

OWN = {
    "shared/prices.py": "PRICE = 1\n",
    "desk/levels.py": "LEVEL = 20\n",
    "fees.py": "FEE = 300\n",
    "functions/orders/_texts.py": "TEXT = 4000\n",
    "functions/total.py": '''
        """What everything costs, from code of every place."""

        from desk.levels import LEVEL
        from fees import FEE
        from functions.orders._texts import TEXT as ABSOLUTE
        from shared.prices import PRICE

        from runtime import Database, User

        from .orders._texts import TEXT


        async def get(user: User, db: Database) -> int:
            """Return the sum."""
            invoiced: int = await db.fetch_value('SELECT sum(total) FROM "Invoice"')
            return PRICE + LEVEL + FEE + TEXT + ABSOLUTE + 100_000 * invoiced
    ''',
    "tests/functions/test_total.py": '''
        """/total, on the app's own tables."""

        from runtime.testing import Caller, Service, ServiceDatabase


        def test_total_adds_up(service: Service, database: ServiceDatabase) -> None:
            database.execute('INSERT INTO "Invoice" VALUES (2, 10)')

            assert service.get("/total", caller=Caller()).json() == 8_008_321


        def test_rows_of_another_test_are_not_there(service: Service) -> None:
            assert service.get("/total", caller=Caller()).json() == 7_008_321
    ''',
}
TOTAL = 7_008_321


@pytest.fixture(scope="module")
def team(uv: str, wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Team:
    return Team(tmp_path_factory.mktemp("prisma"), uv, wheel, {**APP, **PRISMA})


@pytest.fixture(scope="module")
def grown(team: Team) -> Team:
    """The same service with code of its own in every place where there can be some."""
    team.run("make", "setup")
    write_tree(team.folder, OWN)
    return team


def test_the_service_that_is_written_passes_its_own_tests_and_leaves_the_app_alone(team: Team):
    told = team.run("make", "test")

    assert "2 passed" in told
    assert "✓ product    annex-functions" in told
    assert sorted(team.web.rglob("*")) == team.before
    assert len([line for line in team.written.splitlines() if line.startswith("wrote ")]) <= 12
    lock = (team.folder / "uv.lock").read_text()
    assert re.search(r'name = "annex-functions"\nversion = "[^"]+"\nsource = \{ path = ', lock)


def test_own_code_is_found_by_the_check_the_tests_and_a_call(grown: Team):
    assert "2 endpoints" in grown.annex("check")
    assert "passed" in grown.run("make", "test")
    assert grown.annex("call", "GET", "/total", "--user", "user_1").splitlines()[-1] == str(TOTAL)


def test_own_code_is_found_by_the_service_as_the_image_runs_it(grown: Team, tmp_path: Path):
    folder = tmp_path / "app"  # what COPY brings, and the environment without development tools
    shutil.copytree(grown.folder, folder, ignore=shutil.ignore_patterns(".venv", ".annex", "tests"))
    shutil.copy(grown.folder.parent / "web" / "package.json", tmp_path)
    lock = folder / "uv.lock"
    for file in (lock, folder / "pyproject.toml"):  # the wheel is outside the service's folder here
        file.write_text(file.read_text().replace('path = "../', f'path = "{grown.folder.parent}/'))
    steps = re.findall(r"^RUN .*(/uv/bin/uv sync .*)$", (folder / "Dockerfile").read_text(), re.MULTILINE)
    assert len(steps) == 1
    grown.run("sh", "-c", steps[0].replace("/uv/bin/uv", grown.uv).replace("--locked", ""), cwd=folder)
    port = free_port()
    environment = bare(grown.uv, PORT=str(port), ANNEX_ENV="test", ANNEX_DRAIN_DELAY="0")
    with subprocess.Popen([folder / ".venv/bin/annex", "serve"], cwd=folder, env=environment) as service:
        try:
            until(lambda: answers(port))
            ready = httpx.get(f"http://127.0.0.1:{port}/health/ready", timeout=PATIENCE).json()
        finally:
            service.terminate()
    assert ready["checks"]["functions"]["status"] == "ok", ready


@pytest.fixture
def developing(grown: Team) -> Iterator[int]:
    """`annex dev` with a command in the app beside it."""
    port = free_port()
    beside = "pwd > started; echo $BACKEND_API_URL >> started; sleep 600"
    process = subprocess.Popen(
        [grown.folder / ".venv/bin/annex", "dev", "--with", beside],
        cwd=grown.folder,
        env=bare(grown.uv, PORT=str(port)),
    )
    try:
        until(lambda: answers(port) or process.poll() is not None, seconds=2 * PATIENCE)
        yield port
    finally:
        process.terminate()
        process.wait(PATIENCE)


def test_dev_serves_own_code_on_the_apps_tables_starts_the_app_and_writes_its_client(
    grown: Team, developing: int
):
    headers = {"Authorization": f"Bearer {grown.annex('token').strip()}"}
    url = f"http://127.0.0.1:{developing}/total"

    assert httpx.get(url, headers=headers, timeout=PATIENCE).json() == TOTAL
    until((grown.web / "started").exists)
    until(
        lambda: (
            (grown.web / "started").read_text().split() == [str(grown.web), f"http://localhost:{developing}"]
        )
    )
    assert '"/total"' in (grown.web / "annex" / "schema.ts").read_text()
    assert (grown.web / "annex" / "server.ts").exists()

    (grown.folder / "fees.py").write_text("FEE = 500\n")
    until(lambda: httpx.get(url, headers=headers, timeout=PATIENCE).json() == TOTAL + 200)
    (grown.folder / "fees.py").write_text(OWN["fees.py"])


def test_a_shared_package_that_hides_the_products_is_named(grown: Team):
    (grown.folder / "shared" / "__init__.py").touch()
    try:
        done = subprocess.run(
            [".venv/bin/annex", "check"],
            cwd=grown.folder,
            env=bare(grown.uv),
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        (grown.folder / "shared" / "__init__.py").unlink()

    assert done.returncode == 2
    assert "shared/__init__.py: hides the product's package of that name; delete the file" in done.stderr


def test_a_service_of_the_release_before_is_raised_to_this_one_and_passes_its_tests_at_each_step(
    uv: str, wheel: Path, tmp_path: Path
):
    release, was = earlier(uv, tmp_path / "source", version())
    team = Team(tmp_path / "team", uv, release, {**APP, **DRIZZLE}, of_wheel=True)
    team.run("make", "setup")
    old = "from shared.database.contract import Table\n\nTABLES = (Table,)[:0]\n"
    write_tree(team.folder, {**OWN, "shared/schema.py": old})

    team.annex("upgrade", "--from", str(wheel))
    team.run("make", "setup")
    before = team.run(".venv/bin/python", "-W", "default", "-c", "import shared.schema", errors=True)
    told = team.annex("upgrade")

    assert "schema.py:1: DeprecationWarning: `shared.database.contract` is now" in before
    assert f"From {was} to {version()}." in told
    assert "rewrote shared/schema.py:1: `shared.database.contract` is now `shared.database.drift`" in told
    assert "passed" in team.run("make", "test")
    assert "nothing to do" in team.annex("upgrade")
