"""Function files served by the real router, asked in process: what arrives in a handler, what leaves it."""

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest

from shared.identity import User
from tests.fixtures.routing import Caller, Response, write_tree

INPUTS = """
    from datetime import date
    from decimal import Decimal
    from enum import Enum
    from typing import Annotated
    from uuid import UUID

    from msgspec import Meta, Struct


    class Regime(Enum):
        ON = "on"
        OFF = "off"


    class Level(Struct, forbid_unknown_fields=True):
        value: float
        at: date


    class Signal(Struct, forbid_unknown_fields=True, rename="camel"):
        symbol: Annotated[str, Meta(min_length=1, max_length=8)]
        risk_on: bool
        levels: list[Level] = []
        tags: dict[str, int] = {}


    async def get(
        limit: Annotated[int, Meta(ge=1, le=100)] = 20,
        since: date | None = None,
        regime: Regime = Regime.ON,
        symbols: list[str] = [],
        levels: list[int] = [],
        above: Decimal | None = None,
        key: UUID | None = None,
        active: bool = False,
    ) -> list[object]:
        return [limit, since, regime, symbols, levels, above, key, active]


    async def post(data: Signal, dry: bool) -> Signal:
        return data


    async def patch(data: Signal | None = None) -> str:
        return "nothing" if data is None else data.symbol


    async def put(data: list[int]) -> int:
        return sum(data)
"""


@pytest.fixture
def inputs(tmp_path: Path) -> Caller:
    write_tree(tmp_path, {"inputs.py": INPUTS})
    return Caller.of(tmp_path)


def serve(root: Path, name: str, text: str) -> Caller:
    write_tree(root, {name: text})
    caller = Caller.of(root)
    assert caller.table.faults == ()
    return caller


def told(answer: Response) -> list[tuple[str, str, str]]:
    return [(each["location"], each["field"], each["message"]) for each in answer.json["errors"]]


# The path --------------------------------------------------------------------------------------------------


async def test_encoded_slash_stays_inside_its_segment(tmp_path: Path) -> None:
    caller = serve(tmp_path, "signals/[symbol].py", "async def get(symbol: str) -> str:\n    return symbol")

    answer = await caller.get("/signals/HYG%2FIEF")

    assert answer.json == "HYG/IEF"
    assert answer.scope["path"] == "/signals/HYG/IEF"


async def test_catch_all_has_no_leading_slash(tmp_path: Path) -> None:
    caller = serve(tmp_path, "files/[...rest].py", "async def get(rest: str) -> str:\n    return rest")

    assert (await caller.get("/files/a//b/")).json == "a/b"
    assert (await caller.get("/files")).status == 404


@pytest.mark.parametrize(
    "tail",
    [
        "%2Fetc%2Fpasswd",
        "%2fetc/passwd",
        "%2F%2Fetc",
        "%2F",
        "%2F/etc",
        "/%2Fetc",
        "//%2fetc",
        "%2F%2F/etc/",
    ],
)
async def test_catch_all_that_would_begin_with_a_slash_is_404(tmp_path: Path, tail: str) -> None:
    caller = serve(tmp_path, "files/[...rest].py", "async def get(rest: str) -> str:\n    return rest")

    answer = await caller.get(f"/files/{tail}")

    assert (answer.status, answer.json.get("code")) == (404, "not_found")


@pytest.mark.parametrize(
    ("url", "value"),
    [
        ("/files//etc", "etc"),
        ("/files/a%2Fb", "a/b"),
        ("/files/a/%2Fb", "a//b"),
        ("/files/a%2F", "a/"),
        ("/files/%252Fetc", "%2Fetc"),
        ("/%2Fetc", "/etc"),
        ("/%2F", "/"),
        ("/files%2Fa", "files/a"),
    ],
)
async def test_encoded_slash_is_data_wherever_it_may_stand(tmp_path: Path, url: str, value: str) -> None:
    write_tree(
        tmp_path,
        {
            "files/[...rest].py": "async def get(rest: str) -> str:\n    return rest",
            "[name].py": "async def get(name: str) -> str:\n    return name",
        },
    )

    assert (await Caller.of(tmp_path).get(url)).json == value


