"""The goals of performance: each one ratio of two figures of one run, and its bound."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from benchmarks.servers import OURS


class Goal(NamedTuple):
    """`case`'s figure of ours and of `peer`, or of ours in `case` and in `of`.

    Attributes:
        bound: of the ratio.
        figure: which one; less of each is better.
        is_cost: the ratio is ours by theirs, and at most `bound`; else how many times faster ours is, and at least.
    """

    name: str
    case: str
    bound: float
    peer: str = OURS
    of: str = ""
    figure: str = "spent"
    is_cost: bool = False

    @property
    def wanted(self) -> str:
        """The bound in words."""
        return f"{'at most' if self.is_cost else 'at least'} {self.bound:.2f} x"

    def ratio(self, results: Mapping[str, Mapping[str, Any]]) -> float | None:
        """Return what was measured, None when one of both was not."""
        try:
            ours = getattr(results[self.case][OURS], self.figure)
            theirs = getattr(results[self.of or self.case][self.peer], self.figure)
        except KeyError:
            return None
        return float(ours / theirs if self.is_cost else theirs / ours)

    def is_met(self, ratio: float) -> bool:
        return ratio <= self.bound if self.is_cost else ratio >= self.bound


GOALS = (
    Goal("GET, of bare FastAPI", "get", 1.0, "fastapi_bare"),
    Goal("POST, of bare FastAPI", "post", 1.0, "fastapi_bare"),
    Goal("GET, of the FastAPI stack", "get", 6.0, "fastapi_stack"),
    Goal("POST, of the FastAPI stack", "post", 6.0, "fastapi_stack"),
    Goal("GET, of bare Litestar", "get", 0.6, "litestar_bare"),
    Goal("POST, of bare Litestar", "post", 0.6, "litestar_bare"),
    Goal("query by key, of the FastAPI stack", "database, by key", 3.0, "fastapi_stack"),
    Goal("cost of a 401, of a GET", "no token", 1.0, of="get", is_cost=True),
    Goal("cost with 200 functions more", "get, 200 functions", 1.05, of="get", is_cost=True),
    Goal("cost with 2,000 functions more", "get, 2000 functions", 1.05, of="get", is_cost=True),
    Goal("memory under load, of the stack", "get", 1.0, "fastapi_stack", figure="resident", is_cost=True),
    Goal("start-up, of the stack", "get", 1.0, "fastapi_stack", figure="start_cpu", is_cost=True),
)
