"""Types of one name serve and cross under names that tell them apart, the same in every process."""

from pathlib import Path
from typing import Any

import pytest

from runtime.bridge import artefacts, contract, openapi, shapes, typescript, vocabulary
from runtime.bridge.describable import divide
from runtime.bridge.openapi import naming
from runtime.routing import discover
from tests.fixtures.node import run
from tests.fixtures.routing import write_tree
from tests.integration.test_client import COMPILERS

ITEM = "from msgspec import Struct\nclass Item(Struct):\n    {field}: int\n"
ONE = ITEM + "async def get() -> Item:\n    return Item(1)\n"
PAGE = (
    "from typing import Generic, TypeVar\nfrom msgspec import Struct\nT = TypeVar('T')\n"
    "class Page(Struct, Generic[T]):\n    items: list[T]\n"
)
FACTORY = (
    "from msgspec import Struct\ndef make(kind: type) -> type[Struct]:\n"
    "    class Level(Struct):\n        value: kind\n    return Level\nOne, Other = make(int), make(str)\n"
    "async def get() -> One:\n    return One(1)\nasync def post(data: Other) -> None:\n    return None\n"
)
SIDE = "from enum import Enum\nclass Side(Enum):\n    {member} = '{member}'\n"

TREES: dict[str, tuple[dict[str, str], set[str]]] = {
    "two files": (
        {"orders.py": ONE.format(field="id"), "cart.py": ONE.format(field="price")},
        {"OrdersItem", "CartItem"},
    ),
    "a file and shared": (
        {
            "chat.py": "from shared.agents import Turn\nasync def get() -> Turn | None:\n    return None\n",
            "new.py": "from msgspec import Struct\nclass Turn(Struct):\n    number: int\n"
            "async def get() -> Turn | None:\n    return None\n",
        },
        {"Turn", "NewTurn"},
    ),
    "nested in one file": (
        {
            "a.py": "from msgspec import Struct\n"
            "class Buy:\n    class Item(Struct):\n        x: int\n"
            "class Sell:\n    class Item(Struct):\n        y: int\n"
            "async def get() -> Buy.Item:\n    return Buy.Item(1)\n"
            "async def post(data: Sell.Item) -> None:\n    return None\n"
        },
        {"AItem", "ASellItem"},
    ),
    "made twice by one function": ({"a.py": FACTORY}, {"ALevel", "AMakeLevel"}),
    "inside a generic type": (
        {
            "a.py": PAGE + ITEM.format(field="x") + "async def get() -> Page[Item]:\n    return Page([])\n",
            "b.py": PAGE + ITEM.format(field="y") + "async def get() -> Page[Item]:\n    return Page([])\n",
        },
        {"AItem", "BItem", "APageOfAItem", "BPageOfBItem"},
    ),
    "generic of a union": (
        {"a.py": PAGE + "async def get() -> Page[int | None]:\n    return Page([])\n"},
        {"PageOfIntAndNoneType"},
    ),
    "enums": (
        {
            "a.py": SIDE.format(member="BUY") + "async def get() -> Side:\n    return Side.BUY\n",
            "b.py": SIDE.format(member="SELL") + "async def get(side: Side) -> str:\n    return ''\n",
        },
        {"ASide", "BSide"},
    ),
    "alike in ASCII": (
        {
            f"{file}.py": ONE.format(field="x").replace("Item", name)
            for file, name in [("a", "Ä"), ("b", "Ö")]
        },
        {"AÄ", "BÖ"},
    ),
    "a longer name that is taken": (
        {
            "orders.py": ONE.format(field="x"),
            "cart.py": ONE.format(field="y"),
            "other.py": ONE.format(field="z").replace("Item", "CartItem"),
        },
        {"OrdersItem", "CartItem", "CartItem2"},
    ),
    "files alike as words": (
        {"daily-report.py": ONE.format(field="x"), "daily_report.py": ONE.format(field="y")},
        {"DailyReportItem", "DailyReportItem2"},
    ),
    "a class called as a generic type is written": (
        {
            "a.py": PAGE
            + ITEM.format(field="x")
            + "class PageOfItem(Struct):\n    y: int\n"
            + "async def get() -> Page[Item]:\n    return Page([])\n"
            + "async def post(data: PageOfItem) -> None:\n    return None\n"
        },
        {"Item", "PageOfItem", "PageOfItem2"},
    ),
    "parameters in the file's name": (
        {
            "orders/[id].py": ONE.format(field="x").replace("get()", "get(id: str)"),
            "cart.py": ONE.format(field="y"),
        },
        {"OrdersIdItem", "CartItem"},
    ),
}


