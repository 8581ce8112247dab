"""The part of the app's schema that our SQL relies on; `annex check --database` compares it."""

from shared.database.drift import Labels, Table
from shared.market.signals import Regime

TABLES = (
    Table(
        name="Instrument",
        columns={"id": "uuid", "symbol": "text"},
    ),
    Table(
        name="Signal",
        columns={
            "id": "uuid",
            "instrumentId": "uuid",
            "regime": '"Regime"',
            "value": "numeric",
            "confidence": "double precision",
            "factors": "jsonb",
            "observedAt": "timestamp with time zone",
            "createdAt": "timestamp without time zone",
            "createdBy": "text?",
        },
        privileges=("SELECT", "INSERT", "DELETE"),
    ),
)
ENUMS = (Labels(name="Regime", labels=frozenset(Regime)),)
