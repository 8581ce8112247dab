"""A list of stages, and how it becomes one application."""

from collections.abc import Callable, Mapping

from runtime.asgi.messages import ASGIApp

type Stage = Callable[[ASGIApp], ASGIApp]
type Stages = Mapping[str, Stage | None]
"""Outermost first, by the names of docs/walk.md; None where a stage is not asked for."""


def fold(stages: Stages, app: ASGIApp) -> ASGIApp:
    """Return `app` with every stage around it."""
    for stage in reversed([*stages.values()]):
        app = stage(app) if stage else app
    return app
