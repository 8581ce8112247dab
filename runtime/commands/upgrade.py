"""`annex upgrade`: what a newer version of the product means for this service."""

import argparse
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from runtime.distribution import NAME, version
from runtime.replacements import ordered, since
from runtime.settings.project import FILE, read_project
from runtime.starting.news import news
from runtime.starting.pin import PinError, pin
from runtime.starting.rewriting import OldName, rewrite, uses


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command accepts."""
    parser.add_argument(
        "--from",
        dest="origin",
        metavar="WHEEL_OR_GIT",
        help="first step: pin this version in pyproject.toml, as `annex init --from` does",
    )
    parser.add_argument("--dry-run", action="store_true", help="write nothing, show what would be written")


def run(given: argparse.Namespace) -> int:
    """Say what changed since the version that this service was made with, and rewrite what is mechanical."""
    root = Path.cwd()
    file = root / FILE
    project = read_project(root)
    if not file.is_file() or project.problem:
        problem = project.problem or f"There is no {FILE} here; run it in the folder of the service."
        print(f"annex upgrade: {problem}", file=sys.stderr)
        return 1
    try:
        if given.origin:
            return _pin(file, given.origin, dry=given.dry_run)
    except PinError as error:
        print(f"annex upgrade: {error}", file=sys.stderr)
        return 1
    was, now = project.version or "0", version()
    if ordered(was) >= ordered(now):
        print(f"This service is at {was}, and {now} is installed: nothing to do.")
        return 0
    found = list(uses(root, since(was)))
    print(f"From {was} to {now}. Changed, deprecated or removed meanwhile:\n")
    print(*news(was), sep="\n")
    print("\nIn this service:\n")
    print(*(_told(found, root, dry=given.dry_run) or ["  nothing of it is used"]), sep="\n")
    if not given.dry_run:
        rewrite(found)
        file.write_text(with_version(file.read_text("utf-8"), now), "utf-8")
        print(f"\n{FILE} says {now} now. Look at the changes with git diff, then run `make test`.")
    return 0


def with_version(text: str, version: str) -> str:
    """Return pyproject.toml with the version in `[tool.annex]`."""
    return _set(text, "tool.annex", "version", f'"{version}"')


def _pin(file: Path, origin: str, *, dry: bool) -> int:
    pinned = pin(origin, file.parent.resolve())
    text = _set(file.read_text("utf-8"), "tool.uv.sources", NAME, pinned.source)
    text = _set(text, "tool.annex", "wheel", f'"{pinned.hash}"')
    if not dry:
        file.write_text(text, "utf-8")
    print(f"{'would pin' if dry else 'pinned'} {pinned.hash or pinned.source}")
    print("Now run `make setup`, and `annex upgrade` once more: the new version knows what changed.")
    return 0


def _told(found: list[OldName], root: Path, *, dry: bool) -> list[str]:
    return list(_lines(found, root, "would rewrite" if dry else "rewrote"))


def _lines(found: list[OldName], root: Path, verb: str) -> Iterator[str]:
    for use in sorted(set(found), key=lambda each: (each.text is None, each.file, each.line, each.start)):
        done = verb if use.text is not None else "by hand:"
        yield f"  {done} {use.file.relative_to(root)}:{use.line}: {use.change}"


def _set(text: str, table: str, key: str, value: str) -> str:
    """Return a TOML text with one key of a table set; comments and everything else stay as they are."""
    heading = re.search(rf"^\[{re.escape(table)}\][^\n]*\n", text, re.MULTILINE)
    if heading is None:
        return f"{text.rstrip()}\n\n[{table}]\n{key} = {value}\n"
    end = re.compile(r"^\[", re.MULTILINE).search(text, heading.end())
    head, body = text[: heading.end()], text[heading.end() : end.start() if end else len(text)]
    line = re.compile(rf"^{re.escape(key)}\s*=\s*(\{{[^\n]*?\}}|\"[^\"\n]*\")", re.MULTILINE)
    new = f"{key} = {value}"
    body = line.sub(lambda _: new, body, count=1) if line.search(body) else f"{new}\n{body}"
    return head + body + (text[end.start() :] if end else "")
