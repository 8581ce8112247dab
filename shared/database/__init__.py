"""The app's PostgreSQL: URL dialects translated, every wait bounded, the schema never changed."""

from shared.database.channels import Notification, Subscription
from shared.database.connection.target import InvalidDatabaseUrl
from shared.database.connection.url import translate
from shared.database.database import Database, pool_size
from shared.database.errors import (
    ConstraintViolated,
    OutOfDescriptors,
    PoolInUse,
    QueryFailed,
    RowMismatch,
    SchemaChanged,
    SerializationFailure,
)
from shared.database.instruments import Statistics
from shared.database.queries import Queries
from shared.database.transactions.transaction import Isolation, Transaction, TransactionScope
from shared.database.values.rows import Range
from shared.errors import OutcomeUnknown

__all__ = [
    "ConstraintViolated",
    "Database",
    "InvalidDatabaseUrl",
    "Isolation",
    "Notification",
    "OutOfDescriptors",
    "OutcomeUnknown",
    "PoolInUse",
    "Queries",
    "QueryFailed",
    "Range",
    "RowMismatch",
    "SchemaChanged",
    "SerializationFailure",
    "Statistics",
    "Subscription",
    "Transaction",
    "TransactionScope",
    "pool_size",
    "translate",
]
