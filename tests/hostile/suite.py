"""Serves hostile files beside healthy ones by a real `annex serve`; what the neighbours answer is judged."""

import contextlib
import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import httpx

from tests.fixtures.routing import write_tree
from tests.fixtures.service import Service, annex
from tests.hostile.case import Case

STARTUP = 300.0  # seconds for all of them to be tried and imported on a busy machine
RECOVERY = 10.0  # seconds within which the neighbours answer again
OWN = 10.0  # seconds within which a hostile call is answered, or given up

_GET = """from runtime import Function

config = Function(public=True, timeout=3)


{keyword} get({given}) -> str:
    \"\"\"Answer.\"\"\"
    return "well"
"""
_TYPED = """from msgspec import Struct

from runtime import Function

config = Function(public=True, timeout=3)


class Item(Struct):
    \"\"\"One.\"\"\"

    text: str


async def get() -> Item:
    \"\"\"Answer.\"\"\"
    return Item("well")
"""
HEALTHY = {
    "healthy.py": _GET.format(keyword="async def", given=""),
    "plain.py": _GET.format(keyword="def", given=""),
    "items/[symbol].py": _GET.format(keyword="async def", given="symbol: str"),
    "types/first.py": _TYPED,
    "reports/index.py": "import time\n"
    + _GET.format(keyword="def", given="")
    .replace("    return", "    time.sleep(0.2)\n    return")
    .replace("timeout=3", "timeout=30"),  # whether it is lost is judged, and not the speed of a busy machine
}
NEIGHBOURS = ("/healthy", "/plain", "/items/x", "/types/first")
UNLISTED = "policy/unlisted"


class Verdict(NamedTuple):
    """What became of one case; `why` is empty where it held."""

    case: Case
    why: str


class Suite:
    """Runs cases.

    Args:
        folder: for functions and logs.
        environment: of a service in production, without its functions.
    """

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self._folder = folder
        self._environment = environment

    def together(self, cases: list[Case]) -> list[Verdict]:
        """Serve all at once: what matters is what they do when they are read and imported."""
        with self._served(cases) as service:
            well = _neighbours(service)
            return [Verdict(case, well or _own(service, case)) for case in cases]

    def one_by_one(self, cases: list[Case]) -> Iterator[Verdict]:
        """Call each once, while a neighbour's call is under way; a service that is gone is started again."""
        left = list(cases)
        while left:
            with self._served(cases) as service:
                while left:
                    case = left.pop(0)
                    yield Verdict(case, _called(service, case))
                    if service.process.poll() is not None or _wrong(service, NEIGHBOURS[0]):
                        break

    @contextlib.contextmanager
    def _served(self, cases: Iterable[Case]) -> Iterator[Service]:
        number = len(list(self._folder.iterdir())) if self._folder.exists() else 0
        project = self._folder / str(number)
        functions = project / "functions"
        write_tree(functions, HEALTHY)
        for case in cases:
            case.write(functions)
        names = [*(f"GET /{name.removesuffix('.py')}  {name}" for name in HEALTHY)]
        names += [f"GET /{case.name}  {case.name}.py" for case in cases if case.name != UNLISTED]
        names = [name.replace("[symbol]", "{symbol}", 1).replace("/index ", " ", 1) for name in names]
        write_tree(functions, {"public.lock": "\n".join(sorted(names)) + "\n"})
        settings = {**self._environment, "ANNEX_FUNCTIONS": str(functions)}
        with contextlib.ExitStack() as stack:
            running = annex("serve", project, settings, wait=False)
            service = running.__enter__()
            stack.callback(_end, service)
            _wait(service)
            yield service


def table(verdicts: Iterable[Verdict], expected_after: frozenset[str]) -> str:
    """Return a line for each class: cases, held, expected to hold later, not held; and each that did not."""
    by_kind: dict[str, list[Verdict]] = defaultdict(list)
    for verdict in verdicts:
        by_kind[verdict.case.kind].append(verdict)
    lines = [f"{'class':<14}{'cases':>7}{'held':>7}{'later':>7}{'not':>7}"]
    rows = [*sorted(by_kind.items()), ("all", [each for some in by_kind.values() for each in some])]
    for kind, found in rows:
        failed = [each for each in found if each.why]
        later = [each for each in failed if each.case.name in expected_after]
        counts = (len(found), len(found) - len(failed), len(later), len(failed) - len(later))
        lines.append(f"{kind:<14}" + "".join(f"{count:>7}" for count in counts))
    lines += [f"{each.case.name}: {each.why}" for _, found in rows[:-1] for each in found if each.why]
    return "\n".join(lines)


def _wait(service: Service) -> None:
    until = time.monotonic() + STARTUP
    while time.monotonic() < until and service.process.poll() is None:
        with contextlib.suppress(httpx.TransportError):
            httpx.get(f"{service.url}/health/live", timeout=2)
            return
        time.sleep(0.05)
    raise AssertionError(f"the service did not come up:\n{service.log[-4000:]}")


def _end(service: Service) -> None:
    service.process.kill()
    service.process.wait()


def _neighbours(service: Service) -> str:
    """Return what is wrong with the neighbours, after they had time to recover."""
    until = time.monotonic() + RECOVERY
    wrong = "."
    while wrong and time.monotonic() < until:
        wrong = next(filter(None, (_wrong(service, path) for path in NEIGHBOURS)), "")
        if wrong and service.process.poll() is not None:
            return f"the service ended with {service.process.poll()}"
        if wrong:
            time.sleep(0.1)
    return wrong


def _wrong(service: Service, path: str) -> str:
    try:
        answer = httpx.get(f"{service.url}{path}", timeout=3)
    except httpx.TransportError as error:
        return f"{path}: {type(error).__name__}"
    is_well = answer.status_code == 200 and "well" in answer.text
    return "" if is_well else f"{path} answered {answer.status_code} {answer.text[:80]}"


def _own(service: Service, case: Case) -> str:
    """Return what is wrong with the answers of the file itself."""
    if not case.own:
        return ""
    answer = None
    for _ in range(2 if case.leaks else 1):
        try:
            answer = httpx.get(f"{service.url}/{case.name}", timeout=OWN)
        except httpx.TransportError as error:
            return f"it answered with {type(error).__name__}"
    assert answer is not None
    if answer.status_code not in case.own:
        return f"it answered {answer.status_code}, not {sorted(case.own)}"
    if "secret-hash" in answer.text or (case.leaks and answer.text.count("leaked") > 1):
        return f"it answered {answer.text[:80]}"
    return ""


def _called(service: Service, case: Case) -> str:
    statuses: list[int] = []

    def neighbour() -> None:
        try:
            statuses.append(httpx.get(f"{service.url}/reports", timeout=30).status_code)
        except httpx.TransportError:
            statuses.append(0)

    under_way = threading.Thread(target=neighbour)
    under_way.start()
    time.sleep(0.05)
    status = 0
    with (
        contextlib.suppress(httpx.TransportError),
        httpx.stream("GET", f"{service.url}/{case.name}", timeout=OWN) as answer,
    ):
        status = answer.status_code
        if answer.headers.get("content-type", "").startswith("text/event-stream"):
            next(answer.iter_raw(), b"")
    under_way.join()
    if wrong := _neighbours(service):
        return wrong
    if statuses != [200] and not case.costs_worker:
        return f"a neighbour's call under way was answered {statuses}"
    if case.own and status not in case.own:
        return f"it answered {status}, not {sorted(case.own)}"
    return ""