def components(document: dict[str, Any]) -> set[str]:
    return set(document["components"]["schemas"]) - {"Problem", "FieldError"}


@pytest.mark.parametrize(("files", "names"), TREES.values(), ids=TREES.keys())
def test_types_of_one_name_serve_and_have_names_of_their_own(
    tmp_path: Path, files: dict[str, str], names: set[str]
) -> None:
    write_tree(tmp_path, files)
    table = discover(tmp_path)

    assert not table.faults
    assert len({each.endpoint.file for each in table.operations}) == len(files)
    assert divide(table.operations)[1] == shapes.faults(table.operations) == []
    assert components(openapi.document(table.operations)) == names


def test_names_are_the_same_wherever_the_project_lies(tmp_path: Path) -> None:
    documents = []
    for place in ("one", "other"):
        for number, (files, _) in enumerate(TREES.values()):
            write_tree(tmp_path / place / f"f{number}", files)
        folders = sorted((tmp_path / place).iterdir())
        documents.append([openapi.document(discover(folder).operations) for folder in folders])

    assert documents[0] == documents[1]


def test_types_keep_their_own_names_in_python(tmp_path: Path) -> None:
    write_tree(tmp_path, TREES["two files"][0])
    operations = discover(tmp_path).operations

    openapi.document(operations)

    assert [operation.returns.__name__ for operation in operations] == ["Item", "Item"]


def test_enums_of_one_name_are_both_among_the_constants(tmp_path: Path) -> None:
    write_tree(tmp_path, TREES["enums"][0])

    words = vocabulary.vocabulary(discover(tmp_path).operations)

    assert words.constants["enums"] == {"ASide": {"BUY": "BUY"}, "BSide": {"SELL": "SELL"}}


def test_longer_name_alone_is_no_change_of_the_contract(tmp_path: Path) -> None:
    files = {"orders.py": ONE.format(field="id").replace("-> Item", "-> Item | str")}
    write_tree(tmp_path, files)
    before = openapi.document(discover(tmp_path).operations)
    write_tree(tmp_path, {"cart.py": ONE.format(field="price")})
    after = openapi.document(discover(tmp_path).operations)

    assert [str(change) for change in contract.compare(before, after)] == [
        "additive: GET /cart: the route was added."
    ]


def test_typescript_of_types_of_one_name_compiles(tmp_path: Path, node: str, compilers: Path) -> None:
    for number, (files, _) in enumerate(TREES.values()):
        write_tree(tmp_path / f"f{number}", files)
        document = openapi.document(discover(tmp_path / f"f{number}").operations)
        (tmp_path / f"schema{number}.ts").write_text(typescript.emit(document))
    sources = sorted(map(str, tmp_path.glob("*.ts")))
    done = run(node, compilers / COMPILERS["5.9"], "--strict", "--noEmit", *sources, cwd=tmp_path)

    assert (done.returncode, done.stdout) == (0, "")


def test_names_do_not_depend_on_the_order_of_finding() -> None:
    kinds = [type("Item", (), {"__module__": f"team.m{number}"}) for number in range(4)]

    assert naming.names_of(kinds) == naming.names_of(reversed(kinds))


def test_type_that_the_committed_contract_knows_keeps_its_name(tmp_path: Path) -> None:
    functions = tmp_path / "functions"
    write_tree(functions, {"orders.py": ONE.format(field="id")})
    artefacts.write(tmp_path, discover(functions).operations)
    write_tree(functions, {"cart.py": ONE.format(field="price")})

    described = openapi.document(discover(functions).operations)

    assert components(described) == {"Item", "CartItem"}
    assert described["components"]["schemas"]["Item"]["properties"].keys() == {"id"}


def test_type_of_a_file_keeps_its_name_when_another_file_imports_one_of_that_name(tmp_path: Path) -> None:
    functions = tmp_path / "functions"
    write_tree(functions, {"a.py": TREES["a file and shared"][0]["new.py"]})
    artefacts.write(tmp_path, discover(functions).operations)
    write_tree(functions, {"b.py": TREES["a file and shared"][0]["chat.py"]})

    described = openapi.document(discover(functions).operations)

    assert described["components"]["schemas"]["Turn"]["properties"].keys() == {"number"}
