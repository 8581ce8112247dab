"""What the contract cannot hold costs its own function; what it can hold in its own way is held."""

from pathlib import Path

import pytest

from runtime.bridge import openapi, shapes, typescript
from runtime.bridge.describable import divide
from runtime.commands.checking.examination import examine
from runtime.dev.session import _write_client
from runtime.routing import discover
from runtime.settings import load
from tests.fixtures.routing import write_tree

GOOD = "async def get() -> str:\n    return 'ok'\n"
UNDESCRIBABLE = {
    "a type called as the client's own": (
        "from msgspec import Struct\nclass Routes(Struct):\n    symbol: str\n"
        "async def get() -> Routes:\n    return Routes('SPY')\n"
    ),
    "a type called as one of the contract's": (
        "from msgspec import Struct\nclass Problem(Struct):\n    symbol: str\n"
        "async def get() -> Problem:\n    return Problem('SPY')\n"
    ),
    "a type called as one of TypeScript's": (
        "from msgspec import Struct\nclass string(Struct):\n    symbol: str\n"
        "async def get() -> string:\n    return string('SPY')\n"
    ),
    "a default without a JSON form": "async def get(limit: int = object()) -> str:\n    return ''\n",
    "half a character": "async def get(symbol: str = '\\ud800') -> str:\n    return symbol\n",
    "an object as an example": (
        "from typing import Annotated\nfrom msgspec import Meta\n"
        "async def get(limit: Annotated[int, Meta(examples=[object()])] = 1) -> str:\n    return ''\n"
    ),
}


@pytest.mark.parametrize("source", UNDESCRIBABLE.values(), ids=UNDESCRIBABLE.keys())
def test_function_that_the_contract_cannot_hold_is_named_and_the_others_are_described(
    tmp_path: Path, source: str
) -> None:
    write_tree(tmp_path / "functions", {"bad.py": source, "good.py": GOOD})
    settings = load({"ANNEX_FUNCTIONS": str(tmp_path / "functions")})

    fine, faults = divide(discover(tmp_path / "functions").operations)

    assert [each.endpoint.file for each in fine] == ["good.py"]
    assert [fault.file for fault in faults] == ["bad.py"]
    assert faults[0].line > 0
    told = [
        finding.text
        for finding in examine(settings, discover(settings.functions), root=tmp_path)
        if finding.area == "types"
    ]
    assert told == [str(faults[0])]


def test_client_keeps_its_types_while_a_function_cannot_be_described(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "client").mkdir()
    monkeypatch.chdir(tmp_path)
    write_tree(tmp_path / "functions", {"a.py": GOOD, "good.py": GOOD})
    _write_client(discover(tmp_path / "functions"))
    before = (tmp_path / "client" / "schema.ts").read_bytes()

    write_tree(tmp_path / "functions", {"a.py": UNDESCRIBABLE["half a character"]})
    _write_client(discover(tmp_path / "functions"))

    assert (tmp_path / "client" / "schema.ts").read_bytes() == before


@pytest.mark.parametrize("annotation", ["Upload", "list[Upload]", "dict[str, Upload]"])
def test_upload_is_a_form_in_the_contract_and_in_typescript(tmp_path: Path, annotation: str) -> None:
    source = f"from runtime import Upload\nasync def post(data: {annotation}) -> int:\n    return 1\n"
    write_tree(tmp_path, {"files.py": source})
    operations = discover(tmp_path).operations

    contract = openapi.document(operations)

    assert divide(operations)[1] == shapes.faults(operations) == []
    body = contract["paths"]["/files"]["post"]["requestBody"]
    assert list(body["content"]) == ["multipart/form-data"]
    assert "body: FormData;" in typescript.emit(contract)


def test_answer_that_the_function_writes_itself_is_unknown_to_the_client(tmp_path: Path) -> None:
    source = "from litestar import Response\nasync def get() -> Response[bytes]:\n    return Response(b'')\n"
    write_tree(tmp_path, {"image.py": source})
    operations = discover(tmp_path).operations

    assert divide(operations)[1] == shapes.faults(operations) == []
    contract = openapi.document(operations)
    assert "response: unknown;" in typescript.emit(contract)


def test_docstring_that_is_no_text_is_none(tmp_path: Path) -> None:
    write_tree(tmp_path, {"a.py": f"{GOOD}get.__doc__ = 3\n"})

    (operation,) = discover(tmp_path).operations

    assert operation.doc is None