@pytest.mark.parametrize("url", ["/a%2Fb", "/a%2fb", "/a/b%2F", "/%2Fa/b", "/a%2F/b"])
async def test_encoded_slash_makes_no_static_url(tmp_path: Path, url: str) -> None:
    caller = serve(tmp_path, "a/b.py", "async def get() -> str:\n    return 'ok'")

    assert (await caller.get("/a/b")).status == 200
    assert (await caller.get(url)).status == 404


@pytest.mark.parametrize(
    ("annotation", "good", "bad"),
    [
        ("int", "7", "seven"),
        ("UUID", "2f1b3a52-6f5e-4c1f-9a44-3d7d9a4f8f10", "2f1b"),
        ("date", "2026-11-25", "2026-25-11"),
        ("Decimal", "1.50", "much"),
        ("bool", "true", "maybe"),
        ("Regime", "on", "sideways"),
        ("Literal['on', 'off']", "off", "sideways"),
        ("Annotated[str, Meta(max_length=3)]", "SPY", "SPYX"),
    ],
)
async def test_path_value_of_the_wrong_type_is_404(
    tmp_path: Path, annotation: str, good: str, bad: str
) -> None:
    caller = serve(
        tmp_path,
        "a/[key].py",
        f"""
        from datetime import date
        from decimal import Decimal
        from enum import Enum
        from typing import Annotated, Literal
        from uuid import UUID

        from msgspec import Meta

        class Regime(Enum):
            ON = "on"

        async def get(key: {annotation}) -> str:
            return type(key).__name__
        """,
    )

    assert (await caller.get(f"/a/{good}")).status == 200
    refused = await caller.get(f"/a/{bad}")
    assert (refused.status, refused.json["code"]) == (404, "not_found")


@pytest.mark.parametrize("path", ["/a/..", "/a/.", "/a/%2E%2E", "/a/..%2Fb", "/a/b%00"])
async def test_dot_segments_and_nul_match_nothing(tmp_path: Path, path: str) -> None:
    caller = serve(tmp_path, "a/[key].py", "async def get(key: str) -> str:\n    return key")

    assert (await caller.get(path)).status == 404


# The query string ------------------------------------------------------------------------------------------


async def test_query_is_read_by_annotation(inputs: Caller) -> None:
    answer = await inputs.get(
        "/inputs?limit=5&since=2026-11-25&regime=off&symbols=SPY&symbols=TLT&levels=1&levels=2"
        "&above=1.50&key=2f1b3a52-6f5e-4c1f-9a44-3d7d9a4f8f10&active=true&unknown=1"
    )

    assert answer.json == [
        5,
        "2026-11-25",
        "off",
        ["SPY", "TLT"],
        [1, 2],
        "1.50",
        "2f1b3a52-6f5e-4c1f-9a44-3d7d9a4f8f10",
        True,
    ]


async def test_absent_query_parameters_have_their_defaults(inputs: Caller) -> None:
    assert (await inputs.get("/inputs")).json == [20, None, "on", [], [], None, None, False]


async def test_every_bad_query_parameter_is_told_at_once(inputs: Caller) -> None:
    answer = await inputs.get(
        "/inputs?limit=0&since=today&regime=sideways&levels=1&levels=x&active=&above=1&above=2"
    )

    assert answer.status == 400
    assert told(answer) == [
        ("query", "limit", "Expected `int` >= 1."),
        ("query", "since", "Invalid RFC3339 encoded date."),
        ("query", "regime", "Invalid enum value 'sideways'."),
        ("query", "levels.1", "Expected `int`."),
        ("query", "above", "Given more than once."),
        ("query", "active", "Expected `bool`."),
    ]


async def test_too_many_query_parameters_are_malformed(inputs: Caller) -> None:
    answer = await inputs.get("/inputs?" + "&".join(["symbols=SPY"] * 1001))

    assert (answer.status, answer.json["code"]) == (400, "malformed_request")


