"""The head of a response as it is written."""

import tracemalloc

import pytest

from runtime.server.connection.response_head import Field, response_head


def head(*fields: Field) -> bytes:
    return response_head(200, fields, method="GET", version="1.1", keep_alive=True).data


def test_fields_that_never_repeat_do_not_fill_the_memory() -> None:
    head((b"etag", b"0" * 100))
    tracemalloc.start()
    try:
        for number in range(5000):
            head((b"etag", b"%0100d" % number))
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert kept < 5000 * 100


def test_a_length_stands_once_in_whatever_case_it_is_given() -> None:
    written = head((b"Content-Length", b"3"), (b"content-length", b"3"), (b"a", b"b"))

    assert written.lower().count(b"content-length: 3\r\n") == 1
    assert b"a: b\r\n" in written


def test_two_lengths_that_differ_are_refused() -> None:
    with pytest.raises(RuntimeError, match="Content-Length"):
        head((b"content-length", b"3"), (b"content-length", b"4"))


@pytest.mark.parametrize("field", [(b"a b", b"c"), (b"a", b"b\r\nc: d")])
def test_a_field_that_would_break_the_head_is_refused_each_time(field: Field) -> None:
    for _ in range(2):
        with pytest.raises(RuntimeError, match="Invalid"):
            head(field)


def test_a_field_may_be_a_list_of_name_and_value() -> None:
    pair: list[bytes] = [b"x-colour", b"red"]

    assert b"x-colour: red\r\n" in head(pair)  # type: ignore[arg-type]  # ASGI says iterables
