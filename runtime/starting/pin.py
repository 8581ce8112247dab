"""Where a service gets the product from: one wheel with its hash, or one commit of a git repository."""

import hashlib
import json
import re
import subprocess
from importlib.metadata import distribution
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from runtime.distribution import NAME

_HASH = re.compile(r"sha256=([0-9a-f]{64})")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_WHEEL = re.compile(r"[A-Za-z0-9_.]+-[^-/]+(?:-[^-/]+){3,4}\.whl")
GIT_TIMEOUT = 60  # seconds for a repository to tell its commits


class PinError(ValueError):
    """The product cannot be pinned; the text says why and what to do."""


class Pin(NamedTuple):
    """What is written into pyproject.toml.

    Attributes:
        source: the value of `[tool.uv.sources]`, in TOML.
        hash: of a wheel, ``sha256:…``; empty for a commit, which names its content by itself.
    """

    source: str
    hash: str


def pin(given: str | None, service: Path) -> Pin:
    """Return the pin for what `--from` gives, by default for what this very installation came from.

    Args:
        given: a wheel's path or URL (with `#sha256=…`), or `git+URL[@REVISION]`, or a checkout.
        service: the folder, to which a path is relative.

    Raises:
        PinError: there is no such thing, or it has no hash.
    """
    origin = given or _installed_from()
    url = urlsplit(origin.removeprefix("git+"))
    if url.password or (url.username and url.scheme != "ssh"):
        raise PinError(
            "--from: leave user and password out of the URL; git and uv have their own places for them."
        )
    if origin.startswith("git+"):
        return _of_git(origin.removeprefix("git+"))
    if url.scheme in {"http", "https"}:
        return _of_url(origin)
    path = Path(unquote(url.path) if url.scheme == "file" else origin).expanduser().resolve()
    if path.is_dir():
        return _of_git(path.as_uri())
    if not path.is_file() or not _WHEEL.fullmatch(path.name):
        raise PinError(f"--from {origin}: there is no such wheel, git URL (git+https://…) or checkout.")
    found = f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"
    wanted = _HASH.search(url.fragment)
    if wanted and found != f"sha256:{wanted[1]}":
        raise PinError(f"--from {path}: its hash is not the one behind #sha256=.")
    relative = path.relative_to(service, walk_up=True).as_posix()
    return Pin(f"{{ path = {json.dumps(relative)} }}", found)


def _of_url(origin: str) -> Pin:
    url, _, fragment = origin.partition("#")
    found = _HASH.search(fragment)
    if found is None:
        raise PinError(f"--from {url}: add the hash of the wheel, {url}#sha256=….")
    return Pin(f"{{ url = {json.dumps(url)} }}", f"sha256:{found[1]}")


def _of_git(origin: str) -> Pin:
    url, separator, revision = origin.rpartition("@")
    if not separator or "/" in revision:
        url, revision = origin, "HEAD"
    commit = revision if _COMMIT.fullmatch(revision) else _commit(url, revision)
    return Pin(f"{{ git = {json.dumps(url)}, rev = {json.dumps(commit)} }}", "")


def _commit(url: str, revision: str) -> str:
    """Ask a repository which commit a branch or tag is at."""
    command = ["git", "ls-remote", "--exit-code", "--", url, revision, f"{revision}^{{}}"]
    try:
        asked = subprocess.run(command, capture_output=True, text=True, timeout=GIT_TIMEOUT, check=False)
    except (OSError, subprocess.TimeoutExpired):
        raise PinError(
            f"--from {url}: git cannot be run, or does not respond; give a commit: @<40 digits>."
        ) from None
    lines = asked.stdout.split("\n")
    if asked.returncode or not _COMMIT.fullmatch(lines[0].partition("\t")[0]):
        raise PinError(f"--from {url}: there is no repository, or no revision {revision} in it.")
    peeled = [line for line in lines if line.endswith("^{}")]  # the commit of an annotated tag
    return (peeled or lines)[0].partition("\t")[0]


def _installed_from() -> str:
    """Return where this installation came from (PEP 610).

    Raises:
        PinError: from an index, where nobody has published the product yet.
    """
    told = json.loads(distribution(NAME).read_text("direct_url.json") or "{}")
    url = str(told.get("url", ""))
    if "vcs_info" in told:
        return f"git+{url}@{told['vcs_info'].get('commit_id', 'HEAD')}"
    if not url:
        raise PinError(f"Say where {NAME} comes from: --from WHEEL or --from git+https://….")
    known = told.get("archive_info", {}).get("hashes", {}).get("sha256", "")
    return f"{url}#sha256={known}" if known else url
