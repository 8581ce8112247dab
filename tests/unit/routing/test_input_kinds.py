"""Every kind of input is recognised, and stands in the contract where its traits say."""

from pathlib import Path

from runtime.bridge import openapi
from runtime.routing import InputKind, discover
from tests.fixtures.routing import write_tree

SOURCE = """
from typing import Annotated
from msgspec import Struct
from runtime import (
    Cookie, Database, Form, Header, Http, Jobs, Member, Request, Run, Upload, Settings, User
)
from shared.agents import Agents

class Keys(Settings):
    level: int = 1

class Note(Struct):
    text: str

async def get(name: str, limit: int, user: User, db: Database, agents: Agents) -> None: ...
async def post(name: str, data: dict[str, int]) -> None: ...
async def put(name: str, data: Upload, member: Member, keys: Keys, http: Http, raw: Request) -> None: ...
async def patch(name: str, key: Annotated[str, Header()], theme: Annotated[str, Cookie()]) -> None: ...
async def delete(name: str, data: Annotated[Note, Form()], jobs: Jobs) -> None: ...
async def job(name: str, run: Run) -> None: ...
"""


def test_every_kind_of_input_is_recognised_and_described_at_its_place_in_the_request(tmp_path: Path):
    write_tree(tmp_path, {"[name].py": SOURCE})

    table = discover(tmp_path)

    operations = table.operations
    jobs = [route.operation for route in table.jobs if route.operation]
    kinds = {each.kind for one in (*operations, *jobs) for each in one.inputs}
    assert kinds == set(InputKind)
    described = openapi.document(operations)["paths"]["/{name}"]
    places = {place["in"] for one in described.values() for place in one["parameters"]}
    assert places == {kind.location for kind in InputKind if kind.is_parameter}
    assert [method for method, one in described.items() if "requestBody" in one] == [
        "delete",
        "post",
        "put",
    ]
