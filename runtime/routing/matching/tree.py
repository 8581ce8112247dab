"""The tree of functions: per segment static, then parameter, then catch-all; a search that fails looks back.

Litestar's trie does not look back: with `users/me/[k]` beside `users/[id]`, `/users/me` would be a 404. An
encoded slash stays inside its segment, and OPTIONS is answered for every route.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from urllib.parse import unquote

from runtime.asgi.messages import ASGIApp, Receive, Scope, Send
from runtime.routing.reading.names import Segment
from shared.errors import MethodNotAllowed, NotFound

# What Python calls the byte "/" when it is data and no separator; no decoded path contains it otherwise.
SLASH = "\udc2f"
# Keys of children: a parameter, a catch-all. No URL has such a segment, as NUL is refused.
DYNAMIC, REST = "\x00", "\x00\x00"

CACHED = 1024  # paths and methods that are not looked for again

type Values = tuple[str, ...]


class Method:
    """One method of one URL.

    Attributes:
        segments: the URL.
        method: upper case.
        template: for `scope["path_template"]`.

    Args:
        make: makes what answers.
    """

    __slots__ = ("_app", "_make", "method", "segments", "template")

    def __init__(
        self, segments: tuple[Segment, ...], method: str, template: str, make: Callable[[], ASGIApp]
    ) -> None:
        self.segments = segments
        self.method = method
        self.template = template
        self._make = make
        self._app: ASGIApp | None = None

    def app(self) -> ASGIApp:
        """Return what answers, made when it is first asked for."""
        if self._app is None:
            self._app = self._make()
        return self._app


class Node:
    """One position in the tree.

    Attributes:
        children: by static text, `DYNAMIC` or `REST`.
        methods: of the URL that ends here, with the names of its parameters; none where no URL does.
    """

    __slots__ = ("children", "methods")

    def __init__(self) -> None:
        self.children: dict[str, Node] = {}
        self.methods: dict[str, tuple[Method, tuple[str, ...]]] = {}

    @property
    def allow(self) -> tuple[str, ...]:
        """What the URL that ends here answers to."""
        implied = {"HEAD", "OPTIONS"} if "GET" in self.methods else {"OPTIONS"}
        return tuple(sorted(self.methods.keys() | implied))


class FunctionTree:
    """Finds the function of a URL."""

    def __init__(self, methods: Iterable[Method] = ()) -> None:
        self._root = Node()
        self._known = lru_cache(CACHED)(self._answer)
        for each in methods:
            node = self._root
            for segment in each.segments:
                key = {"static": segment.text, "dynamic": DYNAMIC, "rest": REST}[segment.kind]
                node = node.children.setdefault(key, Node())
            names = tuple(segment.text for segment in each.segments if segment.kind != "static")
            node.methods[each.method] = each, names

    def find(self, segments: Sequence[str]) -> tuple[Node, Values] | None:
        """Return where a URL of these decoded segments ends, with the values of its parameters."""
        return _search(self._root, segments, 0, ())

    def route(self, scope: Scope) -> ASGIApp | None:
        """Return what answers a request, and complete its scope; None where no function has its path.

        Raises:
            MethodNotAllowed: the functions of this path have other methods.
            NotFound: nothing may have this path, as it holds dot segments or NUL.
        """
        path: str = scope["path"]
        raw: bytes = scope.get("raw_path") or b""
        if b"%2" in raw:
            path = _keeping_slashes(path, raw)
        if root := scope.get("root_path"):
            path = path.split(root, maxsplit=1)[-1]
        known = self._known(path, scope["method"])
        if known is None:
            return None
        app, scope["path"], scope["path_template"], values = known
        scope["path_params"] = values.copy()
        return app

    def _answer(self, path: str, name: str) -> tuple[ASGIApp, str, str, dict[str, str]] | None:
        """Return what answers a path, the path as a function sees it, its template and its values."""
        if is_refused(path):
            raise NotFound("route")
        segments = [segment for segment in path.split("/") if segment]
        found = self.find(segments)
        if found is None:
            return None
        node, values = found
        if name not in node.methods and name != "OPTIONS":
            raise MethodNotAllowed(node.allow)
        any_method = next(iter(node.methods.values()))
        method, names = node.methods.get(name, any_method)
        app = method.app() if name in node.methods else _options(node.allow)
        plain = "/" + "/".join(segments).replace(SLASH, "/")
        params = {key: value.replace(SLASH, "/") for key, value in zip(names, values, strict=True)}
        return app, plain, method.template, params


def _keeping_slashes(path: str, raw: bytes) -> str:
    """Decode a path anew, its encoded slashes as `SLASH`."""
    text = raw.partition(b"?")[0].decode("latin-1")  # some clients leave the query in
    if unquote(text) != path:  # somebody outside has rewritten the path
        return path
    return unquote(text.replace("%2F", SLASH).replace("%2f", SLASH))


def is_refused(path: str) -> bool:
    """Say whether a path has what no route has: dot segments, which proxies resolve, and NUL."""
    if "\x00" in path:
        return True
    return "." in path and not {".", ".."}.isdisjoint(path.replace(SLASH, "/").split("/"))


def _search(node: Node, segments: Sequence[str], depth: int, values: Values) -> tuple[Node, Values] | None:
    """Walk the tree, the more exact child first. It is a tree, so no node is visited twice."""
    if depth == len(segments):
        return (node, values) if node.methods else None
    segment, children = segments[depth], node.children
    if (child := children.get(segment)) and (found := _search(child, segments, depth + 1, values)):
        return found
    if (child := children.get(DYNAMIC)) and (
        found := _search(child, segments, depth + 1, (*values, segment))
    ):
        return found
    # A value that begins with a slash would be an absolute path to whoever joins it to a folder.
    if (child := children.get(REST)) and not segment.startswith(SLASH):
        return child, (*values, "/".join(segments[depth:]))
    return None


def _options(allow: tuple[str, ...]) -> ASGIApp:
    fields = [(b"allow", ", ".join(allow).encode())]

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001  an ASGI app's shape
        await send({"type": "http.response.start", "status": 204, "headers": fields})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    return answer
