"""What the Dockerfile of a service would do at the platform."""

import json
import re
import tomllib
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from runtime.commands.checking.deploy.packages import accepts
from runtime.commands.finding import Finding

NEEDED = ("pyproject.toml", "uv.lock", "functions")


def examine_dockerfile(root: Path) -> Iterator[Finding]:
    """Yield findings about the Dockerfile and its context."""
    found = next((each.name for each in root.iterdir() if each.name.lower() == "dockerfile"), None)
    if found is None:
        yield Finding("image", "no Dockerfile: Railpack builds the service")
        return
    if found != "Dockerfile":
        yield Finding("image", f"{found} is not found by the platform: name it Dockerfile", is_fault=True)
        return
    text = (root / found).read_text("utf-8").replace("\\\n", " ")
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.strip().startswith("#")]
    yield from _start(lines)
    yield from _base(root, lines)
    yield from _context(root, lines)
    if not any(line.upper().startswith("USER ") for line in lines):
        yield Finding("image", "the Dockerfile has no USER: the service runs as root", is_doubt=True)


def start_fault(command: str) -> str:
    """Return what is wrong with a command line that is to start the service; empty where nothing is."""
    if not re.search(r"\bannex\s+serve\b", command):
        return "it does not run `annex serve`"
    if re.search(r"\bPORT=\d", command):
        return "it sets PORT, and the platform asks at the port that it has given"
    if re.search(r"\b(?:ba|da|z)?sh\b.*-c", command) and "exec " not in command:
        return "its shell does not `exec`, and keeps SIGTERM for itself"
    return ""


def _start(lines: list[str]) -> Iterator[Finding]:
    commands = [line for line in lines if re.match(r"(?:CMD|ENTRYPOINT)\s", line, re.IGNORECASE)]
    if not commands:
        yield Finding("image", 'the Dockerfile has no CMD: add CMD ["annex", "serve"]', is_fault=True)
        return
    told = commands[-1].split(maxsplit=1)[1]
    words = _words(told)
    last = {line.split()[0].upper(): _words(line.split(maxsplit=1)[1]) for line in commands}
    if words and (entry := last.get("ENTRYPOINT")) and "CMD" in last:
        words = [*entry, *(last["CMD"] or ())]
    problem = start_fault(" ".join(words) if words else told)
    if not problem and words is None and not told.startswith("exec "):
        problem = "it has the shell form, and the shell keeps SIGTERM for itself"
    if problem:
        yield Finding("image", f'CMD: {problem}. Write CMD ["annex", "serve"].', is_fault=True)
    else:
        yield Finding("image", "CMD starts the service")
    if any(re.search(r"\bHOST=(?:127\.|localhost|::1)", line) for line in lines):
        yield Finding(
            "image", "HOST names this container alone: nobody reaches it; leave it out", is_fault=True
        )


def _words(told: str) -> list[str] | None:
    """Return the words of an instruction in JSON form, None where it has the shell form."""
    try:
        found = json.loads(told)
    except ValueError:
        return None
    return [str(each) for each in found] if isinstance(found, list) else None


def _base(root: Path, lines: list[str]) -> Iterator[Finding]:
    arguments = dict(re.findall(r"^ARG\s+(\w+)=(\S+)", "\n".join(lines), re.MULTILINE | re.IGNORECASE))
    stages: dict[str, str] = {}
    images: list[str] = []
    for line in lines:
        if stage := re.match(r"FROM\s+(?:--\S+\s+)*(\S+)(?:\s+AS\s+(\S+))?", line, re.IGNORECASE):
            image = re.sub(r"\$\{?(\w+)\}?", lambda name: arguments.get(name[1], ""), stage[1])
            images.append(stages.get(image, image))
            stages[str(stage[2])] = images[-1]
    project = root / "pyproject.toml"
    wanted = tomllib.loads(project.read_text("utf-8")).get("project", {}) if project.is_file() else {}
    for image in images[-1:]:
        python = re.search(r"python:(\d+\.\d+)", image)
        if python and not accepts(wanted.get("requires-python", ""), python[1]):
            text = f"the base has Python {python[1]}, pyproject.toml requires {wanted['requires-python']}"
            yield Finding("image", f"{text}: take another base", is_fault=True)
        if "@sha256:" not in image:
            text = f"the base {image} has no digest: a rebuild can be another image"
            yield Finding("image", text, is_doubt=True)


def _context(root: Path, lines: list[str]) -> Iterator[Finding]:
    """Find what the build needs and does not get, or gets and should not."""
    file = root / ".dockerignore"
    rules = file.read_text("utf-8").splitlines() if file.is_file() else []
    copied = [
        source
        for line in lines
        if re.match(r"(?:COPY|ADD)\s", line, re.IGNORECASE) and "--from=" not in line
        for source in _sources(line)
    ]
    sources = {str(PurePosixPath(source.lstrip("/"))) for source in copied}
    everything = "." in sources
    for name in NEEDED if everything else sorted(sources):
        if "*" not in name and is_ignored(name, rules) and (root / name).exists():
            text = f".dockerignore leaves out {name}, which the Dockerfile copies: add !{name}"
            yield Finding("image", text, is_fault=True)
        elif "*" not in name and not (root / name).exists():
            yield Finding("image", f"{name} is not here, and the Dockerfile copies it", is_fault=True)
    if not everything and not any(each.startswith("functions") for each in sources):
        yield Finding("image", "the Dockerfile does not copy functions/", is_fault=True)
    is_removed = any(re.search(r"\brm\b.*\s\.env\b", line) for line in lines)
    for name in (".env", ".env.local"):
        if everything and (root / name).exists() and not is_removed and not is_ignored(name, rules):
            text = f"{name} would be in the image with its secrets: add it to .dockerignore"
            yield Finding("image", text, is_fault=True)


def _sources(line: str) -> list[str]:
    """Return the files of the build's context that an instruction copies, as far as its text tells."""
    told = re.sub(r"^\S+\s+(?:--\S+\s+)*", "", line)
    words = _words(told) or told.split()
    return [word for word in words[:-1] if "://" not in word and "$" not in word and "<<" not in word]


def is_ignored(path: str, rules: list[str]) -> bool:
    """Whether `.dockerignore` leaves out `path`; the last rule that matches decides."""
    ignored = False
    for line in rules:
        rule = line.strip()
        if not rule or rule.startswith("#"):
            continue
        pattern = rule.removeprefix("!").strip("/").removeprefix("**/")
        places = [str(each) for each in (PurePosixPath(path), *PurePosixPath(path).parents)]
        if any(fnmatchcase(place, pattern) for place in places if place != "."):
            ignored = not rule.startswith("!")
    return ignored
