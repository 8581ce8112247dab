"""What the parent process decides: who ended a worker, which file is closed, how many workers there are."""

import json
import logging
import os
import socket
import threading
from pathlib import Path

import pytest

from runtime.server.handover import silence_limit, worker_count
from runtime.server.parent import sockets
from runtime.server.parent.blame.deaths import WINDOW, Death, Deaths
from runtime.server.parent.blame.stacks import culprit
from runtime.server.parent.ledger import Ledger, UnderWay, create
from runtime.server.parent.log import MAX_LINE, ParentLog
from runtime.server.worker.share import share
from runtime.server.worker.threads import note_threads
from runtime.settings import SettingsError, load
from runtime.telemetry.logs.lines import JsonLine

CLERK = {"ANNEX_ENV": "production", "CLERK_PUBLISHABLE_KEY": "pk_test_Y2xlcmsuZXhhbXBsZS5jb20k"}
IDLE = '  File "/usr/lib/python3.13/selectors.py", line 452 in select\n'


def stack(*places: str, current: bool = False) -> str:
    head = "Current thread" if current else "Thread"
    return f"{head} 0x00007f (most recent call first):\n" + "".join(f'  File "{place}\n' for place in places)


def died(file: str = "", *suspects: tuple[str, int], at: float = 0.0) -> Death:
    return Death(at, "ended", file, [UnderWay(name, begun, 1) for name, begun in suspects])


def test_file_whose_code_ran_on_the_loops_thread_is_named_before_those_of_other_threads():
    dump = stack('/app/functions/waits.py", line 4 in get') + stack(
        '/usr/lib/re.py", line 1 in match', '/app/functions/a/[id].py", line 9 in helper', current=True
    )
    found = culprit(dump, "/app/functions")
    assert found is not None
    assert found.place == ("a/[id].py", 9, "helper")
    assert found.stack.splitlines()[0] == "/usr/lib/re.py:1 (match)"


def test_file_of_another_thread_is_named_when_it_is_the_only_one():
    dump = stack('/app/functions/counts.py", line 4 in get') + stack(IDLE, current=True)
    found = culprit(dump, "/app/functions")
    assert found is not None
    assert found.place.file == "counts.py"


def test_nobody_is_named_when_two_threads_run_different_files_or_none_runs_one():
    two = (
        stack("idle", current=True)
        + stack('/app/functions/a.py", line 4 in get')
        + stack('/app/functions/b.py", line 4 in get')
    )
    assert culprit(two, "/app/functions") is None
    assert culprit(stack(IDLE, current=True), "/app/functions") is None
    assert culprit("", "/app/functions") is None


def test_of_several_threads_the_one_that_has_the_processor_is_named():
    waits = 'Thread 0x000a (most recent call first):\n  File "/app/functions/waits.py", line 4 in get\n'
    counts = 'Thread 0x000b (most recent call first):\n  File "/app/functions/counts.py", line 7 in get\n'
    own = stack('/app/functions/steps.py", line 3 in get', current=True)
    found = culprit(waits + counts + own, "/app/functions", busy=0xB)
    assert found is not None
    assert found.place == ("counts.py", 7, "get")


def test_file_whose_name_is_not_ascii_is_named_as_it_is(tmp_path: Path):
    for name in ("é", "中"):
        dumped = tmp_path / "dump"
        code = compile(
            "import faulthandler\nfaulthandler.dump_traceback(out)", str(tmp_path / f"{name}.py"), "exec"
        )
        with dumped.open("w") as out:
            exec(code, {"out": out})  # noqa: S102  # a file of that name must be running
        found = culprit(dumped.read_text(), str(tmp_path))
        assert found is not None
        assert found.place.file == f"{name}.py"


def test_file_that_was_seen_twice_within_ten_minutes_is_closed():
    deaths = Deaths()
    assert deaths.add(died("a.py", at=0)) == ""
    assert deaths.add(died("b.py", at=1)) == ""
    assert deaths.add(died("a.py", at=WINDOW - 1)) == "a.py"


def test_file_that_was_seen_again_after_ten_minutes_is_not_closed():
    deaths = Deaths()
    deaths.add(died("a.py", at=0))
    assert deaths.add(died("a.py", at=WINDOW + 1)) == ""


def test_file_that_was_not_seen_is_closed_when_it_alone_was_under_way_each_time():
    deaths = Deaths()
    deaths.add(died("", ("exits.py", 1)))
    assert deaths.add(died("", ("exits.py", 1), ("busy.py", 4000))) == "exits.py"


def test_busy_file_that_is_under_way_at_each_death_is_never_closed():
    deaths = Deaths()
    deaths.add(died("", ("busy.py", 4000), ("exits.py", 1)))
    assert deaths.add(died("", ("busy.py", 9000))) == ""


def test_neighbour_that_is_under_way_when_different_files_end_workers_is_never_closed():
    deaths = Deaths()
    assert deaths.add(died("", ("sleeps.py", 2))) == ""
    for number in range(5):
        assert deaths.add(died("", ("sleeps.py", 2), (f"exits{number}.py", 1))) == ""


