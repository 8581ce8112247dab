"""Load on one server by `wrk`: one request over and over on so many connections, each waiting for its answer."""

import json
import subprocess
import tempfile
from collections.abc import Sequence
from typing import NamedTuple

from benchmarks.cases import ORIGIN, Case

LUA = """
answers = {}
function response(status, _, body)
  local key = tostring(status)
  if status >= 400 then key = key .. " " .. (body:match('"code":"([%w_]+)"') or "") end
  answers[key] = (answers[key] or 0) + 1
end
local threads = {}
function setup(thread) table.insert(threads, thread) end
function done(summary, latency)
  local parts = {}
  for _, thread in ipairs(threads) do
    for key, count in pairs(thread:get("answers")) do table.insert(parts, string.format('"%s": %d', key, count)) end
  end
  local failed = summary.errors
  io.write(string.format('RESULT {"speed": %f, "total": %d, "p50": %f, "p99": %f, "errors": %d, "answers": {%s}}\\n',
    summary.requests / summary.duration * 1e6, summary.requests, latency:percentile(50) / 1e3,
    latency:percentile(99) / 1e3, failed.connect + failed.read + failed.write + failed.timeout,
    table.concat(parts, ", ")))
end
"""


class Answers(NamedTuple):
    """What came back.

    Attributes:
        speed: requests a second.
        p50: milliseconds, as all latencies.
        errors: of a connection, and timeouts.
        answers: how many by status, with the problem's code where there is one.
    """

    speed: float
    total: int
    p50: float
    p99: float
    errors: int
    answers: dict[str, int]

    def insist(self, case: Case) -> None:
        """End the program when anything came back but what the case expects.

        Starlette's answer to a preflight has a body, and so is a 200.
        """
        expected = {case.status, 200 if case.status == 204 else case.status}
        wrong = [key for key in self.answers if int(key.split()[0]) not in expected]
        if wrong or self.errors or not self.total:
            raise SystemExit(f"{case.name}: {self.errors} errors, and not only {case.status}: {self.answers}")


def load(
    case: Case, port: int, token: str, *, seconds: float, connections: int, cores: Sequence[int]
) -> Answers:
    """Send requests from these cores for so long, and return what came back."""
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as file:
        file.write(script(case, token))
        file.flush()
        command = [
            "taskset", "-c", ",".join(map(str, cores)), "wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s",
            "--timeout", "20s", "-s", file.name, f"http://127.0.0.1:{port}{case.path}",
        ]  # fmt: skip
        shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return Answers(**json.loads(shown.partition("RESULT ")[2]))


def script(case: Case, token: str) -> str:
    """Return wrk's Lua for a case."""
    headers = {"Origin": ORIGIN, **case.headers}
    if case.signed:
        headers["Authorization"] = f"Bearer {token}"
    fields = [f'wrk.headers["{name}"] = "{value}"' for name, value in headers.items()]
    return "\n".join([f'wrk.method = "{case.method}"', f"wrk.body = {case.body!r}", *fields, LUA])
