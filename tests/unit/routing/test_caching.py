"""What `annex check` says of a `cache` that no cache can keep apart."""

from pathlib import Path

from runtime.commands.checking.examination import examine
from runtime.routing import discover
from runtime.settings import load
from tests.fixtures.routing import write_tree


def test_a_cache_beside_a_raw_request_is_refused_with_the_cure(tmp_path: Path) -> None:
    config = "from runtime import Function, Request\n\nconfig = Function(public=True, cache=60)\n\n"
    write_tree(
        tmp_path,
        {
            "raw.py": f"{config}async def get(request: Request) -> str:\n    return 'a'\n",
            "open.py": f"{config}async def get() -> str:\n    return 'a'\n\n\n"
            "async def post(request: Request) -> str:\n    return 'a'\n",
        },
    )

    settings = load({"ANNEX_ENV": "test", "ANNEX_FUNCTIONS": str(tmp_path)})

    findings = examine(settings, discover(tmp_path), root=tmp_path)

    assert [each.text for each in findings if each.area == "caching" and each.is_fault] == [
        "raw.py: `cache` is not safe where `get` takes Request. "
        "Take User and named inputs instead of Request, or remove `cache`."
    ]
