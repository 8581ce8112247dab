"""`make test-hostile`: run every case and print the table; exit 1 where one does not hold."""

import sys
import tempfile
from pathlib import Path

from tests.fixtures.clerk import Issuer
from tests.fixtures.production import environment
from tests.hostile.case import cases
from tests.hostile.expected_after import EXPECTED_AFTER
from tests.hostile.suite import Suite, table

CALLED = frozenset({"calls"})
NOWHERE = "postgres://nobody:nothing@127.0.0.1:9/none"


def main(*kinds: str) -> int:
    """Run the cases of some classes or names, or all."""
    with tempfile.TemporaryDirectory(prefix="annex-hostile-") as folder:
        settings = environment(Issuer(), NOWHERE, Path(folder), ANNEX_IMPORT_BUDGET="1")
        suite = Suite(Path(folder), settings)
        chosen = cases(*kinds)
        imported = [each for each in chosen if each.kind not in CALLED]
        verdicts = suite.together(imported) if imported else []
        for verdict in suite.one_by_one([each for each in chosen if each.kind in CALLED]):
            sys.stderr.write(f"{verdict.case.name}: {verdict.why or 'held'}\n")
            verdicts.append(verdict)
    sys.stdout.write(table(verdicts, EXPECTED_AFTER) + "\n")
    return int(any(each.why and each.case.name not in EXPECTED_AFTER for each in verdicts))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