# The body --------------------------------------------------------------------------------------------------


async def test_body_is_decoded_and_answered_by_the_types(inputs: Caller) -> None:
    signal = {
        "symbol": "SPY",
        "riskOn": True,
        "levels": [{"value": 1.5, "at": "2026-11-25"}],
        "tags": {"a": 1},
    }

    answer = await inputs.send("POST", "/inputs?dry=true", json=signal)

    assert (answer.status, answer.json) == (200, signal)


async def test_every_mistake_of_body_and_query_is_told_at_once(inputs: Caller) -> None:
    body = {
        "symbol": "",
        "levels": [{"value": "high", "at": "2026-11-25"}, {"at": "soon"}],
        "tags": {"a": "b"},
        "colour": "red",
    }

    answer = await inputs.send("POST", "/inputs", json=body)

    assert answer.status == 400
    assert told(answer) == [
        ("query", "dry", "Required."),
        ("body", "symbol", "Expected `str` of length >= 1."),
        ("body", "riskOn", "Required."),
        ("body", "levels.0.value", "Expected `float`, got `str`."),
        ("body", "levels.1.value", "Required."),
        ("body", "levels.1.at", "Invalid RFC3339 encoded date."),
        ("body", "tags.a", "Expected `int`, got `str`."),
        ("body", "colour", "Unknown field."),
    ]


TWICE = """
    from dataclasses import dataclass
    from typing import TypedDict

    from msgspec import Struct


    class In(Struct):
        i: int


    class Outer(Struct):
        inner: In
        many: list[In] = []
        by_name: dict[str, In] = {}


    class Cat(Struct, tag="cat"):
        i: int


    class Dog(Struct, tag="dog"):
        i: int


    @dataclass
    class Card:
        i: int


    class Row(TypedDict):
        i: int


    CALLS: list[object] = []


    async def post(data: ANNOTATION) -> object:
        CALLS.append(data)
        return data


    async def get() -> int:
        return len(CALLS)
"""


@pytest.mark.parametrize(
    ("annotation", "body", "field"),
    [
        ("In", '{"i": "x", "i": 1}', "i"),
        ("In", '{"i": "x", "i": "y", "i": 1}', "i"),
        ("In", '{"i": null, "i": 1}', "i"),
        ("In | None", '{"i": "x", "i": 1}', "i"),
        ("In | None = None", '{"i": "x", "i": 1}', "i"),
        ("list[In]", '[{"i": 1}, {"i": "x", "i": 1}]', "1.i"),
        ("dict[str, In]", '{"a": {"i": "x", "i": 1}}', "*.i"),
        ("dict[str, int]", '{"a": "x", "a": 1}', "*"),
        ("Outer", '{"inner": {"i": "x", "i": 1}}', "inner.i"),
        ("Outer", '{"inner": {"i": "x"}, "inner": {"i": 1}}', "inner.i"),
        ("Outer", '{"inner": 1, "inner": {"i": 1}}', "inner"),
        ("Outer", '{"inner": {"i": 1}, "many": [{"i": "x", "i": 1}]}', "many.0.i"),
        ("Outer", '{"inner": {"i": 1}, "by_name": {"a": 1, "a": {"i": 1}}}', "by_name.*"),
        ("Cat | Dog", '{"type": "cat", "i": "x", "i": 1}', "i"),
        ("Cat | Dog", '{"type": "cow", "type": "cat", "i": 1}', "type"),
        ("Card", '{"i": "x", "i": 1}', "i"),
        ("Row", '{"i": "x", "i": 1}', "i"),
        ("tuple[In, int]", '[{"i": "x", "i": 1}, 2]', "0.i"),
    ],
)
async def test_name_that_stands_twice_hides_no_mistake(
    tmp_path: Path, annotation: str, body: str, field: str
) -> None:
    caller = serve(tmp_path, "a.py", TWICE.replace("ANNOTATION", annotation))

    answer = await caller.send("POST", "/a", body=body.encode(), headers={"content-type": "application/json"})

    assert (answer.status, (await caller.get("/a")).json) == (400, 0)
    assert [(place, name) for place, name, _ in told(answer)] == [("body", field)]


