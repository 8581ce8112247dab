"""Random tokens, cookies, `has()` questions and webhooks: judged as by Clerk's JavaScript SDK."""

import asyncio
from collections import Counter

import pytest

from tests.fixtures.node import install
from tests.parity.cases import QUERIES, Maker
from tests.parity.differences import DIFFERENCES, explanation
from tests.parity.verdicts import SDK, compared, differing

SEED = 20261130
COUNTS = {"tokens": 1500, "cookies": 1000, "webhooks": 1000}


@pytest.fixture(scope="module")
def found(node, issuer, foreign_issuer):
    install(SDK)
    maker = Maker(SEED, issuer, foreign_issuer)
    return {
        kind: asyncio.run(compared(node, issuer, list(getattr(maker, kind)(count))))
        for kind, count in COUNTS.items()
    }


@pytest.mark.parametrize("kind", COUNTS)
def test_every_difference_from_clerks_sdk_is_known(found, kind):
    unknown = [
        (our, their, case.facts)
        for case, our, their in differing(found[kind])
        if not explanation(case, our, their)
    ]

    assert unknown == []


@pytest.mark.parametrize("kind", COUNTS)
def test_enough_of_them_pass_and_enough_are_refused(found, kind):
    passing = [our for _, our, their in found[kind] if our["verdict"] == their["verdict"] == "passes"]

    assert len(found[kind]) / 10 < len(passing) < len(found[kind]) * 0.9


def test_has_is_asked_in_all_its_forms_and_answered_both_ways(found):
    answers = [our["has"] for kind in ("tokens", "cookies") for _, our, _ in found[kind] if "has" in our]

    asked_both_ways = [len({answer[index] for answer in answers}) == 2 for index in range(len(QUERIES))]
    always_denied = [{}, {"feature": "team:signals"}]
    malformed = [query for query in QUERIES if isinstance(query.get("reverification"), dict)][-2:]
    assert [query for query, both in zip(QUERIES, asked_both_ways, strict=True) if not both] == [
        *always_denied,
        *malformed,
    ]


def test_no_known_difference_is_gone(found):
    names = Counter(
        explanation(case, our, their) for each in found.values() for case, our, their in differing(each)
    )

    assert {each.name for each in DIFFERENCES if not each.is_rare} <= set(names)
