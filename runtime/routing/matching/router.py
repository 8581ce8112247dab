"""Litestar with a router that serves every legal tree.

The stock router does not look back: with `users/me/[k]` beside `users/[id]`, `/users/me` is a 404, and a
catch-all beside a deeper folder loses its URLs. Here the search goes on where the stock one gives up:
per segment static, then dynamic, then catch-all. Apart from that an encoded slash stays inside its
segment, OPTIONS is answered for every route, and the trie is built once rather than once for each
handler, so that start-up grows with the number of functions and not with its square. A matched function is
called at once, without the layers that would read, answer and clean up for it (docs/adr/0090).
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from copy import copy
from typing import Any, cast
from urllib.parse import unquote

from litestar import Litestar
from litestar._asgi.asgi_router import ASGIRouter
from litestar._asgi.routing_trie.types import ASGIHandlerTuple, PathParameterSentinel, RouteTrieNode
from litestar.exceptions import MethodNotAllowedException, NotFoundException
from litestar.handlers import HTTPRouteHandler
from litestar.plugins import PluginProtocol
from litestar.plugins.core import MsgspecDIPlugin
from litestar.routes import HTTPRoute
from litestar.utils import normalize_path

from runtime.asgi.messages import ASGIApp, Receive, Scope, Send
from runtime.config import Endpoint

type Middleware = Callable[[ASGIApp], ASGIApp]
type MiddlewareOf = Callable[[Endpoint], Middleware]

# What Python calls the byte "/" when it is data and no separator; no decoded path contains it otherwise.
SLASH = "\udc2f"
DIRECT = "direct"  # key in a handler's `opt`: the ASGI application that serves it


class TreeApp(Litestar):
    """Litestar, routed by `TreeRouter`. It answers no error: what is raised inside is raised.

    Args:
        route_handlers: taken in at once; `Litestar.register` goes through all earlier ones for each. The app
            that a handler carries as ``opt[DIRECT]`` is called instead of it.
        middleware_of: returns what stands in front of an endpoint's handler.
        options: those of `Litestar`, without middleware and exception handlers.
    """

    def __init__(
        self,
        route_handlers: Sequence[HTTPRouteHandler],
        *,
        middleware_of: MiddlewareOf = lambda _: lambda app: app,
        **options: Any,
    ) -> None:
        super().__init__((), **options)
        by_path: dict[str, list[HTTPRouteHandler]] = defaultdict(list)
        for handler in route_handlers:
            for path in handler.paths:
                by_path[path].append(copy(handler))
        for path, handlers in by_path.items():
            self._add(path, handlers)
        self.asgi_router.construct_routing_trie()
        _put_in_front(middleware_of, self.asgi_router.root_route_map_node)

    @staticmethod
    def _get_default_plugins(plugins: list[PluginProtocol]) -> list[PluginProtocol]:
        """Leave out those for pydantic and attrs, which would import both and serve none of our types."""
        return [*plugins, MsgspecDIPlugin()]

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one request, or what else a server asks for."""
        if scope["type"] != "http":
            return await super().__call__(scope, receive, send)
        scope["app"] = scope["litestar_app"] = self
        scope.setdefault("state", {})
        return await self._tree_router.match(scope)(scope, receive, send)

    @property
    def asgi_router(self) -> ASGIRouter:
        """The router, put in place of the stock one as soon as that is set."""
        return self._tree_router

    @asgi_router.setter
    def asgi_router(self, _stock: ASGIRouter) -> None:
        self._tree_router = TreeRouter(self)

    def _add(self, path: str, handlers: list[HTTPRouteHandler]) -> None:
        for handler in handlers:
            handler.owner = self
        route = HTTPRoute(path=path, route_handlers=handlers)
        self.routes.append(route)
        for handler in route.route_handlers:
            handler.on_registration(self)
        route.create_handler_map()


