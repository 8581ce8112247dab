"""pydantic models as inputs and answers, with pydantic's own judgement in the service's form."""

import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from runtime.bridge import openapi, typescript
from runtime.routing import discover
from tests.fixtures.app import Caller, Compose
from tests.fixtures.routing import write_tree

MODELS = '''"""Orders, in pydantic's words."""

from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal

from msgspec import Struct
from pydantic import BaseModel, ConfigDict, Field, RootModel, computed_field, field_validator

from runtime import Function

config = Function(public=True)


class Side(str, Enum):
    BUY = "buy"
    SELL = "sell"


class Leg(BaseModel):
    symbol: str = Field(min_length=1)
    price: Decimal = Field(gt=0)


class Order(BaseModel):
    """One order."""

    model_config = ConfigDict(extra="forbid")

    side: Side
    legs: list[Leg]
    placed_at: datetime = Field(alias="placedAt")
    note: str | None = None
    title: str = "none"

    @field_validator("note")
    @classmethod
    def check_note(cls, value: str | None) -> str | None:
        if value == "bad":
            raise ValueError("a note must not be bad")
        return value

    @computed_field
    @property
    def size(self) -> int:
        return len(self.legs)


class StoredOrder(Order):
    secret: str = "hunter2"


class StoredLeg(Leg):
    secret: str = "hunter2"


class Envelope(Struct):
    order: Order
    by_name: dict[str, Leg] = {}
    last: Leg | None = None


class Cat(BaseModel):
    kind: Literal["cat"]


class Dog(BaseModel):
    kind: Literal["dog"]
    good: bool = True


class Pet(RootModel[Annotated[Cat | Dog, Field(discriminator="kind")]]):
    pass


class Level(BaseModel):
    value: float = 0.5
    rows: list[Any] = []
'''
ORDERS = (
    MODELS
    + '''
async def post(data: Order, page: int = 0) -> Order:
    """Send the order back."""
    return data


async def put(data: Envelope) -> Envelope:
    """Send it back."""
    return data


async def delete(data: list[Level]) -> int:
    """Count them."""
    return len(data)


async def patch(data: list[Pet] | None = None) -> list[Pet] | None:
    """Send them back."""
    return data
'''
)
ANSWERS = (
    MODELS
    + '''
LEG = StoredLeg(symbol="SPY", price=1)


def order(kind: type[Order] = Order, **more: Any) -> Order:
    return kind(side="buy", legs=[LEG], placedAt=datetime(2026, 1, 2), **more)


async def get(how: str) -> Order | None:
    """Answer."""
    return {
        "exact": lambda: order(),
        "subclass": lambda: order(StoredOrder),
        "dict": lambda: {"side": "sell", "legs": [], "placedAt": "2026-01-02T00:00:00Z"},
        "none": lambda: None,
        "misfit": lambda: order().model_copy(update={"note": 5}),
        "other": lambda: LEG,
        "bad dict": lambda: {"side": "hunter2"},
    }[how]()


async def post(how: str) -> Any:
    """Answer with anything."""
    return {
        "models": lambda: [LEG],
        "nan": lambda: {"a": [Level(value=float("nan"))]},
        "deep": lambda: Level(rows=[{"x": float("inf")}]),
    }[how]()


async def put() -> Envelope:
    """Answer with a struct."""
    return Envelope(order(StoredOrder), {"a": LEG}, LEG)


async def patch() -> dict[str, list[Leg]]:
    """Answer with a dict."""
    return {"a": [LEG]}
'''
)
JSON = {"Content-Type": "application/json"}
ORDER = {"side": "buy", "legs": [{"symbol": "SPY", "price": "1.50"}], "placedAt": "2026-01-02T00:00:00Z"}
SENT = {**ORDER, "note": None, "title": "none", "size": 1}


@pytest.fixture
async def service(tmp_path: Path, compose: Compose) -> AsyncIterator[Caller]:
    write_tree(tmp_path, {"orders.py": ORDERS, "answers.py": ANSWERS})
    async with compose(tmp_path) as caller:
        assert caller.application.table.faults == ()
        yield caller


async def test_a_model_goes_in_and_out_by_its_aliases_and_with_its_computed_fields(service: Caller) -> None:
    answer = await service.anonymous("POST", "/orders", json=ORDER)

    assert (answer.status_code, answer.json()) == (200, SENT)


