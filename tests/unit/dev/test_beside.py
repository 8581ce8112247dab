"""The app's command beside `annex dev`: it begins and ends with the service."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import psutil

from runtime.dev.beside import app_of, beside
from tests.fixtures.service import PATIENCE, ROOT, until

TELLS = 'echo "$BACKEND_API_URL $NEXT_PUBLIC_BACKEND_API_URL" > url; echo $$ > pid.new; mv pid.new pid'
STAYS = f"{TELLS}; sleep 600 & wait"


def pid_in(folder: Path) -> int:
    until((folder / "pid").exists)
    return int((folder / "pid").read_text())


def is_gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_the_command_runs_in_the_app_knows_the_services_address_and_ends_with_it(tmp_path: Path):
    with beside(STAYS, tmp_path, url="http://localhost:8000", ended=lambda: None):
        pid = pid_in(tmp_path)
        children = psutil.Process(pid).children(recursive=True)

    assert (tmp_path / "url").read_text() == "http://localhost:8000 http://localhost:8000\n"
    until(lambda: all(is_gone(each) for each in (pid, *(child.pid for child in children))))


def test_a_command_that_does_not_listen_is_ended_all_the_same(tmp_path: Path, monkeypatch):
    monkeypatch.setattr("runtime.dev.beside.STOP_TIMEOUT", 0.2)
    with beside(f"trap '' TERM; {STAYS}", tmp_path, url="", ended=lambda: None):
        pid = pid_in(tmp_path)

    until(lambda: is_gone(pid))


def test_a_command_that_ends_by_itself_ends_the_service(tmp_path: Path, capsys):
    ended = threading.Event()

    with beside("exit 3", tmp_path, url="", ended=ended.set):
        assert ended.wait(PATIENCE)

    assert capsys.readouterr().out == "annex dev: `exit 3` ended with status 3; the service ends too\n"


def test_a_command_does_not_outlive_a_service_that_was_killed(tmp_path: Path):
    program = (
        "import os, time; from pathlib import Path; from runtime.dev.beside import beside\n"
        f"with beside({STAYS!r}, Path({str(tmp_path)!r}), url='', ended=print):\n"
        "    time.sleep(600)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, env=dict(os.environ)) as service:
        pid = pid_in(tmp_path)
        service.kill()

    until(lambda: is_gone(pid))


def test_the_app_of_a_client_is_the_next_folder_with_a_package(tmp_path: Path):
    (tmp_path / "web" / "src").mkdir(parents=True)
    (tmp_path / "web" / "package.json").write_text("{}")

    assert app_of(tmp_path / "web" / "src" / "annex") == tmp_path / "web"
