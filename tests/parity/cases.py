"""Random questions: most of them are good but for one or two things."""

import base64
import hashlib
import json
import random
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from typing import Any, NamedTuple

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from standardwebhooks.webhooks import Webhook

from tests.fixtures.clerk import Issuer, base64url

PARTY = "https://app.signals.example"
URL = "https://app.signals.example/signals"
WEBHOOK_SECRET = "whsec_" + base64.b64encode(b"what both sides know").decode()
OLD_SECRET = "whsec_" + base64.b64encode(b"what both sides knew").decode()

QUERIES: list[dict[str, Any]] = [
    {},
    {"role": "org:admin"},
    {"role": "admin"},
    {"role": "org:org:member"},
    {"permission": "org:signals:read"},
    {"permission": "signals:write"},
    {"role": "admin", "permission": "org:signals:read"},
    {"feature": "signals"},
    {"feature": "org:alerts"},
    {"feature": "organization:signals"},
    {"feature": "user:alerts"},
    {"feature": "team:signals"},
    {"plan": "pro"},
    {"plan": "user:free"},
    {"feature": "signals", "plan": "pro"},
    {"reverification": "strict_mfa"},
    {"reverification": "strict"},
    {"reverification": "moderate"},
    {"reverification": "lax"},
    {"reverification": {"level": "first_factor", "afterMinutes": 10}},
    {"reverification": {"level": "second_factor", "afterMinutes": 1}},
    {"reverification": {"level": "multi_factor", "afterMinutes": 60}},
    {"reverification": {"level": "fourth_factor", "afterMinutes": 60}},
    {"reverification": {"level": "first_factor", "afterMinutes": 0}},
    {"role": "admin", "plan": "pro", "reverification": "moderate"},
]


class Case(NamedTuple):
    """A question: to the SDK as JSON, and what an explanation of a difference looks at.

    Attributes:
        asked: what the SDK is asked.
        facts: what is unusual about it, by name.
    """

    asked: dict[str, Any]
    facts: dict[str, Any]


