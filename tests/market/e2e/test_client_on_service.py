"""The client in Node against a real `annex serve`: calls, errors, a stream taken up again."""

import json

import pytest

from tests.fixtures.clerk import Issuer
from tests.fixtures.node import ROOT, compile_client, run
from tests.fixtures.service import annex
from tests.fixtures.valkey import RedisServer

pytestmark = pytest.mark.timeout(600)


def test_node_calls_functions_and_takes_an_agents_run_up_where_it_left_it(
    node, compilers, tmp_path, issuer: Issuer, database_url: str, redis_server: RedisServer
):
    tests = compile_client(node, compilers, ROOT / "client/market/tests", tmp_path / "client")
    settings = {"ANNEX_ENV": "test", "CLERK_JWT_KEY": issuer.pem, "DATABASE_URL": database_url}
    settings["REDIS_URL"] = redis_server.url
    with annex("serve", tmp_path, settings) as service:
        ran = run(node, tests / "service.js", cwd=ROOT, BACKEND_API_URL=service.url, TOKEN=issuer.token())
    assert ran.returncode == 0, ran.stderr
    seen = json.loads(ran.stdout)
    ids = seen.pop("ids")
    assert seen == {
        "symbol": "SPY",
        "unknown": "not_found",
        "fields": ["limit"],
        "unauthenticated": 401,
        "left": seen["left"],
        "last": "done",
        "health": "ok",
    }
    assert len(ids) > seen["left"] > 1
    assert ids == [str(number) for number in range(1, len(ids) + 1)]  # nothing missing, nothing twice
