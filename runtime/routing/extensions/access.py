"""Who may reach a team's own Litestar routes: the signed-in, or everybody where `public.lock` has a line."""

from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from litestar import Litestar
from litestar.config.app import AppConfig
from litestar.handlers import ASGIRouteHandler, HTTPRouteHandler
from litestar.plugins import InitPlugin
from litestar.routes import ASGIRoute, HTTPRoute, WebSocketRoute

from runtime.asgi.invocation import SCOPE_KEY
from runtime.asgi.messages import ASGIApp, Message, Receive, Scope, Send
from runtime.asgi.stages import Stage
from runtime.config import Endpoint, Policy
from runtime.routing.calling.answers.outgoing import SERVICES_OWN
from runtime.routing.lock import LITESTAR

ANY = "ANY"  # the method of a mounted ASGI application, in lists and in public.lock

type Opened = frozenset[tuple[str, str]]


class NotOutermost(Exception):
    """A plugin has put a middleware in front of the service's own."""


class Access(InitPlugin):
    """Puts the steps of its endpoint in front of every Litestar route, whoever registered it and whenever.

    It has to be the last plugin, so that its middleware is outermost whatever the others add.

    Args:
        steps: returns what stands in front of an endpoint.

    Attributes:
        opened: method and template of each route that `public.lock` opens.
    """

    def __init__(self, steps: Callable[[Endpoint], Stage]) -> None:
        self.opened: Opened = frozenset()
        self._steps = steps

    def on_app_init(self, app_config: AppConfig) -> AppConfig:
        """Put it outermost."""
        app_config.middleware.insert(0, self.around)  # type: ignore[arg-type]  # ASGI, typed by Litestar
        return app_config

    def check(self, app: Litestar) -> None:
        """Refuse an application in which it is not outermost.

        Raises:
            NotOutermost: a request would reach something before its caller is known.
        """
        if not app.middleware or app.middleware[0] != self.around:
            raise NotOutermost("a plugin puts its middleware in front of authentication; let it append")

    def endpoints(self, app: Litestar) -> Iterator[Endpoint]:
        """Yield every route of the application but WebSockets, which are not served."""
        for route in app.routes:
            if isinstance(route, HTTPRoute):
                for handler in route.route_handlers:
                    for method in sorted(handler.http_methods - {"OPTIONS", "HEAD"}):
                        yield self._endpoint(method, route.path_format, handler)
            elif isinstance(route, ASGIRoute):
                yield self._endpoint(ANY, route.path_format, route.route_handler)

    def around(self, app: ASGIApp) -> ASGIApp:
        """Return `app`, a route with its own middleware, behind the steps of its endpoint."""
        made: dict[tuple[str, str, bool], ASGIApp] = {}

        async def enter(scope: Scope, receive: Receive, send: Send) -> None:
            endpoint = self._asked_for(scope)
            key = (endpoint.method, endpoint.template, endpoint.policy.public)
            if key not in made:
                made[key] = self._steps(endpoint)(_with_user(app))
            await made[key](scope, receive, _without_ours(send))

        return enter

    def _asked_for(self, scope: Scope) -> Endpoint:
        handler, method = scope["route_handler"], scope["method"]
        if not isinstance(handler, ASGIRouteHandler):
            return self._endpoint(method, scope["path_template"], handler)
        templates = [
            route.path_format
            for route in scope["litestar_app"].routes
            if isinstance(route, ASGIRoute) and route.route_handler is handler
        ]
        endpoints = [self._endpoint(ANY, template, handler) for template in templates]
        closed = [each for each in endpoints if not each.policy.public]
        return (closed or endpoints)[0]

    def _endpoint(self, method: str, template: str, handler: Any) -> Endpoint:
        """Return the endpoint of a route, closed unless it is listed; OPTIONS only tells the methods."""
        is_open = (method, template) in self.opened or (
            method == "OPTIONS" and any(template == each for _, each in self.opened)
        )
        timeout = handler.opt.get("timeout")
        policy = Policy(
            public=is_open,
            timeout=timeout if isinstance(timeout, int | float) and timeout > 0 else Policy().timeout,
            max_body=_body_limit(handler) or Policy().max_body,
            origins={"public": "public.lock"} if is_open else {},
        )
        return Endpoint(method=method, template=template, file=LITESTAR, policy=policy)


def unserved(app: Litestar) -> list[str]:
    """Return the paths of WebSockets, which the service does not speak."""
    return [route.path_format for route in app.routes if isinstance(route, WebSocketRoute)]


def _body_limit(handler: Any) -> int | None:
    return handler.resolve_request_max_body_size() if isinstance(handler, HTTPRouteHandler) else None


def _with_user(app: ASGIApp) -> ASGIApp:
    """Let `request.user` be the caller, None where the route is open and nobody is signed in."""

    def named(scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        scope["user"] = scope[SCOPE_KEY].user
        return app(scope, receive, send)

    return named


def _without_ours(send: Send) -> Send:
    """Leave out the header fields that the service itself writes, CORS among them."""

    def cleaned(message: Message) -> Awaitable[None]:
        if message["type"] == "http.response.start":
            fields = [(name.lower(), value) for name, value in message["headers"]]
            kept = [
                (name, value)
                for name, value in fields
                if name not in SERVICES_OWN and not name.startswith(b"access-control-")
            ]
            message = {**message, "headers": kept}
        return send(message)

    return cleaned
