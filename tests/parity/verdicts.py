"""Both verdicts on each question."""

import base64
import json
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from runtime.auth import Authenticator
from runtime.auth.clerk import ClerkIdentity, ClerkWebhooks
from runtime.auth.policy import has
from runtime.config import Policy
from runtime.settings.groups.clerk import ClerkSettings
from shared.errors import AnnexError, Unauthenticated
from shared.secret import Secret
from tests.fixtures.clerk import Issuer
from tests.parity.cases import PARTY, QUERIES, WEBHOOK_SECRET, Case

SDK = Path(__file__).parents[1] / "fixtures" / "clerk_sdk"

type Verdict = dict[str, Any]


def theirs(node: str, issuer: Issuer, cases: Iterable[Case]) -> list[Verdict]:
    """Ask the SDK, in one process."""
    shared = {
        "publishableKey": issuer.publishable_key,
        "jwtKey": issuer.pem,
        "webhookSecret": WEBHOOK_SECRET,
    }
    lines = [json.dumps(shared), *(json.dumps(case.asked) for case in cases)]
    done = subprocess.run(
        [node, str(SDK / "verdicts.mjs")], input="\n".join(lines), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    return [json.loads(line) for line in done.stdout.splitlines()]


class Ours:
    """The service's verdicts, with the settings that a question asks for."""

    def __init__(self, issuer: Issuer) -> None:
        self._issuer = issuer
        self._made: dict[str, Authenticator] = {}

    async def judge(self, case: Case) -> Verdict:
        """Return the verdict in the SDK's words."""
        if "body" in case.asked:
            return self._webhook(case.asked)
        headers = [(name.encode(), value.encode("latin-1")) for name, value in case.asked["headers"].items()]
        scope = {"type": "http", "method": case.asked["method"], "path": "/", "headers": headers}
        try:
            user = await self._authenticator(case.asked["options"]).authenticate(scope, Policy())
        except Unauthenticated as refusal:
            return {"verdict": str(refusal.reason)}
        except AnnexError as error:
            return {"verdict": error.code}
        assert user is not None
        organization = user.organization
        return {
            "verdict": "passes",
            "user": user.user_id,
            "organization": organization.id if organization else None,
            "role": organization.role if organization else None,
            "permissions": sorted(organization.permissions) if organization else [],
            "has": "".join("1" if has(user, **asked(query)) else "0" for query in QUERIES),
        }

    def _authenticator(self, options: dict[str, Any]) -> Authenticator:
        key = json.dumps(options)
        if key not in self._made:
            clerk = ClerkSettings(
                publishable_key=self._issuer.publishable_key,
                jwt_key=self._issuer.pem,
                authorized_parties=tuple(options.get("authorizedParties", ())),
                audience=tuple(options.get("audience", ())),
                accept_cookies=PARTY in options.get("authorizedParties", ()),
            )
            self._made[key] = Authenticator(ClerkIdentity.from_settings(clerk, production=False))
        return self._made[key]

    def _webhook(self, question: dict[str, Any]) -> Verdict:
        headers = [(name.encode(), value.encode("latin-1")) for name, value in question["headers"].items()]
        try:
            ClerkWebhooks(Secret(WEBHOOK_SECRET)).verify(headers, base64.b64decode(question["body"]))
        except AnnexError as error:
            return {"verdict": error.code}
        return {"verdict": "passes"}


def asked(query: dict[str, Any]) -> dict[str, Any]:
    """Return a query in our spelling."""
    wanted = query.get("reverification")
    if not isinstance(wanted, dict):
        return query
    return query | {"reverification": {"level": wanted["level"], "after_minutes": wanted["afterMinutes"]}}


async def compared(node: str, issuer: Issuer, cases: list[Case]) -> list[tuple[Case, Verdict, Verdict]]:
    """Return each question with our verdict and theirs."""
    judge = Ours(issuer)
    return list(
        zip(cases, [await judge.judge(case) for case in cases], theirs(node, issuer, cases), strict=True)
    )


def differing(found: Iterable[tuple[Case, Verdict, Verdict]]) -> Iterator[tuple[Case, Verdict, Verdict]]:
    """Yield where one of the two lets somebody in and the other does not, or lets in somebody else."""
    for case, our, their in found:
        passes = our["verdict"] == "passes", their["verdict"] == "passes"
        if passes[0] != passes[1] or (passes[0] and "user" in our and our != their):
            yield case, our, their
