"""The known differences from the SDK's verdicts, each with its reason; every other one is a fault."""

import base64
import json
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from tests.parity.cases import Case
from tests.parity.verdicts import Verdict


class Difference(NamedTuple):
    """One known difference.

    Attributes:
        name: short.
        is_looser: we let somebody in whom the SDK does not.
        is_rare: a short run may not meet it.
        why: what justifies it.
        explains: whether a question, our verdict and theirs are an instance of it.
    """

    name: str
    is_looser: bool
    why: str
    explains: Callable[[Case, Verdict, Verdict], bool]
    is_rare: bool = False


def _unusual(case: Case, name: str) -> list[Any]:
    """Return the unusual values of a claim or header member, of whichever cookie."""
    return [value for each, value in case.facts.items() if each == name or each.startswith(f"{name}_")]


def _refused(
    reason: str, name: str, holds: Callable[[Any], bool]
) -> Callable[[Case, Verdict, Verdict], bool]:
    return lambda case, our, _: our["verdict"] == reason and any(map(holds, _unusual(case, name)))


def _is_no_number(value: Any) -> bool:
    return isinstance(value, bool) or not isinstance(value, int | float)


def _is_beyond_dates(case: Case, our: Verdict, _: Verdict) -> bool:
    reasons = {"token-iat-in-the-future", "token-not-active-yet"}
    return our["verdict"] in reasons and 1e300 in [*_unusual(case, "iat"), *_unusual(case, "nbf")]


def _is_no_event(case: Case, _: Verdict, their: Verdict) -> bool:
    if "body" not in case.asked or their["verdict"] != "throws":
        return False
    try:
        return not isinstance(json.loads(base64.b64decode(case.asked["body"])), dict)
    except ValueError:
        return True


DIFFERENCES: Final = (
    Difference(
        "issuer",
        False,
        "the SDK does not check `iss`, since keys are an instance's own; we do, where the instance is known",
        lambda _, our, __: our["verdict"] == "token-invalid-issuer",
    ),
    Difference(
        "critical extension",
        False,
        "what must be understood is refused when it is not (RFC 7515, 4.1.11)",
        _refused("token-invalid", "crit", lambda value: value is not None),
    ),
    Difference(
        "kid of another type",
        False,
        "`kid` names a key; with a fixed key the SDK does not look at it",
        _refused("token-invalid", "kid", lambda value: not isinstance(value, str | None)),
    ),
    Difference(
        "padding in part",
        False,
        "base64url is padded in full or not at all, without stray bits (RFC 4648, 3.5 and RFC 7515, 2)",
        lambda case, our, _: our["verdict"] == "token-invalid" and "text" in case.facts,
    ),
    Difference(
        "a machine's token, padded in part",
        False,
        "the SDK does not recognise it as a machine's then, and takes it for a session's",
        lambda case, our, _: our["verdict"] == "token-type-mismatch" and {"sub", "text"} <= set(case.facts),
        is_rare=True,
    ),
    Difference(
        "audience of another type",
        False,
        "an audience that is none of ours is not accepted for being malformed",
        _refused("token-invalid-audience", "aud", lambda value: value in (7, [7])),
    ),
    Difference(
        "a time beyond JavaScript's dates",
        False,
        "to the SDK it is no date, which is neither early nor late",
        _is_beyond_dates,
    ),
    Difference(
        "a cookie without a time",
        False,
        "whether it is older than the last sign-in cannot be known; the SDK compares with undefined",
        _refused("cookie-outdated", "iat", _is_no_number),
        is_rare=True,
    ),
    Difference(
        "a signature with two commas",
        False,
        "the version and one signature; the SDK's library ignores the rest",
        lambda case, our, _: (
            our["verdict"] == "invalid_input" and str(case.facts.get("signature")).count(",") > 1
        ),
    ),
    Difference(
        "a time with letters",
        False,
        "the SDK's library reads the digits before them",
        lambda case, our, _: (
            our["verdict"] == "invalid_input" and str(case.facts.get("timestamp")).endswith("x")
        ),
    ),
    Difference(
        "no client_uat",
        True,
        "`__client_uat` says to a front end whether to start a handshake; the session is signed all the same",
        lambda case, _, their: their["verdict"] == "session-token-but-no-client-uat" and "jar" in case.facts,
    ),
    Difference(
        "a time that is no number beside another cookie",
        True,
        "which cookie is newer: no instance signs such a time, and the one that is chosen is verified",
        lambda case, _, __: "jar" in case.facts and any(map(_is_no_number, _unusual(case, "iat"))),
        is_rare=True,
    ),
    Difference(
        "a signed body that is no JSON object",
        True,
        "the SDK fails at its `type`, after verification; here the function's `data` refuses it with 400",
        _is_no_event,
    ),
)


def explanation(case: Case, our: Verdict, their: Verdict) -> str:
    """Return the name of the known difference that this is, empty for an unknown one."""
    is_looser = our["verdict"] == "passes"
    found = (
        each.name for each in DIFFERENCES if each.is_looser == is_looser and each.explains(case, our, their)
    )
    return next(found, "")
