"""The recipe for other senders' webhooks in docs/what-functions-do.md, run as it stands there."""

import hashlib
import hmac
import re
from pathlib import Path

import pytest

from tests.fixtures.app import Compose

PAGE = Path("docs/what-functions-do.md")
(RECIPE,) = re.findall(
    r"```python\n# functions/webhooks/github.py\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL
)
BODY = b'{"action": "opened"}'
GOOD = "sha256=" + hmac.new(b"hunter2", BODY, hashlib.sha256).hexdigest()


@pytest.mark.parametrize(
    ("signature", "body", "status"),
    [
        (GOOD, BODY, 204),
        (GOOD, BODY + b" ", 403),
        (GOOD.upper(), BODY, 403),
        ("sha256=", BODY, 403),
        (None, BODY, 403),
        ("ü", BODY, 403),
    ],
)
async def test_a_delivery_is_taken_only_with_its_signature(
    tmp_path: Path,
    compose: Compose,
    signature: str | None,
    body: bytes,
    status: int,
):
    (tmp_path / "webhooks").mkdir()
    (tmp_path / "webhooks" / "github.py").write_text(RECIPE)
    headers = {"X-Hub-Signature-256": signature.encode("latin-1")} if signature is not None else {}
    async with compose(tmp_path, GITHUB_WEBHOOK_SECRET="hunter2") as caller:
        assert caller.application.table.faults == ()
        answer = await caller.anonymous("POST", "/webhooks/github", content=body, headers=headers)

    assert answer.status_code == status