async def test_models_are_read_wherever_they_stand(service: Caller) -> None:
    leg = {"symbol": "TLT", "price": "2"}
    nested = await service.anonymous(
        "PUT", "/orders", json={"order": ORDER, "by_name": {"a": leg}, "last": leg}
    )
    pets = await service.anonymous("PATCH", "/orders", json=[{"kind": "cat"}, {"kind": "dog"}])
    none = await service.anonymous("PATCH", "/orders", json=None)

    assert nested.json() == {"order": SENT, "by_name": {"a": leg}, "last": leg}
    assert pets.json() == [{"kind": "cat"}, {"kind": "dog", "good": True}]
    assert none.json() is None


async def test_what_pydantic_objects_to_is_told_with_everything_else(service: Caller) -> None:
    body = {"side": "hold", "legs": [{"symbol": "", "price": 0}], "note": "bad", "colour": "red"}
    answer = await service.anonymous("POST", "/orders?page=x", json=body)

    assert answer.status_code == 400
    assert answer.json()["errors"] == [
        {"location": "query", "field": "page", "message": "Expected `int`."},
        {"location": "body", "field": "side", "message": "Input should be 'buy' or 'sell'."},
        {"location": "body", "field": "legs.0.symbol", "message": "String should have at least 1 character."},
        {"location": "body", "field": "legs.0.price", "message": "Input should be greater than 0."},
        {"location": "body", "field": "placedAt", "message": "Field required."},
        {"location": "body", "field": "note", "message": "Value error, a note must not be bad."},
        {"location": "body", "field": "colour", "message": "Extra inputs are not permitted."},
    ]


async def test_a_number_that_pydantic_takes_and_nobody_can_write_is_told(service: Caller) -> None:
    answer = await service.anonymous(
        "DELETE", "/orders", content=b'[{"value": 1}, {"value": "NaN"}]', headers=JSON
    )

    assert answer.status_code == 400
    assert [each["field"] for each in answer.json()["errors"]] == ["1.value"]


async def test_what_is_wrong_in_a_nested_model_is_told_at_its_place(service: Caller) -> None:
    body = {"order": {**ORDER, "side": 1}, "by_name": {"a": {"symbol": "SPY", "price": -1}}, "last": 3}
    answer = await service.anonymous("PUT", "/orders", json=body)

    assert [each["field"] for each in answer.json()["errors"]] == ["order.side", "by_name.a.price", "last"]


@pytest.mark.parametrize("how", ["exact", "subclass", "dict", "none"])
async def test_only_what_the_annotation_names_leaves(service: Caller, how: str) -> None:
    answer = await service.anonymous("GET", "/answers", params={"how": how})

    assert answer.status_code == 200
    assert "hunter2" not in answer.text
    assert how == "none" or answer.json().keys() == SENT.keys()


async def test_only_what_the_annotation_names_leaves_at_every_depth(service: Caller) -> None:
    answers = [await service.anonymous(method, "/answers") for method in ("PUT", "PATCH")]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert all("SPY" in answer.text and "hunter2" not in answer.text for answer in answers)


@pytest.mark.parametrize("how", ["misfit", "other", "bad dict"])
async def test_a_model_that_does_not_fit_is_a_500_that_names_function_and_cure_and_no_value(
    service: Caller, caplog: pytest.LogCaptureFixture, how: str
) -> None:
    answer = await service.anonymous("GET", "/answers", params={"how": how})
    (line,) = [record for record in caplog.records if record.name == "runtime.http.errors"]

    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert ": get returned a value that does not fit its annotation: " in line.getMessage()
    assert "hunter2" not in caplog.text


async def test_where_anything_is_named_a_model_leaves_as_its_own_class_has_it(service: Caller) -> None:
    answer = await service.anonymous("POST", "/answers", params={"how": "models"})

    assert answer.json() == [{"symbol": "SPY", "price": "1", "secret": "hunter2"}]


@pytest.mark.parametrize(("how", "place"), [("nan", "*.0"), ("deep", "the whole value")])
async def test_a_number_of_a_model_that_is_not_finite_is_refused(
    service: Caller, caplog: pytest.LogCaptureFixture, how: str, place: str
) -> None:
    answer = await service.anonymous("POST", "/answers", params={"how": how})

    assert answer.status_code == 500
    assert f"annotation: {place}: `Level` has no JSON form. Set its fields" in caplog.text


