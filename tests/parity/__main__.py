"""The long run: `python -m tests.parity --count 100000`; another seed each time, which is printed."""

import argparse
import asyncio
import secrets
import shutil
import sys
from collections import Counter

from tests.fixtures.clerk import Issuer
from tests.fixtures.node import install
from tests.parity.cases import Maker
from tests.parity.differences import explanation
from tests.parity.verdicts import SDK, compared, differing

BATCH = 2000
"""Questions at a time: a token's times are judged by two clocks, one after the other."""


def main() -> int:
    """Compare, print what was found, and fail for a difference that is not known."""
    parser = argparse.ArgumentParser(prog="python -m tests.parity")
    parser.add_argument("--count", type=int, default=20_000, help="questions of each kind")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(2**31))
    given = parser.parse_args()
    node = shutil.which("node")
    if node is None:
        sys.exit("parity: there is no Node on this machine.")
    install(SDK)
    issuer, foreign = Issuer(), Issuer(kid="ins_elsewhere", url="https://clerk.elsewhere.example")
    maker, unknown = Maker(given.seed, issuer, foreign), 0
    sys.stdout.write(f"parity: seed {given.seed}\n")
    for kind in ("tokens", "cookies", "webhooks"):
        known: Counter[str] = Counter()
        for done in range(0, given.count, BATCH):
            cases = list(getattr(maker, kind)(min(BATCH, given.count - done)))
            for case, our, their in differing(asyncio.run(compared(node, issuer, cases))):
                name = explanation(case, our, their)
                known[name] += 1
                if not name:
                    unknown += 1
                    sys.stdout.write(f"unknown: ours {our}, theirs {their}, {case.facts}, {case.asked}\n")
        sys.stdout.write(f"{kind}: {given.count} questions, {dict(known)}\n")
    return int(bool(unknown))


if __name__ == "__main__":
    sys.exit(main())
