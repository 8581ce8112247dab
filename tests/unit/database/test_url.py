"""`DATABASE_URL` in every dialect: the golden table, and that no secret of it is ever shown."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec import Struct

from shared.database import InvalidDatabaseUrl, translate
from shared.secret import Secret

ROWS = json.loads(Path("contracts/database-urls.json").read_text("utf-8"))
CANARY = "K1tt3n"


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['dialect']}, {row['case']}")
def test_each_dialect_becomes_what_the_table_says(row: dict[str, Any]):
    if "refused" in row:
        with pytest.raises(InvalidDatabaseUrl) as refused:
            translate(row["url"])
        assert str(refused.value) == row["refused"]
    else:
        target = translate(row["url"])
        assert (_plain(target), list(target.notices)) == (row["becomes"], row["notices"])


@pytest.mark.parametrize("scheme", ["postgresql", "POSTGRESQL", "postgres+psycopg"])
def test_the_scheme_is_read_whatever_its_case_or_driver(scheme: str):
    assert translate(f"{scheme}://app@db/shop").database == "shop"


def test_a_later_parameter_wins_over_an_earlier_one():
    assert translate("postgresql://app@db/shop?schema=a&schema=b").schema == "b"


def test_a_password_survives_every_character_once_it_is_encoded():
    password = "".join(map(chr, range(33, 127))) + "pässwörd "

    target = translate(f"postgresql://app:{quote(password, safe='')}@db/shop")

    assert target.password == Secret(password)


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("connection_limit=many", "connection_limit"),
        ("pool_timeout=soon", "pool_timeout"),
        ("sslaccept=maybe", "sslaccept"),
        ("ssl_min_protocol_version=SSLv3", "ssl_min_protocol_version"),
        ("sslnegotiation=never", "sslnegotiation"),
        ("target_session_attrs=best", "target_session_attrs"),
    ],
)
def test_a_value_that_a_parameter_cannot_have_is_refused_by_the_parameters_name(query: str, name: str):
    with pytest.raises(InvalidDatabaseUrl, match=f"^{name} must be"):
        translate(f"postgresql://app@db/shop?{query}")


def test_channel_binding_that_cannot_be_kept_is_told():
    target = translate("postgresql://app@db.internal/shop?channel_binding=require")

    assert target.notices == (
        "channel_binding=require is not supported and is ignored; use sslmode=verify-full instead",
    )


secrets = st.lists(
    st.sampled_from([CANARY, *"@:/?#[]%&=+ ,\\'\"$(){}", "%41", "é", "\n", "password", "sslmode", "host"]),
    min_size=1,
    max_size=12,
).map(lambda parts: CANARY + "".join(parts))
queries = st.lists(
    st.tuples(
        st.sampled_from(
            ["sslmode", "password", "sslpassword", "schema", "options", "host", "port", "colour", ""]
        ),
        st.one_of(st.just("require"), st.just(""), st.text(max_size=8)),
    ),
    max_size=4,
)


@given(secret=secrets, pairs=queries, encoded=st.booleans(), place=st.sampled_from(["authority", "query"]))
@example(secret=f"{CANARY}?x&{CANARY}=1", pairs=[], encoded=False, place="authority")
@example(secret=f"{CANARY}&{CANARY}=1", pairs=[], encoded=False, place="query")
def test_no_piece_of_a_password_reaches_a_message_a_notice_or_a_repr(
    secret: str, pairs: list[tuple[str, str]], encoded: bool, place: str
):
    written = quote(secret, safe="") if encoded else secret
    query = "&".join(f"{name}={value}" for name, value in pairs)
    url = f"postgresql://app:{written}@db.example.com/shop?{query}"
    if place == "query":
        url = f"postgresql://app@db.example.com/shop?{query}&password={written}"

    try:
        target = translate(url)
    except InvalidDatabaseUrl as refused:
        shown = f"{refused} {refused!r} {refused.__cause__!r}"
    else:
        shown = f"{target.notices} {target!r}"

    assert CANARY not in shown


@given(st.text(max_size=60))
def test_any_text_at_all_is_translated_or_refused_and_never_breaks(text: str):
    for url in (text, f"postgresql://{text}"):
        try:
            translate(url)
        except InvalidDatabaseUrl:
            continue


def _plain(struct: Struct) -> dict[str, Any]:
    """The fields that are not at their default, as JSON has them."""
    shown = {}
    for field in msgspec.structs.fields(type(struct)):
        value = getattr(struct, field.name)
        value = value.reveal() if isinstance(value, Secret) else value
        value = _plain(value) if isinstance(value, Struct) else value
        if field.name == "hosts":
            value = [":".join(map(str, pair)) for pair in value]
        if field.name != "notices" and value not in (None, {}, field.default):
            shown[field.name] = value
    return shown


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("postgresql://u@db.internal/app", {"server.address": "db.internal", "server.port": 5432}),
        ("postgresql://u@db:6543/app", {"server.address": "db", "server.port": 6543}),
        ("postgresql://u@/app?host=/run/pg&port=5433", {"server.address": "/run/pg/.s.PGSQL.5433"}),
        ("postgresql://u@a:1,b:2/app", {}),
    ],
)
def test_the_server_is_named_as_the_conventions_name_it(url, address):
    assert translate(url).attributes() == {"db.namespace": "app", **address}