class TreeRouter(ASGIRouter):
    """Looks back; see the module."""

    def match(self, scope: Scope) -> ASGIApp:
        """Return the app of a request's route; what else is known of the route is put into the scope.

        Raises:
            NotFoundException: no route has this path.
            MethodNotAllowedException: the route has other methods; `Allow` lists them.
        """
        path: str = scope["path"]
        raw: bytes = scope.get("raw_path") or b""
        if b"%2" in raw:
            path = _keeping_slashes(path, raw)
        if root := scope.get("root_path"):
            path = path.split(root, maxsplit=1)[-1]
        found: Any = self.handle_routing(path, scope["method"])
        app: ASGIApp
        app, scope["route_handler"], scope["path"], scope["path_params"], scope["path_template"] = found
        return app

    def _handle_routing(self, path: str, method: Any) -> Any:
        """Return ASGI app, handler, path, path values and template; the caller caches it."""
        path = normalize_path(path)
        decoded = path.replace(SLASH, "/")
        values: tuple[str, ...] = ()
        if path in self._plain_routes:
            node = self.root_route_map_node.children[path]
        else:
            segments = [segment for segment in path.split("/") if segment]
            found = None if is_refused(decoded) else _search(self.root_route_map_node, segments, 0, ())
            if found is None:
                raise NotFoundException
            node, values = found
        app, handler = _choose(node, method)
        names = node.path_parameters.get(method, ()) or next(iter(node.path_parameters.values()), ())
        params = {name.name: value.replace(SLASH, "/") for name, value in zip(names, values, strict=True)}
        return app, handler, decoded, params, node.path_template


def _keeping_slashes(path: str, raw: bytes) -> str:
    """Decode a path anew, its encoded slashes as `SLASH`."""
    text = raw.partition(b"?")[0].decode("latin-1")  # some clients leave the query in
    if unquote(text) != path:  # somebody outside has rewritten the path
        return path
    return unquote(text.replace("%2F", SLASH).replace("%2f", SLASH))


def _put_in_front(middleware_of: MiddlewareOf, node: RouteTrieNode) -> None:
    for method, (_, handler) in node.asgi_handlers.items():
        if DIRECT in handler.opt:  # not Litestar's own answer to OPTIONS, which is never called
            app = middleware_of(handler.opt["endpoint"])(handler.opt[DIRECT])
            node.asgi_handlers[method] = ASGIHandlerTuple(cast("Any", app), handler)
    for child in node.children.values():
        _put_in_front(middleware_of, child)


def is_refused(path: str) -> bool:
    """Say whether a path has what no route has: dot segments, which proxies resolve, and NUL."""
    return "\x00" in path or ("/." in path and not {".", ".."}.isdisjoint(path.split("/")))


def _search(
    node: RouteTrieNode, segments: list[str], depth: int, values: tuple[str, ...]
) -> tuple[RouteTrieNode, tuple[str, ...]] | None:
    """Walk the trie, the more exact child first. It is a tree, so no node is visited twice."""
    if depth == len(segments):
        return (node, values) if node.asgi_handlers and not node.is_path_type else None
    segment = segments[depth]
    child = node.children.get(segment)
    if child is not None and (found := _search(child, segments, depth + 1, values)):
        return found
    child = node.children.get(PathParameterSentinel)
    if child is None:
        return None
    if child.is_path_type:
        # A value that begins with a slash would be an absolute path to whoever joins it to a folder.
        return None if segment.startswith(SLASH) else (child, (*values, "/".join(segments[depth:])))
    return _search(child, segments, depth + 1, (*values, segment))


def _choose(node: RouteTrieNode, method: Any) -> tuple[Any, Any]:
    """Return the app and handler of a method.

    Raises:
        MethodNotAllowedException: the route has others; `Allow` lists them.
    """
    if node.is_asgi:
        return node.asgi_handlers["asgi"]
    methods = set(node.asgi_handlers) | ({"HEAD"} if "GET" in node.asgi_handlers else set())
    allow = ", ".join(sorted(methods))
    if method == "OPTIONS":
        return _options(allow), node.asgi_handlers["OPTIONS"].handler
    if method not in node.asgi_handlers:
        raise MethodNotAllowedException(headers={"Allow": allow})
    return node.asgi_handlers[method]


def _options(allow: str) -> ASGIApp:
    async def answer(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001  an ASGI app's shape
        await send({"type": "http.response.start", "status": 204, "headers": [(b"allow", allow.encode())]})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    return answer
