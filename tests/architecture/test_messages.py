"""No text that a person reads changes unseen."""

import ast

from tests.approved.messages import FILE, KINDS, approved, nouns, said

SOURCE = '''
"""A docstring is no message."""
class Gone(NotFound): ...
class Lost(Gone): ...
def f(name):
    """Nor is this."""
    found = f"{name} is not {'a handler' if name else 'no name'}."
    if name:
        raise Lost("The run was lost.")
    raise ValueError("expected one " "of two")
    logger.warning("%s is slow", name)
    parser.add_argument("--json", help="for machines")
    return "two words", "SELECT a FROM b", "token-missing", f"never more than {name} bytes"
'''


def test_every_text_is_the_approved_one():
    assert approved().splitlines() == FILE.read_text("utf-8").splitlines(), (
        "read the change, then run `make messages`"
    )


def test_texts_are_found_by_what_is_done_with_them():
    tree = ast.parse(SOURCE)
    answers = nouns([ast.parse("class NotFound(AnnexError): ..."), tree])

    assert sorted(said(tree, answers)) == [
        ("answer", "The run was lost."),
        ("command", "for machines"),
        ("error", "expected one of two"),
        ("fault", "a handler"),
        ("fault", "no name"),
        ("fault", "{} is not {}."),
        ("log", "%s is slow"),
        ("other", "never more than {} bytes"),
        ("other", "two words"),
    ]


def test_every_kind_has_texts():
    sections = FILE.read_text("utf-8").split("\n# ")
    assert [section.partition(":")[0].removeprefix("# ") for section in sections] == list(KINDS)
    assert all(len(section.splitlines()) > 3 for section in sections)
