"""A team's run is played by a real worker, which is killed: its reader sees one story, without a gap."""

import contextlib
import json
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from tests.fixtures.agents import ModelServer, says
from tests.fixtures.clerk import Issuer
from tests.fixtures.production import environment, functions_of
from tests.fixtures.service import ROOT, Service, annex, until
from tests.fixtures.talk import FILES, agree, talk
from tests.fixtures.valkey import RedisServer
from tests.fixtures.work import LEASE, NO_DATABASE

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def services(
    tmp_path: Path, issuer: Issuer, redis_server: RedisServer, model_server: ModelServer
) -> Iterator[tuple[Service, Service]]:
    """What serves, and what works."""
    files = {**FILES, "lasting.py": (ROOT / "docs" / "teams" / "lasting.py").read_text()}
    settings = environment(
        issuer,
        NO_DATABASE,
        functions_of(tmp_path, files),
        REDIS_URL=redis_server.url,
        OPENAI_API_KEY="sk-test",
        OPENAI_BASE_URL=model_server.url,
        ANNEX_JOBS="false",
        ANNEX_JOB_LEASE=str(LEASE),
        ANNEX_JOB_BACKOFF="0.2",
        ANNEX_IMPORT_BUDGET="60",
        ANNEX_DRAIN_TIMEOUT="1",
    )
    with (
        annex("serve", tmp_path, settings) as serving,
        annex("work", tmp_path, settings, wait=False) as working,
    ):
        yield serving, working


class Reader:
    """Reads a stream in a thread of its own."""

    def __init__(self, url: str, method: str, issuer: Issuer) -> None:
        self.events: list[dict[str, Any]] = []
        body = {"messages": [{"role": "user", "content": "Up?"}]} if method == "POST" else None
        self._call = (method, url, body, {"Authorization": f"Bearer {issuer.token()}"})
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        method, url, body, headers = self._call
        with (
            contextlib.suppress(httpx.TransportError),  # who answers may be killed
            httpx.stream(method, url, json=body, headers=headers, timeout=120) as answer,
        ):
            for line in answer.iter_lines():
                if line.startswith("data: "):
                    self.events.append(json.loads(line.removeprefix("data: ")))

    def has(self, words: str) -> bool:
        """Whether a piece of a message was these words."""
        return any(each["type"] == "message_delta" and each["text"] == words for each in self.events)

    def all(self) -> list[dict[str, Any]]:
        """Return every event, once the stream has ended."""
        self._thread.join(120)
        assert not self._thread.is_alive()
        return self.events


def test_a_run_whose_worker_is_killed_and_whose_next_is_stopped_is_one_story_to_its_readers(
    services: tuple[Service, Service], tmp_path: Path, issuer: Issuer, model_server: ModelServer
):
    serving, working = services
    model_server.script(says("Up."), says("I doubt it.", hold_after=2))
    reader = Reader(f"{serving.url}/lasting", "POST", issuer)
    assert model_server.holding.wait(90), working.log
    until(lambda: any(each["type"] == "message" for each in reader.events))
    model_server.holding.clear()
    (worker,) = psutil.Process(working.process.pid).children()
    os.kill(worker.pid, signal.SIGKILL)
    assert model_server.holding.wait(90), working.log
    assert working.stop() == 0  # a deploy
    model_server.script(says("AGREED"))
    settings = psutil.Process(serving.process.pid).environ()
    with annex("work", tmp_path, settings, wait=False):
        events = reader.all()
    again = Reader(f"{serving.url}/talks/{events[0]['runId']}", "GET", issuer).all()
    assert again == events
    said = [each["text"] for each in events if each["type"] == "message"]
    assert (said[0], said[-1]) == ("Up. ", "AGREED ")
    assert all("I doubt it. ".startswith(piece) for piece in said[1:-1])  # as far as they came
    assert [each["type"] for each in events].count("run_started") == 1
    assert [each["name"] for each in events if each["type"] == "custom"] == ["taken_up", "taken_up"]
    assert events[-1]["stopReason"] == "completed"
    assert len(model_server.requests) == 4


def test_runs_whose_process_is_killed_or_stopped_by_a_deploy_are_played_on_by_a_worker(
    services: tuple[Service, Service], tmp_path: Path, issuer: Issuer, model_server: ModelServer
):
    serving, working = services

    def begin(kind: str) -> str:
        talk(model_server)
        reader = Reader(f"{serving.url}/talk/gold?kind={kind}", "POST", issuer)
        until(lambda: reader.has("doubt "), seconds=90)
        run_id: str = reader.events[0]["runId"]
        return run_id

    def told(by: Service, run_id: str) -> list[dict[str, Any]]:
        readers = [Reader(f"{by.url}/talks/{run_id}", "GET", issuer) for _ in range(2)]
        assert readers[0].all() == readers[1].all(), working.log
        return readers[0].events

    kinds = ("short", "built", "other")
    runs = [begin(kind) for kind in kinds]
    agree(model_server)
    process = serving.worker
    process.kill()
    process.wait(30)
    serving.wait_until_up()
    for kind, run_id in zip(kinds, runs, strict=True):
        events = told(serving, run_id)
        said = [each["text"] for each in events if each["type"] == "message"]
        names = [each["name"] for each in events if each["type"] == "custom"]
        assert said[0] == "Up. "
        if kind == "other":
            assert events[-1]["code"] == "run_lost"
        else:
            assert (said[-1], {*names}, events[-1]["stopReason"]) == ("AGREED ", {"taken_up"}, "completed")

    run_id = begin("short")
    agree(model_server)
    settings = psutil.Process(serving.process.pid).environ()
    del settings["PORT"]
    assert serving.stop() == 0  # a deploy
    with annex("serve", tmp_path, settings) as following:
        events = told(following, run_id)
    assert events[-1]["stopReason"] == "completed"
    assert [each["text"] for each in events if each["type"] == "message"][-1] == "AGREED "
