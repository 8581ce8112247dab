"""`idempotent=`: one key of one caller is one call, and its first answer is given again."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from runtime.gate.idempotency import step
from runtime.gate.idempotency.answers import AnswerStore, FirstAnswer, MemoryAnswers, RedisAnswers, answers_at
from shared.errors import Unavailable
from shared.secret import Secret
from tests.fixtures.app import Caller, Compose
from tests.fixtures.valkey import RedisServer

ORDERS = '''"""Orders."""

import asyncio

from msgspec import Struct

from runtime import Conflict, Csv, Function, Reply, SetCookie, Unavailable, User
from shared.errors import DeadlineExceeded, FunctionCrashed, FunctionStalled, OutcomeUnknown, OutOfMemory

config = Function(idempotent=60, timeout=2)
RUNS = []


class Order(Struct):
    symbol: str


async def get() -> list[str]:
    """Say what has run."""
    return RUNS


async def post(data: Order, user: User) -> Reply[Order]:
    """Order."""
    RUNS.append(data.symbol)
    match data.symbol:
        case "conflict":
            raise Conflict("Taken.")
        case "down":
            raise Unavailable()
        case "bug":
            raise RuntimeError
        case "unknown":
            raise OutcomeUnknown
        case "killed":
            raise FunctionCrashed
        case "large":
            raise OutOfMemory
        case "stalled":
            raise FunctionStalled
        case "no time":
            raise DeadlineExceeded
        case "slow":
            await asyncio.sleep(0.3)
        case "late":
            await asyncio.sleep(60)
    return Reply(data, status=201, headers={"X-Run": str(len(RUNS))}, cookies=[SetCookie("a", "b")])


async def put(size: int) -> Csv:
    """Answer at length."""
    RUNS.append("put")
    return Csv(b"x" * size)
'''
ME = {"sub": "user_1"}
KEY = {"Idempotency-Key": "a-1"}


@pytest.fixture
def functions(tmp_path: Path) -> Path:
    functions = tmp_path / "functions"
    functions.mkdir()
    (functions / "orders.py").write_text(ORDERS)
    return functions


@pytest.fixture
async def service(functions: Path, compose: Compose) -> AsyncIterator[Caller]:
    async with compose(functions) as caller:
        assert not caller.application.table.faults
        yield caller


async def order(
    service: Caller, symbol: str = "SPY", key: str = "a-1", sub: str = "user_1"
) -> httpx.Response:
    headers = {"Idempotency-Key": key}
    return await service.signed(
        "POST", "/orders", json={"symbol": symbol}, headers=headers, claims={"sub": sub}
    )


async def runs(service: Caller) -> list[str]:
    found: list[str] = (await service.signed("GET", "/orders")).json()
    return found


async def test_a_second_call_gets_the_first_answer_and_runs_nothing(service: Caller):
    first, second = await order(service), await order(service)

    assert (first.status_code, second.status_code) == (201, 201)
    assert first.content == second.content
    assert [second.headers[name] for name in ("x-run", "set-cookie", "content-type", "content-length")] == [
        first.headers[name] for name in ("x-run", "set-cookie", "content-type", "content-length")
    ]
    assert (first.headers.get("idempotency-replayed"), second.headers["idempotency-replayed"]) == (
        None,
        "true",
    )
    assert first.headers["x-request-id"] != second.headers["x-request-id"]
    assert await runs(service) == ["SPY"]


async def test_calls_at_once_run_once(service: Caller):
    answers = await asyncio.gather(*(order(service, "slow") for _ in range(8)))

    assert {(answer.status_code, answer.headers["x-run"]) for answer in answers} == {(201, "1")}
    assert await runs(service) == ["slow"]


async def test_a_call_that_takes_longer_is_in_progress_for_the_second(
    service: Caller, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(step, "WAIT", 0)
    first = asyncio.create_task(order(service, "slow"))
    await asyncio.sleep(0.1)
    second = await order(service, "slow")
    await first

    assert (second.status_code, second.json()["code"]) == (409, "idempotency_in_progress")
    assert second.headers["retry-after"] == "1"


@pytest.mark.parametrize("other", ["body", "method", "url"])
async def test_a_key_given_with_another_call_is_refused(service: Caller, other: str):
    await order(service)
    if other == "body":
        answer = await order(service, "TLT")
    elif other == "method":
        answer = await service.signed("PUT", "/orders", headers=KEY, claims=ME)
    else:
        answer = await service.signed("POST", "/orders?x=1", headers=KEY, json={"symbol": "SPY"}, claims=ME)

    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")
    assert await runs(service) == ["SPY"]


async def test_the_same_key_of_another_caller_or_of_none_is_another_call(service: Caller):
    await order(service)
    await order(service, "TLT", sub="user_2")
    await order(service, key="a-2")
    await service.signed("POST", "/orders", json={"symbol": "QQQ"})

    assert await runs(service) == ["SPY", "TLT", "SPY", "QQQ"]


async def test_a_refusal_by_the_function_is_kept(service: Caller):
    first, second = await order(service, "conflict"), await order(service, "conflict")

    assert (first.status_code, second.status_code, second.json()["detail"]) == (409, 409, "Taken.")
    assert await runs(service) == ["conflict"]


@pytest.mark.parametrize(("symbol", "status"), [("down", 503), ("bug", 500)])
async def test_a_failure_is_not_kept(service: Caller, symbol: str, status: int):
    answers = [await order(service, symbol), await order(service, symbol)]

    assert [answer.status_code for answer in answers] == [status, status]
    assert await runs(service) == [symbol, symbol]


async def test_an_invalid_input_is_not_kept(service: Caller):
    headers = KEY
    first = await service.signed("POST", "/orders", json={}, headers=headers)
    second = await order(service)

    assert (first.status_code, second.status_code) == (400, 201)


@pytest.mark.parametrize(
    ("symbol", "status"),
    [
        ("unknown", 503),
        ("late", 504),
        ("no time", 504),
        ("killed", 500),
        ("stalled", 500),
        ("large", 503),
    ],
)
async def test_after_an_outcome_that_nobody_knows_nothing_runs_again(
    service: Caller, symbol: str, status: int
):
    first, second = await order(service, symbol), await order(service, symbol)

    assert (first.status_code, second.status_code, second.json()["code"]) == (status, 409, "outcome_unknown")
    assert await runs(service) == [symbol]


async def test_an_answer_that_is_too_large_is_not_kept_and_its_call_never_runs_again(
    service: Caller, caplog: pytest.LogCaptureFixture
):
    size = 1024 * 1024 + 1
    answers = [await service.signed("PUT", f"/orders?size={size}", headers=KEY) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 409]
    assert len(answers[0].content) == size
    assert answers[1].json()["code"] == "outcome_unknown"
    assert any("is not kept for its Idempotency-Key" in record.getMessage() for record in caplog.records)


async def test_a_kept_answer_is_compressed_for_nobody(service: Caller):
    headers = {**KEY, "Accept-Encoding": "gzip"}
    first = await service.signed("PUT", "/orders?size=5000", headers=headers)
    again = await service.signed("PUT", "/orders?size=5000", headers={**KEY, "Accept-Encoding": "identity"})

    assert "content-encoding" not in first.headers
    assert again.content == b"x" * 5000


@pytest.mark.parametrize("key", ["", "a b", "x" * 256, "\xfc"])
async def test_a_key_that_is_none_is_refused(service: Caller, key: str):
    answer = await service.signed(
        "POST", "/orders", json={"symbol": "SPY"}, headers={"Idempotency-Key": key.encode("latin-1")}
    )

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == "idempotency-key"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "from collections.abc import AsyncIterator\nfrom runtime import Event, Function\n"
            "config = Function(idempotent=60)\n"
            "async def post() -> AsyncIterator[Event]:\n    yield Event()\n",
            "post returns a stream, which cannot be kept and given again.",
        ),
        (
            "from runtime import Function\nconfig = Function(idempotent=60, public=True)\n"
            "async def post() -> None: ...\n",
            "public=True conflicts with idempotent=60.",
        ),
        (
            "from runtime import Function\nconfig = Function(idempotent=0)\nasync def post() -> None: ...\n",
            "Write seconds above 0, such as idempotent=86400.",
        ),
    ],
)
async def test_what_cannot_be_idempotent_is_in_quarantine(
    tmp_path: Path, compose: Compose, text: str, said: str
):
    (tmp_path / "ticks.py").write_text(text)
    async with compose(tmp_path) as caller:
        (fault,) = caller.application.table.faults

    assert said in str(fault)


async def test_in_production_it_needs_redis(functions: Path, compose: Compose):
    async with compose(functions, ANNEX_ENV="production") as caller:
        (fault,) = caller.application.table.faults
        answer = await order(caller)

    assert "`idempotent` needs REDIS_URL in production" in str(fault)
    assert (answer.status_code, answer.json()["code"]) == (503, "function_unavailable")


async def test_replicas_share_first_answers(functions: Path, compose: Compose, redis_server: RedisServer):
    async with (
        compose(functions, REDIS_URL=redis_server.url) as one,
        compose(functions, REDIS_URL=redis_server.url) as other,
    ):
        answers = await asyncio.gather(*(order(each, "slow") for each in [one, other] * 4))
        ran = [*await runs(one), *await runs(other)]

    assert {answer.status_code for answer in answers} == {201}
    assert ran == ["slow"]


async def test_without_its_store_nothing_runs(functions: Path, compose: Compose, redis_server: RedisServer):
    async with compose(functions, REDIS_URL=redis_server.url) as caller:
        redis_server.stop()
        answer = await order(caller)
        ran = await runs(caller)

    assert (answer.status_code, answer.json()["code"], ran) == (503, "unavailable", [])


@pytest.fixture(params=["memory", "redis"])
async def store(request: pytest.FixtureRequest) -> AsyncIterator[AnswerStore]:
    url = Secret(request.getfixturevalue("redis_server").url) if request.param == "redis" else None
    store = answers_at(url)
    assert isinstance(store, RedisAnswers if url else MemoryAnswers)
    yield store
    await store.close()


ANSWER = FirstAnswer(201, [(b"x-run", b"1")], b"\x00SPY")


async def test_a_claim_whose_call_died_is_lost_and_its_late_answer_is_kept_all_the_same(store: AnswerStore):
    assert (await store.claim("k", "t1", b"call", lease=0.05, kept=60)).state == "new"
    assert (await store.claim("k", "t2", b"call", lease=60, kept=60)).state == "running"
    await asyncio.sleep(0.1)
    assert (await store.claim("k", "t2", b"call", lease=60, kept=60)).state == "lost"
    await store.keep("k", "t1", ANSWER, kept=60)

    assert await store.claim("k", "t2", b"call", lease=60, kept=60) == ("kept", ANSWER)


async def test_only_the_call_that_has_the_claim_settles_it(store: AnswerStore):
    await store.claim("k", "t1", b"call", lease=60, kept=60)
    await store.release("k", "t2")
    await store.keep("k", "t2", ANSWER, kept=60)

    assert (await store.claim("k", "t3", b"call", lease=60, kept=60)).state == "running"
    await store.release("k", "t1")
    assert (await store.claim("k", "t3", b"call", lease=60, kept=60)).state == "new"


async def test_an_answer_is_forgotten_after_its_time(store: AnswerStore):
    await store.claim("k", "t1", b"call", lease=60, kept=60)
    await store.keep("k", "t1", ANSWER, kept=0.05)
    await asyncio.sleep(0.1)

    assert (await store.claim("k", "t2", b"other", lease=60, kept=60)).state == "new"


async def test_a_store_that_is_gone_says_so(redis_server: RedisServer):
    store = answers_at(Secret(redis_server.url))
    redis_server.stop()
    with pytest.raises(Unavailable, match="cannot be looked up"):
        await store.claim("k", "t", b"call", lease=60, kept=60)
    await store.close()
