"""What must hold for every route, whoever adds it: asked of a small service and of random trees."""

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from runtime.app import Application, create_app
from runtime.config import Endpoint
from runtime.settings import load
from runtime.telemetry import Telemetry
from tests.fixtures.app import ORIGIN
from tests.fixtures.clerk import Issuer
from tests.fixtures.routing import write_tree


class Service:
    """A running service and the spans it ends."""

    def __init__(
        self, application: Application, http: httpx.AsyncClient, spans: InMemorySpanExporter
    ) -> None:
        self.application = application
        self.http = http
        self.spans = spans

    def private(self) -> list[Endpoint]:
        return [
            each
            for each in self.application.table.endpoints
            if not each.policy.public and not each.policy.webhook
        ]


@asynccontextmanager
async def running(functions: Path, issuer: Issuer) -> AsyncIterator[Service]:
    configured = load(
        {
            "ANNEX_ENV": "test",
            "CLERK_JWT_KEY": issuer.pem,
            "CORS_ORIGINS": ORIGIN,
            "ANNEX_FUNCTIONS": str(functions),
            "ANNEX_MAX_CONCURRENCY": "50",
        }
    )
    spans = InMemorySpanExporter()
    telemetry = Telemetry.start(configured, processors=[SimpleSpanProcessor(spans)])
    application = create_app(configured, telemetry=telemetry)
    transport = httpx.ASGITransport(application)
    async with application.running(), httpx.AsyncClient(transport=transport, base_url="http://annex") as http:
        yield Service(application, http, spans)


def url(endpoint: Endpoint) -> str:
    return "/".join("x-1" if part.startswith("{") else part for part in endpoint.template.split("/")) or "/"


async def refusals(service: Service, token: str | None) -> dict[str, tuple[int, str]]:
    """Call every private route and return what it answers."""
    headers = {"Origin": ORIGIN, **({"Authorization": f"Bearer {token}"} if token else {})}
    answers = {}
    for endpoint in service.private():
        answer = await service.http.request(endpoint.method, url(endpoint), headers=headers)
        allowed = answer.headers.get("access-control-allow-origin", "")
        answers[f"{endpoint.method} {endpoint.template}"] = (answer.status_code, allowed)
    return answers


async def check(service: Service, issuer: Issuer, foreign_issuer: Issuer) -> None:
    for token in (None, foreign_issuer.token(), issuer.token(exp=1), "no.token.at-all"):
        answers = await refusals(service, token)
        assert answers == dict.fromkeys(answers, (401, ORIGIN))
    names = {span.name for span in service.spans.get_finished_spans()}
    assert {f"{each.method} {each.template}" for each in service.private()} <= names
    assert not [name for name in names if "x-1" in name]
    for endpoint in service.application.table.endpoints:
        preflight = await service.http.options(
            url(endpoint), headers={"Origin": ORIGIN, "Access-Control-Request-Method": endpoint.method}
        )
        assert preflight.status_code in {200, 204}, endpoint
        assert endpoint.method in preflight.headers["access-control-allow-methods"], endpoint


async def test_every_route_is_closed_answers_preflight_and_is_named_by_its_template(
    served_functions: Path, issuer: Issuer, foreign_issuer: Issuer
) -> None:
    async with running(served_functions, issuer) as service:
        assert len(service.private()) > 4
        await check(service, issuer, foreign_issuer)


HANDLER = "async def {method}({inputs}) -> str:\n    return 'inside'\n"
CONFIGS = st.sampled_from(
    ["", "timeout=5", "permission='org:signals:read'", "org=True", "rate_limit='1/day'"]
)
BROKEN = st.sampled_from(["", "", "import nowhere\n", "def broken(:\n", "1 / 0\n", "raise SystemExit\n"])


@st.composite
def trees(draw: st.DrawFn) -> dict[str, str]:
    """Private functions, some of them broken in one way or another."""
    files = {}
    names = ["a", "b/[key]", "b/c", "[...rest]", "(g)/d/[key]/e", "index", "m/[class]"]
    for name in draw(st.lists(st.sampled_from(names), min_size=1, unique=True)):
        method = draw(st.sampled_from(["get", "post", "delete"]))
        inputs = "key: str" if "[key]" in name else "rest: str" if "rest" in name else ""
        config = f"from runtime import Function\nconfig = Function({draw(CONFIGS)})\n"
        files[f"{name}.py"] = config + draw(BROKEN) + HANDLER.format(method=method, inputs=inputs)
    return files


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tree=trees())
async def test_every_route_of_any_tree_is_closed_broken_ones_too(
    issuer: Issuer, foreign_issuer: Issuer, tree: dict[str, str]
) -> None:
    with tempfile.TemporaryDirectory(prefix="annex-tree-") as folder:
        write_tree(Path(folder), tree)
        async with running(Path(folder), issuer) as service:
            await check(service, issuer, foreign_issuer)


@pytest.mark.parametrize("strict", ["true", "false"])
async def test_broken_file_costs_its_own_route_alone(
    tmp_path: Path, issuer: Issuer, caplog: pytest.LogCaptureFixture, strict: str
) -> None:
    handler = "async def get() -> str:\n    return 'ok'\n"
    good = f"from runtime import Function\nconfig = Function(public=True)\n{handler}"
    write_tree(tmp_path, {"good.py": good, "bad.py": f"import nowhere\n\n{handler}"})
    environment = {"ANNEX_ENV": "test", "CLERK_JWT_KEY": issuer.pem, "ANNEX_FUNCTIONS": str(tmp_path)}
    if strict == "true":
        with pytest.raises(Exception, match=r"bad\.py:1: The import failed: ModuleNotFoundError"):
            create_app(load({**environment, "ANNEX_STRICT": "true"}))
        return

    async with running(tmp_path, issuer) as service:
        served = await service.http.get("/good")
        anonymous = await service.http.get("/bad")
        signed = await service.http.get("/bad", headers={"Authorization": f"Bearer {issuer.token()}"})
        ready = await service.http.get("/health")

    (fault,) = service.application.table.faults
    assert (served.status_code, served.json()) == (200, "ok")
    assert anonymous.status_code == 401
    assert (signed.status_code, signed.json()["code"]) == (503, "function_unavailable")
    assert fault.error_id in signed.json()["detail"]
    assert "nowhere" not in signed.text
    (line,) = [record for record in caplog.records if "quarantined" in record.getMessage()]
    assert (line.function, line.line, line.error_id) == ("bad.py", 1, fault.error_id)  # type: ignore[attr-defined] # our extra
    assert ready.json()["checks"]["functions"]["status"] == "degraded"