async def test_last_value_holds_of_a_name_that_stands_twice(tmp_path: Path) -> None:
    caller = serve(tmp_path, "a.py", TWICE.replace("ANNOTATION", "In"))

    answer = await caller.send(
        "POST", "/a", body=b'{"i": 1, "i": 2}', headers={"content-type": "application/json"}
    )

    assert (answer.status, answer.json) == (200, {"i": 2})


async def test_wrong_value_deep_inside_is_the_callers_mistake(tmp_path: Path) -> None:
    caller = serve(
        tmp_path,
        "a.py",
        """
        from msgspec import Struct

        class Tree(Struct):
            children: list["Tree"] = []

        async def post(data: Tree) -> int:
            return 1
        """,
    )
    body = b'{"children":[' * 400 + b"1" + b"]}" * 400

    answer = await caller.send("POST", "/a", body=body, headers={"content-type": "application/json"})

    assert answer.status == 400


async def test_numbers_in_json_are_not_taken_from_text(inputs: Caller) -> None:
    answer = await inputs.send("PUT", "/inputs", json=["1"])

    assert told(answer) == [("body", "0", "Expected `int`, got `str`.")]


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b"{", "The body is not valid JSON: Input data was truncated."),
        (b"{'a': 1}", "The body is not valid JSON: object keys must be strings (byte 1)."),
        (b'["\xff"]', "The body is not valid UTF-8."),
        (b"[" * 100_000, "The body is nested too deeply."),
    ],
)
async def test_unreadable_body_is_malformed(inputs: Caller, body: bytes, detail: str) -> None:
    answer = await inputs.send("PUT", "/inputs", body=body, headers={"content-type": "application/json"})

    assert (answer.status, answer.json["code"], answer.json["detail"]) == (400, "malformed_request", detail)


