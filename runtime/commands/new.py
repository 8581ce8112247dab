"""`annex new`: a function file and its test, which pass as they are."""

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from runtime.config import METHODS
from runtime.routing.reading.names import Segment, is_private
from runtime.routing.reading.tree import Candidate, read_candidate, template_of
from runtime.settings import Settings

_IMPORTS = "from msgspec import Struct\n\nfrom runtime import User\n"
_CALLS = {
    "get": "Return what is at {template}.",
    "post": "Add to {template}.",
    "put": "Replace what is at {template}.",
    "patch": "Change what is at {template}.",
    "delete": "Remove what is at {template}.",
}


class ScaffoldError(ValueError):
    """The file cannot be written; the text says why and what to do."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command accepts."""
    parser.add_argument("name", metavar="NAME", help="such as orders/[id]")
    parser.add_argument("--methods", default="get", help="comma-separated, such as get,post")


def run(given: argparse.Namespace, settings: Settings) -> int:
    """Write a function file and its test."""
    try:
        written = scaffold(settings.functions, given.name, methods=tuple(given.methods.split(",")))
    except ScaffoldError as error:
        print(error, file=sys.stderr)
        return 1
    print(*(f"wrote {path}" for path in written), sep="\n")
    return 0


def scaffold(folder: Path, name: str, *, methods: Sequence[str] = ("get",)) -> list[Path]:
    """Write a function and its test; return both paths.

    Args:
        folder: the functions folder; tests go to `tests/functions` beside it.
        name: the URL as a file name, such as ``orders/[id]``.
        methods: lower case.

    Raises:
        ScaffoldError: the name or a method is not legal, or a file is already there.
    """
    # A path as a shell completes it, `functions/orders.py`, is taken for what it names.
    file = f"{name.removeprefix('./').strip('/').removeprefix(f'{folder.name}/').removesuffix('.py')}.py"
    wanted = [method.strip().lower() for method in methods]
    for method in wanted:
        if method not in METHODS:
            raise ScaffoldError(f"There is no method {method!r}; methods are {', '.join(METHODS)}.")
    if any(is_private(part) for part in Path(file).parts):
        raise ScaffoldError(f"{file} would be private (a name that begins with '_' or '.', or a test).")
    candidate = read_candidate(file)
    if candidate.faults or candidate.segments is None:
        raise ScaffoldError(str(candidate.faults[0]))
    paths = {
        folder / file: _function(candidate, candidate.segments, wanted),
        folder.parent / "tests" / "functions" / f"test_{_slug(file)}.py": _test(candidate.segments, wanted),
    }
    for path in paths:
        if path.exists():
            raise ScaffoldError(f"{path} exists already. Choose another name, or edit it.")
    for path, text in paths.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return list(paths)


def _function(candidate: Candidate, segments: tuple[Segment, ...], methods: list[str]) -> str:
    template = template_of(segments)
    words = "".join(
        word.capitalize() for word in re.split(r"[^A-Za-z0-9]+", candidate.file.removesuffix(".py"))
    )
    struct = f"{'Route' if words[:1].isdigit() else ''}{words}Answer"
    names = [segment.text for segment in segments if segment.kind != "static"]
    parts = [f'"""Say in one sentence what {template} is for."""\n\n{_IMPORTS}']
    if set(methods) - {"delete"}:
        fields = "".join(f"    {name}: str\n" for name in names if name != "note") + '    note: str = ""\n'
        parts.append(f'class {struct}(Struct):\n    """What {template} holds."""\n\n{fields}')
    if {"post", "put", "patch"} & set(methods):
        parts.append(
            f"class {struct}Input(Struct, forbid_unknown_fields=True):\n"
            '    """What callers send."""\n\n    note: str\n'
        )
    parts += [_handler(method, template, struct, names) for method in methods]
    return "\n\n".join(parts)


def _handler(method: str, template: str, struct: str, names: list[str]) -> str:
    inputs = [f"{name}: str" for name in names]
    if method in {"post", "put", "patch"}:
        inputs.append(f"data: {struct}Input")
    inputs.append("user: User")
    values = [f"{name}={name}" for name in names if name != "note"]
    if method in {"post", "put", "patch"}:
        values.append("note=data.note")
    returns, body = (
        ("None", "") if method == "delete" else (struct, f"    return {struct}({', '.join(values)})\n")
    )
    doc = _CALLS[method].format(template=template)
    return f'async def {method}({", ".join(inputs)}) -> {returns}:\n    """{doc}"""\n{body}'


def _test(segments: tuple[Segment, ...], methods: list[str]) -> str:
    url = "/" + "/".join("example" if segment.kind != "static" else segment.text for segment in segments)
    subject = _slug(template_of(segments).strip("/") or "index")
    parts = [
        f'"""{template_of(segments)}, called through the whole service."""\n\n'
        "from runtime.testing import Caller, Service\n"
    ]
    for method in methods:
        body = ', json={"note": "first"}' if method in {"post", "put", "patch"} else ""
        status = 204 if method == "delete" else 200
        parts.append(
            f"def test_{method}_{subject}_answers(service: Service) -> None:\n"
            f'    answer = service.{method}("{url}", caller=Caller(){body})\n\n'
            f"    assert answer.status_code == {status}\n"
        )
    return "\n\n".join(parts)


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", text.removesuffix(".py").lower()).strip("_")
