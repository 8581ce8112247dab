"""One word, one meaning: what the names of classes and types may not do."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path


def declared(text: str) -> Iterator[str]:
    """Yield the name of each class and type alias at the top level of a file."""
    for node in ast.parse(text).body:
        match node:
            case ast.ClassDef(name=name) | ast.TypeAlias(name=ast.Name(id=name)):
                yield name


def test_no_two_classes_or_types_of_the_product_have_one_name():
    places = defaultdict(list)
    for folder in ("runtime", "shared"):
        for file in sorted(Path(folder).rglob("*.py")):
            for name in declared(file.read_text("utf-8")):
                places[name].append(str(file))

    assert {name: files for name, files in places.items() if len(files) > 1} == {}, "rename all but one"
    assert len(places) > 300


def test_classes_and_types_are_found():
    assert list(declared("class A: ...\ntype B = int\nC = 1\ndef f():\n    class D: ...\n")) == ["A", "B"]
