"""Rate limits: the arithmetic, the answer, and whose count it is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.asgi.addresses import caller_of
from runtime.config import Rate
from runtime.gate.rates import MemoryRates, judge, rates_at
from tests.fixtures.gate import Serve, Service, route

SLOW = Rate(3, 86400)


@pytest.mark.parametrize(
    ("text", "rate"),
    [("20/minute", (20, 60)), ("1/second", (1, 1)), ("100/hour", (100, 3600)), ("5/day", (5, 86400))],
)
def test_rate_is_read_from_its_config(text: str, rate: tuple[int, int]):
    assert Rate.parse(text) == rate


@pytest.mark.parametrize(
    "text", ["", "20", "0/minute", "-1/minute", "20/fortnight", "x/minute", "1.5/minute"]
)
def test_rate_that_cannot_be_read_is_refused_with_the_cure(text: str):
    with pytest.raises(ValueError, match=r"Expected .<calls>/<unit>. with one of second, minute, hour, day"):
        Rate.parse(text)


@given(
    limit=st.integers(1, 50),
    period=st.sampled_from([1, 60, 3600]),
    gaps=st.lists(st.floats(0, 100), max_size=200),
)
def test_no_caller_ever_gets_more_than_its_burst_and_its_rate(limit: int, period: int, gaps: list[float]):
    rate, now, arrival, granted = Rate(limit, period), 1000.0, 0.0, 0
    for gap in gaps:
        now += gap
        arrival, verdict = judge(arrival, now, rate)
        granted += verdict.allowed
        assert 0 <= verdict.remaining < limit
        assert (verdict.wait > 0) == (verdict.remaining == 0)

    assert granted <= limit + (now - 1000) * limit / period + 1e-3


@given(limit=st.integers(1, 50), period=st.sampled_from([1, 60, 3600]))
def test_caller_that_waits_as_told_is_served(limit: int, period: int):
    rate, now, arrival = Rate(limit, period), 1000.0, 0.0
    for _ in range(limit):
        arrival, verdict = judge(arrival, now, rate)
        assert verdict.allowed
    arrival, refused = judge(arrival, now, rate)
    _, served = judge(arrival, now + refused.wait, rate)

    assert not refused.allowed
    assert refused.wait == pytest.approx(period / limit)
    assert served.allowed


async def test_memory_forgets_callers_whose_limit_is_free_again(monkeypatch: pytest.MonkeyPatch):
    now = 1000.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    rates = MemoryRates(sweep_at=10)
    for number in range(10):
        await rates.take(f"user_{number}", Rate(1, 1))
    now += 2
    await rates.take("user_10", Rate(1, 1))

    assert len(rates) == 1


async def limited(serve: Serve, *, public: bool = False) -> Service:
    @route(public=public, rate_limit="3/day")
    async def signals() -> str:
        return "risk-on"

    return await serve(signals)


async def test_call_over_the_limit_is_refused_with_429_and_told_when_to_come_back(serve: Serve):
    service = await limited(serve)
    me = {"Authorization": "Bearer user_1"}
    answers = [await service.http.get("/signals", headers=me) for _ in range(4)]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert answers[3].json()["code"] == "rate_limited"
    assert answers[3].headers["retry-after"] == "28800"
    assert [answer.headers["ratelimit"] for answer in answers] == [
        '"default";r=2;t=0',
        '"default";r=1;t=0',
        '"default";r=0;t=28800',
        '"default";r=0;t=28800',
    ]
    assert answers[0].headers["ratelimit-policy"] == '"default";q=3;w=86400'


async def test_one_user_does_not_use_up_the_limit_of_another(serve: Serve):
    service = await limited(serve)
    statuses = [
        (await service.http.get("/signals", headers={"Authorization": f"Bearer {user}"})).status_code
        for user in ("user_1", "user_1", "user_1", "user_1", "user_2")
    ]

    assert statuses == [200, 200, 200, 429, 200]


async def test_refused_caller_is_not_counted(serve: Serve):
    service = await limited(serve)
    for _ in range(5):
        assert (await service.http.get("/signals")).status_code == 401

    assert (await service.http.get("/signals", headers={"Authorization": "Bearer user_1"})).status_code == 200


async def test_open_route_counts_by_address(serve: Serve):
    service = await limited(serve, public=True)

    assert [(await service.http.get("/signals")).status_code for _ in range(4)] == [200, 200, 200, 429]


@pytest.mark.parametrize(
    ("address", "caller"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::ffff", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("not:an:address", "not:an:address"),
        ("", ""),
    ],
)
def test_ipv6_caller_is_its_whole_network(address: str, caller: str):
    assert caller_of(address) == caller


def test_store_is_this_process_without_a_url():
    assert isinstance(rates_at(None), MemoryRates)
