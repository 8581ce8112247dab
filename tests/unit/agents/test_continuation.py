"""A continuation is good once, for one user and team, for a while."""

import pytest

from shared.agents.questions.continuation import CONTINUATION_LIFETIME, Continuations
from shared.agents.questions.spent import SpentInProcess
from shared.errors import Conflict, Invalid
from shared.secret import Secret


class Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def continuations(clock: Clock) -> Continuations:
    return Continuations(Secret("one"), SpentInProcess(clock), clock)


def issue(continuations: Continuations) -> str:
    token, _ = continuations.issue(
        user_id="user_1", team="regime", run_id="run_1", agent="analyst", question="Which symbol?"
    )
    return token


async def test_the_question_comes_back_with_the_token(continuations: Continuations):
    asked = await continuations.redeem(issue(continuations), user_id="user_1", team="regime")
    assert (asked.agent, asked.question, asked.run_id) == ("analyst", "Which symbol?", "run_1")


async def test_a_used_token_is_a_conflict(continuations: Continuations):
    token = issue(continuations)
    await continuations.redeem(token, user_id="user_1", team="regime")
    with pytest.raises(Conflict, match="already been used"):
        await continuations.redeem(token, user_id="user_1", team="regime")


async def test_a_token_whose_run_failed_is_good_again_and_one_whose_run_succeeded_is_not(
    continuations: Continuations, clock: Clock
):
    token = issue(continuations)
    asked = await continuations.redeem(token, user_id="user_1", team="regime", seconds=60)
    await continuations.settle(asked, is_used=False)
    asked = await continuations.redeem(token, user_id="user_1", team="regime", seconds=60)
    await continuations.settle(asked, is_used=True)
    clock.now += 61
    with pytest.raises(Conflict, match="already been used"):
        await continuations.redeem(token, user_id="user_1", team="regime")


async def test_a_token_that_nobody_settles_is_good_again_when_its_run_must_be_over(
    continuations: Continuations, clock: Clock
):
    token = issue(continuations)
    await continuations.redeem(token, user_id="user_1", team="regime", seconds=60)
    clock.now += 59
    with pytest.raises(Conflict):
        await continuations.redeem(token, user_id="user_1", team="regime")
    clock.now += 2
    await continuations.redeem(token, user_id="user_1", team="regime")


@pytest.mark.parametrize(("organization_id", "meets"), [(None, True), ("org_2", True), ("org_1", False)])
async def test_a_token_of_an_organisation_and_a_policy_is_good_under_both_alone(
    continuations: Continuations, organization_id: str | None, meets: bool
):
    token, _ = continuations.issue(
        user_id="user_1", organization_id="org_1", demands="{}", team="t", run_id="r", agent="a", question="?"
    )
    with pytest.raises(Invalid):
        await continuations.redeem(
            token, user_id="user_1", organization_id=organization_id, team="t", permits=lambda _: meets
        )
    await continuations.redeem(
        token, user_id="user_1", organization_id="org_1", team="t", permits=lambda _: True
    )


@pytest.mark.parametrize(("user_id", "team"), [("user_2", "regime"), ("user_1", "summary")])
async def test_a_token_is_nobody_elses_and_is_not_used_up_by_the_attempt(
    continuations: Continuations, user_id: str, team: str
):
    token = issue(continuations)
    with pytest.raises(Invalid) as refused:
        await continuations.redeem(token, user_id=user_id, team=team)
    assert [error.field for error in refused.value.errors] == ["continuation"]
    await continuations.redeem(token, user_id="user_1", team="regime")


async def test_an_expired_token_is_refused_even_when_it_was_used(continuations: Continuations, clock: Clock):
    used, fresh = issue(continuations), issue(continuations)
    await continuations.redeem(used, user_id="user_1", team="regime")
    clock.now += CONTINUATION_LIFETIME
    for token in (used, fresh):
        with pytest.raises(Invalid) as refused:
            await continuations.redeem(token, user_id="user_1", team="regime")
        assert "expired" in refused.value.errors[0].message


async def test_every_changed_character_is_noticed(continuations: Continuations):
    token = issue(continuations)
    for place in range(0, len(token), 7):
        changed = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
        with pytest.raises(Invalid):
            await continuations.redeem(changed, user_id="user_1", team="regime")


@pytest.mark.parametrize("token", ["", ".", "x", "x.y", "é.é"])
async def test_nonsense_is_refused(continuations: Continuations, token: str):
    with pytest.raises(Invalid):
        await continuations.redeem(token, user_id="user_1", team="regime")


async def test_another_secret_does_not_accept_it(continuations: Continuations, clock: Clock):
    other = Continuations(Secret("two"), SpentInProcess(clock), clock)
    with pytest.raises(Invalid):
        await other.redeem(issue(continuations), user_id="user_1", team="regime")


async def test_used_tokens_are_forgotten_when_they_would_have_expired_anyway(clock: Clock):
    spent = SpentInProcess(clock)
    for number in range(100):
        await spent.spend(f"token-{number}", 10)
    clock.now += 11
    assert await spent.spend("one more", 10)
    assert len(spent._until) == 1