def test_models_stand_in_the_contract_by_name_and_in_both_directions(tmp_path: Path) -> None:
    write_tree(tmp_path, {"orders.py": ORDERS})

    contract = openapi.document(discover(tmp_path).operations)
    schemas = contract["components"]["schemas"]
    post = contract["paths"]["/orders"]["post"]
    sent = post["requestBody"]["content"]["application/json"]["schema"]
    answered = post["responses"]["200"]["content"]["application/json"]["schema"]
    written = typescript.emit(contract)

    assert (sent, answered) == (
        {"$ref": "#/components/schemas/OrderInput"},
        {"$ref": "#/components/schemas/Order"},
    )
    assert schemas["OrderInput"]["additionalProperties"] is False
    assert schemas["OrderInput"]["required"] == ["side", "legs", "placedAt"]
    assert "size" in schemas["Order"]["required"]
    assert schemas["Order"]["properties"]["title"] == {"default": "none", "type": "string"}
    assert schemas["Envelope"]["properties"]["order"] == {"$ref": "#/components/schemas/Order"}
    assert schemas["Side"]["enum"] == ["buy", "sell"]
    assert "  placedAt: string;" in written
    assert "export type Pet = Cat | Dog;" in written
    assert "pydantic" not in written


SAME_NAME = """
from {library} import {base}

class Item({base}):
    {name}: int

async def get() -> Item: ...
"""


def test_types_of_one_name_in_two_files_are_two_components(tmp_path: Path) -> None:
    sources = {
        "a.py": SAME_NAME.format(library="pydantic", base="BaseModel", name="a"),
        "b.py": SAME_NAME.format(library="pydantic", base="BaseModel", name="b"),
        "c.py": SAME_NAME.format(library="msgspec", base="Struct", name="c"),
    }
    write_tree(tmp_path / "one", sources)
    write_tree(tmp_path / "two", sources)

    one, two = (openapi.document(discover(tmp_path / name).operations) for name in ("one", "two"))
    refs = {
        path: item["get"]["responses"]["200"]["content"]["application/json"]["schema"]["$ref"].rpartition(
            "/"
        )[2]
        for path, item in one["paths"].items()
    }
    assert len({*refs.values()}) == 3
    assert {path: [*one["components"]["schemas"][name]["properties"]] for path, name in refs.items()} == {
        "/a": ["a"],
        "/b": ["b"],
        "/c": ["c"],
    }
    assert not any("annex" in name.lower() for name in refs.values())
    assert one == two


PETS = (
    MODELS
    + """

class StoredDog(Dog):
    secret: str = "hunter2"


class Bird(BaseModel):
    wings: int = Field(ge=0)


type Animal = Annotated[Cat | Dog, Field(discriminator="kind")]


async def post(data: Cat | Bird) -> Cat | Bird:
    return data


async def put(data: list[Animal]) -> dict[str, Animal | None]:
    return {type(each).__name__: each for each in data} | {"none": None}


async def patch(data: Cat | Bird | int | None = None) -> str:
    return type(data).__name__


async def get(how: str) -> list[Cat | Dog]:
    return [{"stored": StoredDog(kind="dog"), "leg": LEG, "dict": {"kind": "cat"}}[how]]


async def delete() -> Reply[Cat | Dog]:
    return Reply(StoredDog(kind="dog"))


LEG = Leg(symbol="hunter2", price=1)
"""
)


@pytest.fixture
async def pets(tmp_path: Path, compose: Compose) -> AsyncIterator[Caller]:
    write_tree(tmp_path, {"pets.py": PETS.replace("import Function", "import Function, Reply")})
    async with compose(tmp_path) as caller:
        assert caller.application.table.faults == ()
        yield caller


