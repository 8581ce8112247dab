"""The metrics of runs: tokens and model calls by the GenAI conventions, and runs by how they ended."""

from opentelemetry import metrics
from opentelemetry.metrics import MeterProvider

# The bucket boundaries of the GenAI conventions.
SECONDS = tuple(0.01 * 2**power for power in range(14))
TOKENS = tuple(4**power for power in range(14))


class Meters:
    """The instruments, made once for all runs.

    Attributes:
        tokens: of one model call, by ``gen_ai.token.type``.
        duration: of one model call, in seconds.
        runs: ended runs, by team and ending.
        active: runs under way.
    """

    def __init__(self, provider: MeterProvider | None = None) -> None:
        meter = metrics.get_meter(__name__, meter_provider=provider)
        self.tokens = meter.create_histogram(
            "gen_ai.client.token.usage", unit="{token}", explicit_bucket_boundaries_advisory=TOKENS
        )
        self.duration = meter.create_histogram(
            "gen_ai.client.operation.duration", unit="s", explicit_bucket_boundaries_advisory=SECONDS
        )
        self.runs = meter.create_counter("annex.agent.runs", unit="{run}")
        self.active = meter.create_up_down_counter("annex.agent.runs.active", unit="{run}")
