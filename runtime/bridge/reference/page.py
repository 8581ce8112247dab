"""The page at `/docs`: Swagger UI, and what it loads.

Everything comes from this service, so the page works without internet, under a policy without inline scripts
and styles. Swagger UI's own two files are those of the package `swagger-ui-bundle-v2`; the page names their
digests, and a browser refuses them where they are not what Swagger UI published under this version.
"""

from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

from runtime.asgi import urls

HTML = b"text/html; charset=utf-8"
POLICY = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    b"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
VIEWER = "vendor/swagger-ui-5.31.0"  # in its package


class PageFile(NamedTuple):
    """A file that the page loads.

    Attributes:
        kind: its media type.
        name: of the file, in this folder or in the viewer's package.
        digest: of the viewer's files (Subresource Integrity); of ours none is needed.
    """

    kind: bytes
    name: str
    digest: str = ""

    def read(self) -> bytes:
        """Return its bytes."""
        if self.digest:
            return (files("swagger_ui_bundle") / VIEWER / self.name).read_bytes()
        return Path(__file__).with_name(self.name).read_bytes()


_CSS, _JS = b"text/css; charset=utf-8", b"text/javascript; charset=utf-8"
PARTS = {
    urls.VIEWER_STYLE: PageFile(
        _CSS, "swagger-ui.css", "sha384-KX9Rx9vM1AmUNAn07bPAiZhFD4C8jdNgG6f5MRNvR+EfAxs2PmMFtUUazui7ryZQ"
    ),
    urls.STYLE: PageFile(_CSS, "page.css"),
    urls.VIEWER_SCRIPT: PageFile(
        _JS, "swagger-ui-bundle.js", "sha384-cxafBeQ+zYROeFafGFxtFbnp1ICqeS9mG7+f0WWSHzhnrUvwg9Za5CCw6wgrHA7K"
    ),
    urls.SCRIPT: PageFile(_JS, "page.js"),
}


def page(contract: dict[str, Any], *, below: bool, signs: bool) -> str:
    """Return the page. All its links are relative, so that it works behind a proxy that cuts a prefix off.

    Args:
        contract: the document that it shows.
        below: whether it is asked for with a slash at the end.
        signs: whether it offers to sign in.
    """
    root = "../" if below else ""
    parts = [
        f"<link rel=stylesheet {_source(root, url, part, 'href')}>"
        if part.kind == _CSS
        else f"<script defer {_source(root, url, part, 'src')}></script>"
        for url, part in PARTS.items()
    ]
    return "".join([
        "<!doctype html><html lang=en><meta charset=utf-8>",
        "<meta name=viewport content='width=device-width,initial-scale=1'><link rel=icon href='data:,'>",
        f"<title>{escape(contract['info']['title'])}: reference</title>",
        *parts,
        f"<body data-root='{root}'>",
        _sign_in(contract) if signs else "",
        "<div id=viewer></div></body></html>\n",
    ])  # fmt: skip


def _source(root: str, url: str, part: PageFile, attribute: str) -> str:
    integrity = f" integrity={part.digest}" if part.digest else ""
    return f"{attribute}={root}{url.removeprefix('/')}{integrity}"


def _sign_in(contract: dict[str, Any]) -> str:
    """Return the form, filled in with a user who has every permission that some function asks for."""
    asked = {
        operation["x-requires"]["permission"]
        for item in contract["paths"].values()
        for operation in item.values()
        if "permission" in operation.get("x-requires", {})
    }
    return (
        "<form id=sign-in><label>User <input name=user value=user_1 required></label>"
        "<label>Organisation <input name=org value=org_1></label>"
        f"<label>Permissions <input name=permissions value='{escape(' '.join(sorted(asked)))}'></label>"
        "<button>Sign in</button><output></output></form>"
    )