@pytest.mark.parametrize(
    ("method", "body", "answered"),
    [
        ("POST", {"kind": "cat"}, {"kind": "cat"}),
        ("POST", {"wings": "2"}, {"wings": 2}),
        (
            "PUT",
            [{"kind": "dog"}, {"kind": "cat"}],
            {"Dog": {"kind": "dog", "good": True}, "Cat": {"kind": "cat"}, "none": None},
        ),
        ("PATCH", {"wings": 1}, "Bird"),
        ("PATCH", 5, "int"),
        ("PATCH", None, "NoneType"),
    ],
)
async def test_a_union_of_models_goes_in_and_out_as_its_members(
    pets: Caller, method: str, body: object, answered: object
) -> None:
    answer = await pets.anonymous(method, "/pets", json=body)

    assert (answer.status_code, answer.json()) == (200, answered)


@pytest.mark.parametrize(
    ("method", "body", "fields"),
    [
        ("POST", {"wings": -1}, {"Cat.kind", "Bird.wings"}),
        ("PUT", [{"kind": "dog"}, {"kind": "owl"}], {"1"}),
        ("PUT", [{"kind": "dog", "good": "x"}], {"0.dog.good"}),
        ("PATCH", "x", {"Cat", "Bird", "int"}),
    ],
)
async def test_what_fits_no_member_of_a_union_is_told_for_each_member(
    pets: Caller, method: str, body: object, fields: set[str]
) -> None:
    answer = await pets.anonymous(method, "/pets", json=body)

    assert answer.status_code == 400
    assert {each["field"] for each in answer.json()["errors"]} == fields


async def test_of_a_union_only_what_its_members_name_leaves(
    pets: Caller, caplog: pytest.LogCaptureFixture
) -> None:
    good = [await pets.anonymous("GET", "/pets?how=stored"), await pets.anonymous("DELETE", "/pets")]
    made = await pets.anonymous("GET", "/pets?how=dict")
    other = await pets.anonymous("GET", "/pets?how=leg")

    assert [answer.json() for answer in good] == [
        [{"kind": "dog", "good": True}],
        {"kind": "dog", "good": True},
    ]
    assert made.json() == [{"kind": "cat"}]
    assert other.status_code == 500
    assert "0: Expected `CatOrDog`, got `Leg`." in caplog.text
    assert "hunter2" not in caplog.text


def test_a_union_of_models_is_a_union_in_the_contract_and_in_typescript(tmp_path: Path) -> None:
    write_tree(tmp_path, {"pets.py": PETS.replace("import Function", "import Function, Reply")})

    contract = openapi.document(discover(tmp_path).operations)
    schemas = contract["components"]["schemas"]
    sent = contract["paths"]["/pets"]["post"]["requestBody"]["content"]["application/json"]["schema"]

    assert sent == {"$ref": "#/components/schemas/CatOrBird"}
    assert schemas["CatOrBird"] == {
        "anyOf": [{"$ref": "#/components/schemas/Cat"}, {"$ref": "#/components/schemas/Bird"}]
    }
    assert "export type CatOrBird = Cat | Bird;" in typescript.emit(contract)


@pytest.mark.parametrize(
    ("source", "cure"),
    [
        ("class Owner(Struct):\n    pet: Cat | Dog\n", "class Either(RootModel[A | B])"),
        ("class Inner(Struct):\n    a: int\ntype Owner = Cat | Inner\n", "class Either(RootModel[A | B])"),
        ("class Owner(Struct):\n    a: int\nclass Other(Struct):\n    b: int\n", "class A(Struct, tag=True)"),
    ],
)
def test_a_union_that_cannot_be_told_apart_is_a_fault_with_its_cure(
    tmp_path: Path, source: str, cure: str
) -> None:
    union = "Owner | Other" if "Other" in source else "Owner"
    write_tree(tmp_path, {"pets.py": f"{MODELS}\n{source}\nasync def post(data: {union}) -> None: ...\n"})

    (fault,) = discover(tmp_path).faults
    assert cure in f"{fault.found} {fault.cure}"
    assert "annex_functions" not in fault.found


FORMS = (
    MODELS.replace("import Function", "import Form, Function, Upload")
    + """

class Contact(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    name: str = Field(min_length=2)
    age: int = Field(default=18, ge=18)
    weight: Decimal | None = None
    full_name: str = Field(default="", alias="fullName")
    agrees: bool = False
    tags: list[str] = []

    @field_validator("name")
    @classmethod
    def check_name(cls, value: str) -> str:
        if value == "bug":
            raise TypeError("hunter2")
        if value == "bad":
            raise ValueError("no such name")
        return value


class Report(BaseModel):
    model_config = ConfigDict(arbitrary_types_allowed=True)

    title: str
    file: Upload


async def post(data: Annotated[Contact, Form()]) -> Contact:
    return data


async def put(data: Annotated[Report, Form()]) -> str:
    return f"{data.title}: {(await data.file.read()).decode()}"


async def patch(data: Annotated[Contact | None, Form()] = None) -> str:
    return "none" if data is None else data.name


async def delete(data: Contact) -> None: ...
"""
)