@pytest.mark.parametrize(
    "media", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""]
)
async def test_body_of_another_content_type_is_415(inputs: Caller, media: str) -> None:
    answer = await inputs.send(
        "PUT", "/inputs", body=b"[1]", headers={"content-type": media} if media else {}
    )

    assert (answer.status, answer.json["code"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize(
    "media", ["application/json; charset=utf-8", "Application/JSON", "application/vnd.x+json"]
)
async def test_every_spelling_of_json_is_read(inputs: Caller, media: str) -> None:
    assert (await inputs.send("PUT", "/inputs", body=b"[1, 2]", headers={"content-type": media})).json == 3


async def test_optional_body_may_be_absent(inputs: Caller) -> None:
    assert (await inputs.send("PATCH", "/inputs")).json == "nothing"


async def test_absent_body_is_told_as_required(inputs: Caller) -> None:
    assert told(await inputs.send("PUT", "/inputs")) == [("body", "", "Required.")]


UPLOADS = """
    from runtime import Upload

    async def post(data: Upload) -> list[str]:
        return [data.filename, (await data.read()).decode()]

    async def put(data: list[Upload]) -> list[str]:
        return [each.filename for each in data]

    async def patch(data: dict[str, Upload]) -> dict[str, str]:
        return {name: each.filename for name, each in data.items()}
"""


def form(**files: str) -> dict[str, Any]:
    parts = "".join(
        f'--X\r\nContent-Disposition: form-data; name="{name}"; filename="{name}.csv"\r\n\r\n{text}\r\n'
        for name, text in files.items()
    )
    return {
        "body": f"{parts}--X--\r\n".encode(),
        "headers": {"content-type": "multipart/form-data; boundary=X"},
    }


async def test_uploads_arrive_where_the_annotation_says_upload(tmp_path: Path) -> None:
    caller = serve(tmp_path, "charts.py", UPLOADS)

    assert (await caller.send("POST", "/charts", **form(spy="1,2"))).json == ["spy.csv", "1,2"]
    assert (await caller.send("PUT", "/charts", **form(spy="1", tlt="2"))).json == ["spy.csv", "tlt.csv"]
    assert (await caller.send("PATCH", "/charts", **form(spy="1"))).json == {"spy": "spy.csv"}


async def test_upload_refuses_what_is_none(tmp_path: Path) -> None:
    caller = serve(tmp_path, "charts.py", UPLOADS)

    assert (await caller.send("POST", "/charts", json=[])).status == 415
    assert told(await caller.send("POST", "/charts", **form())) == [("body", "", "Expected a file.")]
    assert told(await caller.send("POST", "/charts", **form(a="1", b="2"))) == [
        ("body", "", "Expected one file.")
    ]


# Defaults --------------------------------------------------------------------------------------------------

DEFAULTS = """
    from dataclasses import dataclass, field
    from typing import Any

    from msgspec import Struct

    from runtime import Upload


    @dataclass
    class Box:
        items: list[int] = field(default_factory=list)


    @dataclass(eq=False)
    class Shelf:
        items: list[int] = field(default_factory=list)


    class Frozen(Struct, frozen=True):
        items: list[int]


    class Body(Struct):
        plain: list[int] = []
        frozen: Frozen = Frozen([])
        shelf: Shelf = Shelf()
        pair: tuple[list[int], int] = ([], 1)


    class Outer(Struct):
        bodies: list[Body]


    async def get(
        symbols: list[str] = [], flags: set[str] = set(), either: list[int] | None = [1]
    ) -> list[int]:
        symbols.append("x")
        flags.add(str(len(flags)))
        either.append(2)
        return [len(symbols), len(flags), len(either)]


    async def post(data: Body = Body(plain=[1])) -> list[int]:
        parts = [data.plain, data.frozen.items, data.shelf.items, data.pair[0]]
        for part in parts:
            part.append(1)
        return [len(part) for part in parts]


    async def put(data: Outer) -> list[int]:
        return await post(data.bodies[0])


    def patch(data: dict[str, list[int]] = {"a": []}) -> int:
        data["a"].append(1)
        return len(data["a"])


    async def delete(data: Box = Box()) -> int:
        data.items.append(1)
        return len(data.items)
"""


@pytest.mark.parametrize(
    ("method", "body", "expected"),
    [
        ("GET", None, [1, 1, 2]),
        ("POST", None, [2, 1, 1, 1]),
        ("POST", {}, [1, 1, 1, 1]),
        ("PUT", {"bodies": [{}]}, [1, 1, 1, 1]),
        ("PATCH", None, 1),
        ("DELETE", None, 1),
    ],
)
async def test_what_a_function_writes_into_a_default_is_gone_at_the_next_call(
    tmp_path: Path, method: str, body: object, expected: object
) -> None:
    caller = serve(tmp_path, "a.py", DEFAULTS)

    answers = [(await caller.send(method, "/a", json=body)).json for _ in range(2)]

    assert answers == [expected, expected]


async def test_default_of_a_dataclass_is_fresh_in_every_call(tmp_path: Path) -> None:
    caller = serve(
        tmp_path,
        "a.py",
        """
        from dataclasses import dataclass

        @dataclass(eq=False)
        class Box:
            items: list[int]

        @dataclass
        class Body:
            box: Box = Box([])

        async def post(data: list[Body]) -> list[int]:
            data[0].box.items.append(1)
            return data[0].box.items
        """,
    )

    answers = [(await caller.send("POST", "/a", json=[{}])).json for _ in range(2)]

    assert answers == [[1], [1]]


async def test_default_that_nobody_can_change_is_not_copied(tmp_path: Path) -> None:
    caller = serve(
        tmp_path,
        "a.py",
        """
        from datetime import date

        TODAY = date(2026, 11, 30)

        async def get(since: date = TODAY) -> bool:
            return since is TODAY
        """,
    )

    assert (await caller.get("/a")).json is True


# What is injected ------------------------------------------------------------------------------------------


async def test_user_and_request_arrive_by_their_types(tmp_path: Path) -> None:
    caller = serve(
        tmp_path,
        "me.py",
        """
        from runtime import Request, User

        async def get(user: User, request: Request) -> list[str]:
            return [user.user_id, request.headers["x-desk"]]
        """,
    )

    answer = await caller.get("/me", user=User(user_id="user_7"), headers={"x-desk": "macro"})

    assert answer.json == ["user_7", "macro"]


async def test_read_only_function_gets_the_read_only_view(tmp_path: Path) -> None:
    caller = serve(
        tmp_path,
        "a.py",
        """
        from runtime import Database, Function

        config = Function(methods={"get": {"read_only": True}})

        async def get(db: Database) -> str:
            return str(db)

        async def post(db: Database) -> str:
            return str(db)
        """,
    )

    class Pool:
        def read_only(self) -> str:
            return "read-only view"

        def __str__(self) -> str:
            return "pool"

    caller.app.state.database = Pool()

    assert (await caller.get("/a")).json == "read-only view"
    assert (await caller.send("POST", "/a")).json == "pool"


# What is answered ------------------------------------------------------------------------------------------


async def test_none_is_204_without_a_body(tmp_path: Path) -> None:
    answer = await serve(tmp_path, "a.py", "async def delete() -> None:\n    return None").send(
        "DELETE", "/a"
    )

    assert (answer.status, answer.body) == (204, b"")
    assert "content-length" not in answer.headers


async def test_post_is_200_unless_the_config_says_201(tmp_path: Path) -> None:
    text = "async def post() -> str:\n    return 'ok'"
    write_tree(
        tmp_path,
        {"a.py": text, "b.py": f"from runtime import Function\nconfig = Function(status=201)\n{text}"},
    )
    caller = Caller.of(tmp_path)

    assert (await caller.send("POST", "/a")).status == 200
    assert (await caller.send("POST", "/b")).status == 201


@pytest.mark.parametrize(
    ("config", "takes", "expected"),
    [
        ("Function()", "", None),
        ("Function(cache=60)", "", "private, max-age=60"),
        ("Function(cache=60, public=True)", "", "public, max-age=60"),
        ("Function(cache=60, public=True)", "page: int = 1", "public, max-age=60"),
        ("Function(cache=60, public=True)", "user: User | None", "private, max-age=60"),
        ("Function(cache=60, public=True)", "request: Request", "private, max-age=60"),
    ],
)
async def test_cache_holds_for_get_and_is_private_where_a_caller_can_be_seen(
    tmp_path: Path, config: str, takes: str, expected: str | None
) -> None:
    caller = serve(
        tmp_path,
        "a.py",
        f"""
        from runtime import Function, Request, User

        config = {config}

        async def get({takes}) -> str:
            return "ok"

        async def post() -> str:
            return "ok"
        """,
    )

    assert (await caller.get("/a")).headers.get("cache-control") == expected
    assert "cache-control" not in (await caller.send("POST", "/a")).headers  # so the shell says no-store


async def test_error_of_a_function_becomes_its_problem(tmp_path: Path) -> None:
    caller = serve(
        tmp_path,
        "a.py",
        """
        from runtime import NotFound

        async def get() -> str:
            raise NotFound("signal", "SPY")
        """,
    )

    answer = await caller.get("/a")

    assert (answer.status, answer.json["detail"]) == (404, 'Signal "SPY" was not found.')


@pytest.mark.parametrize("signature", ["async def get()", "def get()"])
async def test_iterator_of_events_is_a_stream(tmp_path: Path, signature: str) -> None:
    caller = serve(
        tmp_path,
        "a.py",
        f"""
        from collections.abc import AsyncIterator

        from runtime import Event

        class Tick(Event, tag="tick"):
            value: int

        async def ticks() -> AsyncIterator[Tick]:
            yield Tick(value=1)

        {signature} -> AsyncIterator[Tick]:
            return ticks()
        """,
    )

    answer = await caller.get("/a")

    assert answer.headers["content-type"].startswith("text/event-stream")
    assert b'event: tick\ndata: {"type":"tick","value":1}' in answer.body
    assert b"event: done" in answer.body


async def test_405_lists_what_is_allowed_and_options_too(tmp_path: Path) -> None:
    caller = serve(
        tmp_path,
        "a.py",
        "async def get() -> str:\n    return 'ok'\n\nasync def put() -> None:\n    return None",
    )

    refused = await caller.send("POST", "/a")
    options = await caller.send("OPTIONS", "/a")

    assert (refused.status, refused.headers["allow"]) == (405, "GET, HEAD, OPTIONS, PUT")
    assert (options.status, options.headers["allow"]) == (204, "GET, HEAD, OPTIONS, PUT")


async def test_static_file_without_the_method_is_405_beside_a_parameter_that_has_it(tmp_path: Path) -> None:
    write_tree(
        tmp_path,
        {
            "users/me.py": "async def put() -> None:\n    return None",
            "users/[id].py": "async def get(id: str) -> str:\n    return id",
        },
    )

    assert (await Caller.of(tmp_path).get("/users/me")).status == 405


# Plain functions -------------------------------------------------------------------------------------------


async def test_plain_function_runs_beside_the_loop(tmp_path: Path) -> None:
    caller = serve(
        tmp_path,
        "a.py",
        """
        import threading

        from runtime.asgi.invocation import current

        def get() -> list[str]:
            return [threading.current_thread().name]
        """,
    )

    assert (await caller.get("/a")).json == ["GET /a"]


async def test_blocked_plain_function_cannot_starve_another(tmp_path: Path) -> None:
    write_tree(
        tmp_path,
        {
            "stuck.py": "import builtins\n\ndef get() -> None:\n    builtins.annex_gate.wait()",
            "quick.py": "def get() -> str:\n    return 'ok'",
        },
    )
    caller = Caller.of(tmp_path)
    gate = threading.Event()
    import builtins

    builtins.annex_gate = gate  # type: ignore[attr-defined] # the two files have no other place in common
    try:
        stuck = [asyncio.ensure_future(caller.get("/stuck")) for _ in range(60)]
        await asyncio.sleep(0)
        answer = await asyncio.wait_for(caller.get("/quick"), 30)
        threads = [each for each in threading.enumerate() if each.name == "GET /stuck"]
    finally:
        gate.set()
        await asyncio.gather(*stuck)
        del builtins.annex_gate  # type: ignore[attr-defined] # see above

    assert answer.json == "ok"
    assert len(threads) == 8


async def test_cancelled_call_that_no_thread_has_taken_never_runs(tmp_path: Path) -> None:
    caller = serve(
        tmp_path,
        "a.py",
        """
        import threading

        from runtime import Function

        config = Function(concurrency=1)
        GATE = threading.Event()
        CALLS: list[int] = []

        def post(number: int) -> None:
            CALLS.append(number)
            GATE.wait()

        async def get() -> list[int]:
            GATE.set()
            return CALLS
        """,
    )
    first = asyncio.ensure_future(caller.send("POST", "/a?number=1"))
    second = asyncio.ensure_future(caller.send("POST", "/a?number=2"))
    await asyncio.sleep(0)
    second.cancel()

    await asyncio.gather(second, return_exceptions=True)
    await caller.get("/a")
    await first

    assert (await caller.get("/a")).json == [1]


@pytest.mark.parametrize(
    ("error", "code"), [("ValueError('x')", "internal_error"), ("StopIteration", "internal_error")]
)
async def test_error_of_a_plain_function_reaches_the_caller(tmp_path: Path, error: str, code: str) -> None:
    caller = serve(tmp_path, "a.py", f"def get() -> None:\n    raise {error}")

    answer = await caller.get("/a")

    assert (answer.status, answer.json["code"]) == (500, code)
