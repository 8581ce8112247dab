"""Cases that are no file of a few lines: devices, links, names, large files, files beside files."""

import os
from collections.abc import Callable
from pathlib import Path

GOOD = (
    "from runtime import Function\n\nconfig = Function(public=True)\n\n\n"
    'async def get() -> str:\n    """Answer."""\n    return "own"\n'
)
BROKEN = "def get(:\n"
SLOW_TO_COMPILE = GOOD + 'late = lambda x: f"' + "{x}" * 300_000 + '"\n'


def _text(text: str) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        path.write_text(text)

    return write


def _sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(1 << 32)


def _beside(name: str, text: str = GOOD) -> Callable[[Path], None]:
    """Put a file at another place of the functions folder, beside the healthy ones."""

    def write(path: Path) -> None:
        target = path.parents[1] / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)

    return write


BUILT: dict[str, Callable[[Path], None]] = {
    "source/slow_to_compile": _text(SLOW_TO_COMPILE),
    "source/many_statements": _text(GOOD + "x = 1\n" * 170_000),
    "source/large_list": _text(GOOD + "x = [" + "1," * 450_000 + "]\n"),
    "source/too_large": _text(GOOD + "#" * (1 << 21)),
    "source/sparse": _sparse,
    "source/fifo": os.mkfifo,
    "source/device": lambda path: path.symlink_to("/dev/zero"),
    "source/terminal": lambda path: path.symlink_to("/dev/stdin"),
    "source/link_to_itself": lambda path: path.symlink_to(path.name),
    "source/link_to_nothing": lambda path: path.symlink_to("nothing.py"),
    "source/link_to_folder": lambda path: path.symlink_to(path.parent),
    "source/folder_named_like_a_file": lambda path: path.mkdir(),
    "source/secret_of_the_process": lambda path: path.symlink_to("/proc/self/environ"),
    "conflicts/same_url_by_group": _beside("(again)/healthy.py"),
    "conflicts/same_url_by_path": _beside(
        "again.py", GOOD.replace("public=True", "public=True, path='/healthy'")
    ),
    "conflicts/other_case": _beside("Healthy.py"),
    "conflicts/broken_twin_of_a_parameter": _beside("items/[other].py", BROKEN),
    "conflicts/twin_of_a_parameter": _beside(
        "items/[another].py", GOOD.replace("get()", "get(another: str)")
    ),
    "conflicts/other_type_of_a_parameter": _beside(
        "items/[symbol]/more.py", GOOD.replace("get()", "get(symbol: int)")
    ),
    "conflicts/broken_catch_all": _beside("items/[...rest].py", BROKEN),
    "conflicts/package": _beside("healthy/index.py"),
    "conflicts/init": _beside("items/__init__.py", "raise SystemExit\n"),
    "conflicts/type_of_one_name": _beside(
        "types/second.py",
        "from msgspec import Struct\nfrom runtime import Function\n\nconfig = Function(public=True)\n\n\n"
        "class Item(Struct):\n    other: int\n\n\nasync def get() -> Item:\n    return Item(1)\n",
    ),
    "conflicts/module_beside_folder": _beside("reports.py", GOOD),
    "conflicts/policy_of_a_folder": _beside("closed/_config.py", "def (:\n"),
    "conflicts/policy_that_hangs": _beside("closed2/_config.py", "while True:\n    pass\n"),
    "conflicts/policy_named_alike": _beside("closed3/_Config.py", "raise SystemExit\n"),
}
