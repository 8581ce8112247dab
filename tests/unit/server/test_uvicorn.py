"""What the server overrides of uvicorn's, which uvicorn calls: here a release that no longer does fails."""

import inspect

import pytest
import uvicorn

from runtime.server.process import Server


@pytest.mark.parametrize("name", ["startup", "shutdown", "capture_signals", "handle_exit"])
def test_uvicorn_still_calls_what_the_server_overrides(name):
    theirs, ours = (inspect.signature(vars(kind)[name]) for kind in (uvicorn.Server, Server))
    assert [*theirs.parameters] == [*ours.parameters]


def test_uvicorn_still_has_nothing_else_to_do_at_a_stop_than_what_the_server_overrides():
    steps = ("on_tick", "main_loop", "startup", "shutdown", "capture_signals", "handle_exit")
    own = {name for name, value in vars(uvicorn.Server).items() if inspect.isfunction(value)}
    assert {name for name in own if not name.startswith("_")} == {*steps, "run", "serve"}
