"""A handler that takes a `Member` serves callers with an active organisation, and no other."""

from pathlib import Path
from typing import Any

import pytest

from runtime.routing import discover
from tests.fixtures.app import Compose, permitted
from tests.fixtures.routing import write_tree

TENANT = """
from runtime import Member

async def get(member: Member) -> str:
    return member.organization.id
"""


@pytest.mark.parametrize(("claims", "status"), [(permitted(), 200), ({}, 403)])
async def test_only_a_caller_with_an_organisation_is_a_member(
    tmp_path: Path, compose: Compose, claims: dict[str, Any], status: int
) -> None:
    write_tree(tmp_path, {"tenant.py": TENANT})

    async with compose(tmp_path) as caller:
        answer = await caller.signed("GET", "/tenant", claims=claims)

    assert answer.status_code == status
    assert answer.json() == "org_1" if status == 200 else answer.json()["code"] == "forbidden"


@pytest.mark.parametrize(
    ("config", "annotation", "cure"),
    [
        ("config = Function(public=True)", "Member", "Write User | None."),
        ("", "Member | None", "Write Member, or User and look at its organization."),
        ("", "Member | int", "Write Member, or User and look at its organization."),
    ],
)
def test_a_member_that_could_be_missing_is_a_fault_with_its_cure(
    tmp_path: Path, config: str, annotation: str, cure: str
) -> None:
    source = (
        f"from runtime import Function, Member\n{config}\nasync def get(member: {annotation}) -> str: ...\n"
    )
    write_tree(tmp_path, {"tenant.py": source})

    assert [each.cure for each in discover(tmp_path).faults] == [cure]