class Maker:
    """Makes the questions of one seed, for one instance and a foreign one."""

    def __init__(self, seed: int, issuer: Issuer, foreign: Issuer) -> None:
        self._random = random.Random(seed)  # noqa: S311  # a seed must bring the same questions again
        self._issuer = issuer
        self._foreign = foreign

    def tokens(self, count: int) -> Iterator[Case]:
        """Yield requests with a bearer token."""
        for _ in range(count):
            token, facts = self.token()
            text = self._spoiled(token, facts)
            yield self._request({"authorization": f"Bearer {text}"}, facts)

    def cookies(self, count: int) -> Iterator[Case]:
        """Yield requests of a browser, with both kinds of cookies."""
        suffix = base64.urlsafe_b64encode(
            hashlib.sha1(self._issuer.publishable_key.encode(), usedforsecurity=False).digest()
        ).decode()[:8]
        for _ in range(count):
            facts: dict[str, Any] = {}
            jar: dict[str, str] = {}
            for end in ("", f"_{suffix}"):
                if self._chance(0.75):
                    token, found = self.token(sub=f"user{end.replace('-', '_')}", common=0.95)
                    jar[f"__session{end}"] = token
                    facts |= {f"{name}{end}": value for name, value in found.items()}
                if self._chance(0.8):
                    jar[f"__client_uat{end}"] = str(self._pick(0, int(time.time()) - 500, 1, "x", ""))
            facts["jar"] = {name: value[:12] for name, value in jar.items()}
            cookie = "; ".join(f"{name}={value}" for name, value in jar.items())
            headers = {"cookie": cookie, "origin": PARTY, "sec-fetch-site": "same-origin"}
            yield self._request(headers, facts, parties=True)

    def webhooks(self, count: int) -> Iterator[Case]:
        """Yield webhook deliveries."""
        for number in range(count):
            facts: dict[str, Any] = {}
            body = self._usual(b'{"type":"user.created","data":{}}', 0.8, facts, "body", self._bytes)
            moment = int(time.time()) - self._usual(
                0, 0.8, facts, "ago", lambda: self._pick(290, 310, -290, -310)
            )
            secret = self._usual(WEBHOOK_SECRET, 0.9, facts, "secret", lambda: OLD_SECRET)
            text = body.decode("utf-8", "replace")
            good = Webhook(secret).sign(f"msg_{number}", datetime.fromtimestamp(moment, tz=UTC), text)
            signature = self._usual(good, 0.7, facts, "signature", partial(self._signature, good))
            stamp = self._usual(str(moment), 0.85, facts, "timestamp", partial(self._stamp, moment))
            fields = {"svix-id": f"msg_{number}", "svix-timestamp": stamp, "svix-signature": signature}
            if self._chance(0.1):
                del fields[lost := self._pick(*fields)]
                facts["lost"] = lost
            asked = {"headers": fields, "body": base64.b64encode(body).decode()}
            yield Case(asked, facts)

    def token(self, *, sub: str = "user_ada", common: float = 0.93) -> tuple[str, dict[str, Any]]:
        """Return a signed token and what is unusual about it."""
        facts: dict[str, Any] = {}
        now = int(time.time())
        late, early = now - 90.5, now + 9000.5
        times: tuple[Any, ...] = (now - 90, now + 9000, str(now), None, True, 1e300, -1, late, early, [], 0)

        def usual(name: str, value: Any, *others: Any) -> Any:
            return self._usual(value, common, facts, name, lambda: self._pick(*others))

        issuer = usual("signer", self._issuer, self._foreign)
        algorithm = usual("alg", "RS256", "RS384", "RS512", "HS256", "none", None)
        header = {
            "alg": algorithm,
            "typ": usual("typ", "JWT", None, "jwt", "at+jwt", "application/at+jwt", "dpop+jwt", 7, ""),
            "kid": usual("kid", self._issuer.kid, "ins_other", None, 7),
            "cat": usual("cat", "cl_B7d4PD111AAA", None, "cl_I7d4PD111III", "cl_B7d4PD222AAA",
                         "cl_B7d4PD333AAA", "x", 7),
            "crit": usual("crit", None, ["exp"], []),
        }  # fmt: skip
        claims = {
            "sub": usual("sub", sub, 7, None, "", "mch_1", [sub]),
            "sid": usual("sid", "sess_1", None, 7),
            "iss": usual("iss", self._issuer.url, self._foreign.url, None, 7, f"{self._issuer.url}/"),
            "azp": usual("azp", PARTY, "https://evil.example", None, "", 7, [PARTY], f"{PARTY}/"),
            "aud": usual("aud", None, "annex", "billing", ["x", "annex"], [], ["x"], 7, "", [7]),
            "exp": usual("exp", now + 9000, *times),
            "nbf": usual("nbf", now - 10, *times),
            "iat": usual("iat", now - 5, *times),
            "sts": usual("sts", "active", "pending", None, 7),
            **self._grants(),
        }
        return self._signed(issuer, header, claims, algorithm), facts

    def _signed(self, issuer: Issuer, header: dict[str, Any], claims: dict[str, Any], algorithm: Any) -> str:
        parts = (
            {name: value for name, value in part.items() if value is not None} for part in (header, claims)
        )
        text = ".".join(base64url(json.dumps(part).encode()) for part in parts)
        digest = {"RS384": hashes.SHA384(), "RS512": hashes.SHA512()}.get(str(algorithm), hashes.SHA256())
        return f"{text}.{base64url(issuer.key.sign(text.encode(), padding.PKCS1v15(), digest))}"

    def _grants(self) -> dict[str, Any]:
        if self._chance(0.25):
            return {
                "fva": self._ages(),
                "org_id": self._pick("org_desk", "org_desk", None, ""),
                "org_role": self._pick("org:admin", "org:member", None),
                "org_permissions": self._some(["org:signals:read", "org:signals:write", "org:reports:share"]),
            }
        masks = ("0", "1", "2", "3", "7", "12", "007", "36893488147419103235")
        return {
            "v": 2,
            "fva": self._ages(),
            "fea": self._scoped(["signals", "reports", "alerts"]),
            "pla": self._scoped(["pro", "free"]),
            "o": self._pick(
                None,
                *[
                    {
                        "id": self._pick("org_desk", "org_desk", "org_desk", ""),
                        "rol": self._pick("admin", "member"),
                        "per": self._pick("read,write,share", "read", " read , write ", "read,,share"),
                        "fpm": ",".join(self._pick(*masks) for _ in range(self._random.randrange(4))),
                    }
                    for _ in range(5)
                ],
            ),
        }

    def _scoped(self, names: list[str]) -> str | None:
        if self._chance(0.1):
            return None
        return ",".join(f"{self._pick('o', 'u', 'ou', 'uo', 'o')}:{name}" for name in self._some(names))

    def _ages(self) -> Any:
        return self._pick(
            [0, -1], [5, 5], [9, 10], [10, 9], [59, -1], [-1, 5], [-1, -1], [2000, 1], None, [1]
        )

    def _spoiled(self, token: str, facts: dict[str, Any]) -> str:
        def flipped() -> str:
            at = self._random.randrange(len(token))
            return f"{token[:at]}{self._pick(*'AZaz09-_.%= ')}{token[at + 1 :]}"

        ways: list[Callable[[], str]] = [
            flipped,
            flipped,
            lambda: token[: self._random.randrange(1, len(token))],
            lambda: token + self._pick(".", ".x", "=", "AA", "%"),
            lambda: ".".join(part + "=" * (-len(part) % 4) for part in token.split(".")),
            lambda: ".".join(reversed(token.split("."))),
            lambda: token.replace(".", "..", 1),
        ]
        return str(self._usual(token, 0.85, facts, "text", self._pick(*ways)))

    def _request(
        self, headers: dict[str, str], facts: dict[str, Any], *, parties: bool | None = None
    ) -> Case:
        options: dict[str, Any] = {}
        if self._chance(0.6) if parties is None else parties:
            options["authorizedParties"] = [PARTY]
        if self._chance(0.4):
            options["audience"] = ["annex"]
        asked = {"headers": headers, "url": URL, "method": "GET", "options": options, "queries": QUERIES}
        return Case(asked, facts)

    def _signature(self, good: str) -> str:
        return str(
            self._pick(
                "", good[:-2], good.replace("v1,", "v2,"), good.replace("v1,", ""), f"v1,AAAA {good}",
                f"v1a,AAAA {good}", good + " ", good.replace("v1,", "v1,,"), f"{good},x", "v1,%%%",
                good.swapcase(),
            )
        )  # fmt: skip

    def _stamp(self, moment: int) -> str:
        return str(
            self._pick("", "now", "nan", f"{moment}.5", f"{moment}x", str(moment * 1000), f"{moment + 1}")
        )

    def _bytes(self) -> bytes:
        chosen: bytes = self._pick(b"", b"[]", b"null", b"not json", '{"type":"ü"}'.encode(), b" {} ")
        return chosen

    def _usual(
        self, value: Any, share: float, facts: dict[str, Any], name: str, other: Callable[[], Any]
    ) -> Any:
        if self._chance(share):
            return value
        facts[name] = found = other()
        return found

    def _chance(self, share: float) -> bool:
        return self._random.random() < share

    def _pick(self, *values: Any) -> Any:
        return self._random.choice(values)

    def _some(self, values: list[str]) -> list[str]:
        return [value for value in values if self._chance(0.6)]
