"""The schema belongs to the app: no statement of ours changes it."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

# Not the embedded server: in development and tests there is no app to create its databases.
EMBEDDED = {Path("runtime/dev/postgres/seed.py"), Path("runtime/testing/database.py")}
OURS = [
    path
    for folder in ("shared", "runtime", "functions")
    for path in sorted(Path(folder).rglob("*.py"))
    if path not in EMBEDDED
]
DDL = re.compile(
    r"^\s*(CREATE|ALTER|DROP|TRUNCATE|GRANT|REVOKE|COMMENT\s+ON|REINDEX|CLUSTER|VACUUM|REFRESH|IMPORT\s+FOREIGN|SECURITY\s+LABEL)"
    r"\s+(OR\s+REPLACE\s+)?(UNIQUE\s+|TEMP(ORARY)?\s+|UNLOGGED\s+|MATERIALIZED\s+)*"
    r"(TABLE|INDEX|TYPE|SCHEMA|SEQUENCE|VIEW|FUNCTION|TRIGGER|ROLE|USER|DATABASE|EXTENSION|POLICY|DOMAIN|ALL|SELECT|\")",
    re.IGNORECASE | re.MULTILINE,
)


def texts(path: Path) -> Iterator[str]:
    """Every string of a file but its docstrings, with the constants of an f-string joined."""
    tree = ast.parse(path.read_text("utf-8"))
    docs = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            parts = (value.value if isinstance(value, ast.Constant) else "x" for value in node.values)
            yield "".join(map(str, parts))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs:
            yield node.value


def test_no_statement_of_ours_changes_the_schema():
    assert [(str(path), text) for path in OURS for text in texts(path) if DDL.search(text)] == []


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE t ()",
        "\n  alter table x add y",
        "DROP INDEX CONCURRENTLY i",
        "SELECT 1;\nTRUNCATE TABLE t",
        "create unique index i on t (a)",
    ],
)
def test_the_search_would_find_one(statement: str):
    assert DDL.search(statement)


def test_the_role_of_the_docs_is_the_role_that_every_test_runs_under():
    role = Path("runtime/dev/postgres/role.sql").read_text("utf-8")
    statements = [line for line in role.splitlines() if line and not line.startswith("--")]
    page = Path("docs/database.md").read_text("utf-8").replace("LOGIN PASSWORD '…'", "LOGIN")

    assert "\n".join(statements) in page