@pytest.fixture
async def forms(tmp_path: Path, compose: Compose) -> AsyncIterator[Caller]:
    write_tree(tmp_path, {"forms.py": FORMS})
    async with compose(tmp_path) as caller:
        assert caller.application.table.faults == ()
        yield caller


async def test_a_form_is_read_into_a_model(forms: Caller) -> None:
    form = {"name": "Ann", "age": "20", "weight": "", "fullName": "Ann B", "agrees": "on", "tags": ["a", "b"]}
    encoded = await forms.anonymous("POST", "/forms", data=form)
    parts = [
        (name, (None, text))
        for name, value in form.items()
        for text in ([value] if isinstance(value, str) else value)
    ]
    multipart = await forms.anonymous("POST", "/forms", files=parts)
    report = await forms.anonymous("PUT", "/forms", data={"title": "Q1"}, files={"file": ("a.txt", b"SPY")})
    nothing = await forms.anonymous("PATCH", "/forms")

    read = {"name": "Ann", "age": 20, "weight": None, "fullName": "Ann B", "agrees": True, "tags": ["a", "b"]}
    assert [encoded.json(), multipart.json()] == [read, read]
    assert report.json() == "Q1: SPY"
    assert nothing.json() == "none"


async def test_everything_that_is_wrong_with_a_models_form_is_told_at_once(forms: Caller) -> None:
    form = {"name": "bad", "age": ["3", "4"], "weight": "NaN", "agrees": "maybe", "colour": "red"}
    answer = await forms.anonymous("POST", "/forms", data=form)

    assert answer.status_code == 400
    assert {each["field"]: each["message"] for each in answer.json()["errors"]} == {
        "name": "Value error, no such name.",
        "age": "Given more than once.",
        "weight": "Input should be a finite number.",
        "agrees": "Input should be a valid boolean, unable to interpret input.",
        "colour": "Extra inputs are not permitted.",
    }
    assert "hunter2" not in answer.text


@pytest.mark.parametrize(
    ("method", "body"), [("POST", {"data": {"name": "bug"}}), ("DELETE", {"json": {"name": "bug"}})]
)
async def test_a_validator_that_fails_is_a_bug_of_the_function_and_named(
    forms: Caller, caplog: pytest.LogCaptureFixture, method: str, body: dict[str, Any]
) -> None:
    answer = await forms.anonymous(method, "/forms", **body)

    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert "A validator of Contact failed" in caplog.text
    assert "hunter2" not in answer.text


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ("inner: Leg", "the form's field inner cannot be Leg"),
        ("inner: dict[str, str]", "the form's field inner cannot be dict[str, str]"),
    ],
)
def test_a_model_that_no_form_can_fill_is_a_fault(tmp_path: Path, fields: str, told: str) -> None:
    source = f"""{FORMS}
class Other(BaseModel):
    {fields}

async def post(data: Annotated[Other, Form()]) -> None: ...
"""
    write_tree(
        tmp_path,
        {
            "forms.py": source.replace(
                "async def post(data: Annotated[Contact", "async def _(data: Annotated[Contact"
            )
        },
    )

    (fault,) = discover(tmp_path).faults
    assert told in fault.found


def test_a_service_without_models_does_not_import_pydantic(tmp_path: Path) -> None:
    write_tree(tmp_path, {"plain.py": "async def post(data: dict[str, int]) -> list[float]: ...\n"})
    code = (
        "import sys\nfrom pathlib import Path\nfrom runtime.bridge import openapi\n"
        "from runtime.routing import discover\n"
        f"openapi.document(discover(Path({str(tmp_path)!r})).operations)\n"
        "assert not {'pydantic', 'numpy', 'pandas'} & sys.modules.keys()\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert ended.returncode == 0, ended.stderr
