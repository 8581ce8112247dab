"""Every table that the example's SQL uses is declared, so that `annex check --database` compares it."""

import re
from pathlib import Path

from shared.database.statements.statement import describe
from shared.market.schema import TABLES
from tests.architecture.test_schema_is_not_ours import texts

STATEMENT = re.compile(r"^\s*(SELECT|INSERT|UPDATE|DELETE|WITH|MERGE)\b[\s\S]*\b(FROM|INTO|SET)\b")


def test_every_table_that_the_domain_uses_is_declared_in_its_schema():
    paths = Path("shared/market").glob("*.py")
    sql = [text for path in paths for text in texts(path) if STATEMENT.match(text)]
    used = {table for text in sql for table in describe(text).tables}

    assert used == {table.name for table in TABLES}
