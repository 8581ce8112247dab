"""Whatever names and texts Python allows, what `annex client` writes compiles, or the type is refused."""

# mypy: disable-error-code="misc,operator,call-arg,arg-type,valid-type"
# ruff: noqa: E501, SIM905, PLR0911  types that no checker can know, and lists of words

import enum
import json
import subprocess
import typing
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import Meta

from runtime.bridge import openapi, typescript
from runtime.bridge.describable import divide
from runtime.config import Endpoint, Policy
from runtime.routing import Input, InputKind, Operation

WORDS = (
    "infer readonly any for await class unique keyof asserts is type of get abstract declare module namespace "
    "never object string undefined global globalThis import intrinsic yield async static let function enum "
    "default new require symbol Array Promise Record Object Error Date FormData Routes Everywhere a² Größe "
    "__proto__ constructor prototype arguments eval accessor out satisfies using Item String interface"
).split()
TEXTS = (
    "*/ export const x = 1; /*",
    "*/",
    "/*",
    "'",
    '"',
    "\\",
    "\n",
    "\u2028",
    "\u2029",
    "`${x}`",
    "a\\",
    "//",
    "é",
    "",
)

names = st.sampled_from(WORDS) | st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,6}", fullmatch=True)
texts = st.sampled_from(TEXTS) | st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
made_names = names | texts.filter(bool)


def _is_accepted(text: str) -> bool:
    """Say whether msgspec takes this as the name of a field."""
    return bool(text) and not any(char in '\\"' or char < " " for char in text)


@st.composite
def kinds(draw: st.DrawFn) -> Any:
    made = draw(st.sampled_from(["struct", "mapping", "literal", "enum", "numbers", "format", "tag", "dict"]))
    match made:
        case "struct":
            fields = draw(st.lists(names, unique=True, max_size=4))
            told = draw(st.lists(texts, min_size=len(fields), max_size=len(fields)))
            spelt = {name: text for name, text in zip(fields, told, strict=True) if _is_accepted(text)}
            spelt = {} if len({*spelt.values()} | {*fields}) < len(spelt) + len(fields) else spelt
            kind = msgspec.defstruct(draw(made_names), [(name, str) for name in fields], rename=spelt.get)
            kind.__doc__ = draw(texts)
            return list[kind] | None
        case "mapping":
            return typing.TypedDict(draw(names), dict.fromkeys(draw(st.lists(texts, max_size=4)), int))
        case "literal":
            return Literal[tuple(draw(st.lists(texts, min_size=1, max_size=3, unique=True)))]
        case "enum" | "numbers":
            members = draw(
                st.lists(names.filter(lambda name: not name.startswith("_")), min_size=1, unique=True)
            )
            values = (
                range(len(members))
                if made == "numbers"
                else [f"{draw(texts)}{n}" for n in range(len(members))]
            )
            base = enum.IntEnum if made == "numbers" else enum.StrEnum
            return list[base(draw(names), dict(zip(members, values, strict=True)))]
        case "format":
            said = Annotated[str, Meta(description=draw(texts), extra_json_schema={"format": draw(texts)})]
            return msgspec.defstruct("Said", [("said", said)])
        case "tag":
            return msgspec.defstruct(
                "Tagged", [], tag=draw(texts.filter(bool)), tag_field=draw(texts.filter(bool))
            )
        case _:
            return dict[str, int | None]


def operations(types: list[Any], doc: str, url: str) -> list[Operation]:
    """Return a POST for each type, which takes and returns it."""

    def handler() -> None: ...

    return [
        Operation(
            endpoint=Endpoint(
                method="POST", template=f"/{n}{url}", file=f"f{n}.py", policy=Policy(summary=doc)
            ),
            function=handler,
            inputs=(Input(name="data", kind=InputKind.BODY, annotation=kind, default=msgspec.NODEFAULT),),
            returns=kind,
            event=None,
            doc=doc,
        )
        for n, kind in enumerate(types)
    ]


def compiled(folder: Path, node: str, compilers: Path) -> str:
    """Compile every file of a folder by itself, strictly, and return what the compiler says."""
    options = {
        "strict": True,
        "noEmit": True,
        "target": "es2022",
        "module": "esnext",
        "lib": ["es2022", "dom"],
    }
    settled = {"compilerOptions": {**options, "types": []}, "include": ["*.ts"]}
    (folder / "tsconfig.json").write_text(json.dumps(settled))
    compiler = compilers / "node_modules" / "typescript" / "bin" / "tsc"
    done = subprocess.run(
        [node, compiler, "-p", "."], cwd=folder, capture_output=True, text=True, timeout=300, check=False
    )
    return done.stdout


def test_what_is_written_for_hostile_types_compiles(tmp_path: Path, node: str, compilers: Path) -> None:
    batches: list[str] = []

    @settings(
        max_examples=60,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(
        st.lists(kinds(), min_size=1, max_size=8),
        texts,
        st.sampled_from(["", "/'", '/"x"', "/it`s", "/a*", "/*"]),
    )
    def write(types: list[Any], doc: str, url: str) -> None:
        fine, _ = divide(operations(types, doc, url))
        batches.append(typescript.emit(openapi.document(fine)))
        (tmp_path / f"batch{len(batches)}.ts").write_text(batches[-1], "utf-8")

    write()

    assert len(batches) > 20
    assert compiled(tmp_path, node, compilers) == ""


def test_every_name_that_a_class_can_have_is_written_as_a_type_or_refused(
    tmp_path: Path, node: str, compilers: Path
) -> None:
    for number, name in enumerate(WORDS):
        kind = msgspec.defstruct(name, [("a", int)])
        fine, faults = divide(operations([list[kind], kind | None], "", ""))
        assert len(fine) + len(faults) == 2
        (tmp_path / f"name{number}.ts").write_text(typescript.emit(openapi.document(fine)), "utf-8")

    assert compiled(tmp_path, node, compilers) == ""
