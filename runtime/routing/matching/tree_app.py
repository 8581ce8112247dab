"""Litestar with the tree of functions in front of it."""

from collections.abc import Coroutine
from typing import Any

from litestar import Litestar
from litestar.handlers import HTTPRouteHandler
from litestar.plugins import PluginProtocol
from litestar.plugins.core import MsgspecDIPlugin

from runtime.routing.matching.tree import FunctionTree
from shared.errors import NotFound


class TreeApp(Litestar):
    """Litestar, whose `__call__` asks the tree of functions first and hands everything else to Litestar.

    A function is called at once: Litestar's own request cycle would cost more than all of a small request
    (docs/adr/0130-litestar-behind-the-tree.md). What is raised in front of Litestar is raised.

    Args:
        tree: of the functions.
        options: those of `Litestar`.

    Attributes:
        tree: may be replaced while requests run; they finish on the one that they have.
    """

    def __init__(self, tree: FunctionTree, **options: Any) -> None:
        super().__init__(
            openapi_config=None, logging_config=None, debug=False, pdb_on_exception=False, **options
        )
        self.tree = tree
        # What Litestar's `Request` asks about a body; the gate has limited it before.
        self._function = HTTPRouteHandler(http_method="GET", request_max_body_size=None)(_function)

    def __call__(self, scope: Any, receive: Any, send: Any) -> Coroutine[Any, Any, None]:
        """Serve one request, or what else a server asks for.

        Raises:
            MethodNotAllowed: the functions of this path have other methods.
            NotFound: nothing has this path.
        """
        if scope["type"] == "http":
            app = self.tree.route(scope)
            if app is not None:
                scope["app"] = scope["litestar_app"] = self
                scope["route_handler"] = self._function
                scope.setdefault("state", {})
                return app(scope, receive, send)  # type: ignore[return-value]  # ours are coroutines
            if not self.routes:
                raise NotFound("route")
        return super().__call__(scope, receive, send)


class BareTreeApp(TreeApp):
    """A tree with nothing of a team's own behind it.

    Litestar's default plugins would import pydantic and attrs where they are installed, 10 MB and a tenth
    of a start, for nothing. Should Litestar rename the method, a start costs that and is right all the same.
    """

    @staticmethod
    def _get_default_plugins(plugins: list[PluginProtocol]) -> list[PluginProtocol]:
        return [*plugins, MsgspecDIPlugin()]


async def _function() -> None:
    """Stand for every function; it is never called."""
