"""Every text that the product can say to a caller, an operator or a developer, read from the source.

`make messages` writes `messages.txt`, a test compares it, so that a changed text is seen in review. A text is
a string literal with words in it; what an f-string fills in is `{}`. Its kind depends on the code around it,
never on its file.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

FILE = Path(__file__).with_suffix(".txt")
FOLDERS = ("runtime", "shared")
OF_THE_EXAMPLE = {"market"}
KINDS = {
    "answer": "Errors, as callers read them.",
    "fault": "What is wrong with a function file, and the cure.",
    "setting": "What a variable means, and what is wrong with one.",
    "log": "Lines of the log.",
    "command": "Help and output of the command line.",
    "error": "Exceptions that a developer or an operator reads.",
    "other": "Parts of the texts above that are made elsewhere.",
}
LOGGING = {"debug", "info", "warning", "error", "exception", "critical"}
BY_CALL = {
    "FieldError": "answer",
    "SettingsError": "setting", "SettingsFault": "setting",
    "Fault": "fault", "NameFault": "fault", "fault": "fault", "_fault": "fault",
    "print": "command", "add_argument": "command", "add_parser": "command", "ArgumentParser": "command",
    "command": "command", "write": "command",
}  # fmt: skip
BY_NAME = {"found": "fault", "cure": "fault", "detail": "answer", "doc": "setting", "help": "command"}
WORDS = re.compile(r"[A-Za-z]+[,;:]? [\w'`{(]")
CODE = re.compile(
    r"^\s*(?:[<#.@]|[a-z]\.|SELECT|WITH|INSERT|SET|SHOW|BEGIN|import |export |const |return |local |as const)"
    r"|[\n;{]\s*\n|=>|</|\\[bsw(]|\{\};"
)


def approved() -> str:
    """Return the file as it should be."""
    texts: dict[str, set[str]] = {kind: set() for kind in KINDS}
    trees = [ast.parse(path.read_text("utf-8")) for path in sources()]
    answers = nouns(trees)
    for tree in trees:
        for kind, text in said(tree, answers):
            texts[kind].add(" ".join(text.split()))
    parts = [
        f"# {kind}: {KINDS[kind]}\n\n" + "".join(f"{text}\n" for text in sorted(texts[kind]))
        for kind in KINDS
    ]
    return "\n".join(parts)


def sources() -> Iterator[Path]:
    """Yield the product's own files."""
    for folder in FOLDERS:
        yield from (path for path in Path(folder).rglob("*.py") if OF_THE_EXAMPLE.isdisjoint(path.parts))


def nouns(trees: list[ast.Module]) -> set[str]:
    """Return the names of `AnnexError` and of all classes below it."""
    bases = {
        node.name: {ast.unparse(base) for base in node.bases}
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    }
    found = {"AnnexError"}
    while more := {name for name, of in bases.items() if of & found} - found:
        found |= more
    return found


def said(node: ast.AST, answers: set[str], kind: str = "other") -> Iterator[tuple[str, str]]:
    """Yield kind and template of each text below a node; docstrings are none."""
    match node:
        case ast.Expr(value=ast.Constant()):
            return
        case ast.JoinedStr() | ast.Constant(value=str()):
            text = template(node)
            if WORDS.search(text) and not CODE.search(text):
                yield kind, text
    kind = kind_of(node, answers) or kind
    for child in ast.iter_child_nodes(node):
        if not (isinstance(node, ast.JoinedStr) and isinstance(child, ast.Constant)):
            yield from said(child, answers, kind)


def kind_of(node: ast.AST, answers: set[str]) -> str | None:  # noqa: PLR0911  # a table, read as one
    """Return the kind of the texts inside a node, None where it does not say."""
    match node:
        case ast.ClassDef(name=name) if name in answers:
            return "answer"
        case ast.Call(func=ast.Name(id="Fault"), args=[_, *_]):  # of a setting; a file's has keywords alone
            return "setting"
        case ast.Raise():
            return "error"
        case ast.Assign(targets=[ast.Name(id=name)]) | ast.keyword(arg=str(name)):
            return BY_NAME.get(name)
        case ast.Call(func=ast.Attribute(value=ast.Name(id="log" | "logger"), attr=name)) if name in LOGGING:
            return "log"
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)):
            return "answer" if name in answers else BY_CALL.get(name)
    return None


def template(node: ast.AST) -> str:
    """Return a literal with `{}` for each part that is filled in."""
    parts = node.values if isinstance(node, ast.JoinedStr) else [node]
    return "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in parts)


if __name__ == "__main__":
    FILE.write_text(approved(), "utf-8")
