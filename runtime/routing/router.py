"""Litestar with a router that serves every legal tree.

The stock router does not look back: with `users/me/[k]` beside `users/[id]`, `/users/me` is a 404, and a
catch-all beside a deeper folder loses its URLs. Here the search goes on where the stock one gives up:
per segment static, then dynamic, then catch-all. Apart from that an encoded slash stays inside its
segment, OPTIONS is answered for every route, and the trie is built once rather than once for each
handler, so that start-up grows with the number of functions and not with its square.
"""

from collections import defaultdict
from collections.abc import Sequence
from copy import copy
from typing import Any
from urllib.parse import unquote

from litestar import Litestar
from litestar._asgi.asgi_router import ASGIRouter
from litestar._asgi.routing_trie.types import PathParameterSentinel, RouteTrieNode
from litestar.exceptions import MethodNotAllowedException, NotFoundException
from litestar.handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute

from runtime.asgi import ASGIApp, Receive, Scope, Send

# What Python calls the byte "/" when it is data and no separator; no decoded path contains it otherwise.
SLASH = "\udc2f"
DIRECT = "direct"  # key in a handler's `opt`


class TreeApp(Litestar):
    """Litestar, routed by `TreeRouter`.

    Args:
        route_handlers: taken in at once; `Litestar.register` goes through all earlier ones for each.
        options: as of `Litestar`.
    """

    def __init__(self, route_handlers: Sequence[HTTPRouteHandler], **options: Any) -> None:
        super().__init__((), **options)
        by_path: dict[str, list[HTTPRouteHandler]] = defaultdict(list)
        for handler in route_handlers:
            for path in handler.paths:
                by_path[path].append(copy(handler))
        for path, handlers in by_path.items():
            self._add(path, handlers)
        self.asgi_router.construct_routing_trie()

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
        route = DirectRoute(path=path, route_handlers=handlers)
        self.routes.append(route)
        for handler in route.route_handlers:
            handler.on_registration(self)
        route.create_handler_map()


class DirectRoute(HTTPRoute):
    """A route whose handlers may carry an ASGI application in `opt`, which is then called straight away.

    Litestar's own way to a handler makes a request, looks for guards and hooks, and makes a response: a third
    of the time that a small function takes, for nothing that functions use.
    """

    async def handle(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request."""
        handler, _ = self.route_handler_map[scope["method"]]
        app = handler.opt.get(DIRECT)
        if app is None:
            await super().handle(scope, receive, send)
        else:
            await app(scope, receive, send)


class TreeRouter(ASGIRouter):
    """Looks back; see the module."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Route one request."""
        raw: bytes = (scope.get("raw_path") or b"").partition(b"?")[0]  # some clients leave the query in
        if b"%2f" in raw or b"%2F" in raw:
            text = raw.decode("latin-1")
            if unquote(text) == scope["path"]:  # nobody outside has rewritten the path
                scope["path"] = unquote(text.replace("%2F", SLASH).replace("%2f", SLASH))
        await super().__call__(scope, receive, send)

    def _handle_routing(self, path: str, method: Any) -> Any:
        """Return ASGI app, handler, path, path values and template; the caller caches it."""
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


def is_refused(path: str) -> bool:
    """Say whether a path holds what no URL of ours does: dot segments, which proxies resolve, and NUL."""
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
        return child, (*values, "/".join(segments[depth:]))
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
    async def answer(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001
        await send({"type": "http.response.start", "status": 204, "headers": [(b"allow", allow.encode())]})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    return answer
