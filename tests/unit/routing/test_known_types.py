"""Types that are taken at a look at their parts are those that msgspec describes, and no others."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal, NewType, Optional

import msgspec
import pytest
from litestar.datastructures import UploadFile
from msgspec import Meta, Struct

from runtime.routing.annotations.describe import describe
from runtime.routing.annotations.known import is_known


class Point(Struct):
    x: float
    seen: datetime | None = None


class Tree(Struct):
    value: "Point"
    parts: "list[Tree]"


class Track(Point, kw_only=True):
    points: list[Point]
    by_name: dict[str, Annotated[int, Meta(ge=0)]]
    kind: Literal["walk", "ride"]
    rest: tuple[int, ...] = ()


class Odd:
    pass


class WithOdd(Struct):
    odd: Odd


class WithFile(Struct):
    file: UploadFile


class BelowOdd(WithOdd):
    x: int


class Hashless(type):
    def __hash__(cls) -> int:
        raise RuntimeError("no hash")


class NoHash(metaclass=Hashless):
    pass


@dataclass
class Plain:
    x: int


type Own = Own  # type: ignore[misc]  # an alias of itself is the point
type Alias = list[Point]

USUAL = [
    *(int, None, Any, Decimal, Point, Track, list[Point], dict[str, Point], Point | None, Optional[Track]),  # noqa: UP045
    *(Annotated[int, Meta(ge=0)], Literal["a", 1], tuple[int, str], set[int], int | str | None),
]
UNUSUAL = [
    *(
        Tree,
        Odd,
        WithOdd,
        WithFile,
        BelowOdd,
        list[Odd],
        dict[str, WithOdd],
        Point | Odd,
        NoHash,
        list[NoHash],
    ),
    *(Plain, Own, Alias, UploadFile, NewType("Id", int), Mapping[str, int], "Point", 3, Annotated[Odd, 1]),
    *(str | bytes, Point | Track, list["Point"], dict[Any, Odd]),
]


@pytest.mark.parametrize("number", range(len(USUAL)))
def test_usual_type_is_known_and_msgspec_describes_it(number: int) -> None:
    kind, problem = describe(USUAL[number])

    assert is_known(USUAL[number])
    assert kind is not None
    assert problem is None


@pytest.mark.parametrize("number", range(len(UNUSUAL)))
def test_unusual_type_is_left_to_the_description(number: int) -> None:
    assert not is_known(UNUSUAL[number])


def test_struct_whose_fields_cannot_be_read_is_left_to_the_description() -> None:
    broken = msgspec.defstruct("Broken", [("x", "Missing")])

    assert not is_known(broken)