def test_deaths_that_a_closed_file_explains_say_nothing_against_its_neighbours():
    deaths = Deaths()
    deaths.add(died("", ("exits.py", 1), ("sleeps.py", 1)))
    assert deaths.add(died("", ("exits.py", 1), ("sleeps.py", 1))) == "exits.py"
    assert deaths.add(died("", ("sleeps.py", 1))) == ""


def test_file_that_sleeps_in_another_thread_is_not_named_for_a_crash():
    dump = "Fatal Python error: Aborted\n\n" + stack('/app/functions/sleeps.py", line 4 in get')
    assert culprit(dump + stack(IDLE, current=True), "/app/functions") is None


def test_ledger_tells_the_other_side_what_is_under_way():
    descriptor = create()
    worker, parent = Ledger(descriptor), Ledger(descriptor)
    for index in (1, 0, 2):
        worker.begin(index)
    worker.end(2)
    worker.beat = 5.5
    worker.threads = {0x7F00_0000_0000: 71, 0x7F00_0000_0001: 72}
    worker.threads = {0x7F00_0000_0000: 71}
    assert parent.under_way(["a.py", "b.py", "c.py"]) == [UnderWay("a.py", 1, 2), UnderWay("b.py", 1, 1)]
    assert (parent.beat, parent.threads) == (5.5, {0x7F00_0000_0000: 71})
    os.close(descriptor)


def test_a_thread_is_in_the_ledger_before_it_runs(monkeypatch: pytest.MonkeyPatch):
    ledger = Ledger(create())
    monkeypatch.setattr(threading.Thread, "run", threading.Thread.run)  # put back afterwards
    found: list[int | None] = []
    note_threads(ledger)
    thread = threading.Thread(target=lambda: found.append(ledger.threads.get(threading.get_ident())))
    thread.start()
    thread.join()
    assert found == [thread.native_id]


def test_number_of_workers_is_given_or_that_of_the_cores():
    assert worker_count("3") == 3
    assert 1 <= worker_count("auto") <= (os.cpu_count() or 1)


@pytest.mark.parametrize("text", ["0", "-1", "2.5", "many"])
def test_other_numbers_of_workers_are_refused(text: str):
    with pytest.raises(SettingsError, match="ANNEX_WORKERS: expected a number from 1 to 999, or auto"):
        load({**CLERK, "ANNEX_WORKERS": text})


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        ({}, 3.0),
        ({"ANNEX_STALL": "5"}, 6.0),
        ({"ANNEX_STALL": "0"}, 60.0),
        ({"ANNEX_STALL": "0", "ANNEX_HANG_TIMEOUT": "0"}, 0.0),
        ({"ANNEX_HANG_TIMEOUT": "1"}, 1.0),
        ({"ANNEX_ENV": "development"}, 0.0),
    ],
)
def test_worker_is_silent_a_second_after_a_step_should_have_been_interrupted(
    given: dict[str, str], seconds: float
):
    assert silence_limit(load({**CLERK, **given})) == seconds


def test_worker_has_its_share_of_the_connections_and_an_id_of_its_own():
    url = "postgresql://app@127.0.0.1:1/app?connection_limit=7"
    settings = load({**CLERK, "DATABASE_URL": url, "RAILWAY_REPLICA_ID": "replica"})
    first = share(settings, number=1, workers=2, secret="made by the parent")
    third = share(settings, number=3, workers=9, secret="made by the parent")
    assert (first.database.pool_max, third.database.pool_max) == (3, 1)
    assert (first.replica, third.replica) == ("replica-1", "replica-3")
    assert first.secret == third.secret


def test_parents_line_has_the_form_of_every_other_line(capfd: pytest.CaptureFixture[str]):
    ParentLog(level="info", as_json=True).say("warning", "a worker ended", worker=3, line=None)
    line = json.loads(capfd.readouterr().out)
    record = logging.makeLogRecord({"levelname": "WARNING", "msg": "a worker ended", "name": "annex.parent"})
    other = json.loads(JsonLine(messages=False).format(record))
    assert {**line, "time": ""} == {**other, "time": "", "worker": 3}
    assert len(line["time"]) == len(other["time"])


def test_parents_line_is_short_enough_to_be_written_whole(capfd: pytest.CaptureFixture[str]):
    log = ParentLog(level="info", as_json=True)
    log.say("debug", "not asked for")
    log.say("error", "a worker ended", stack="x" * 10_000, function="a.py")
    (line,) = capfd.readouterr().out.splitlines()
    assert len(line) < MAX_LINE
    assert json.loads(line)["function"] == "a.py"


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this machine has no IPv6")
@pytest.mark.parametrize("host", ["", "::"])
def test_every_address_is_ipv4_and_ipv6(host: str):
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    bound = sockets.bind(host, port)
    assert {each.family for each in bound} == {socket.AF_INET, socket.AF_INET6}
    for each in bound:
        each.close()


def test_a_port_in_use_is_named_with_the_cure():
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(OSError) as refused:  # noqa: PT011  # which one is what `refusal` says
            sockets.bind("127.0.0.1", port)
    text = sockets.refusal(refused.value, port)
    assert text == f"Port {port} is already in use; stop the other process or set PORT."
