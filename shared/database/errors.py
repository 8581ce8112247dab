"""The database's own errors, beside those of `shared.errors`."""

from collections.abc import Mapping

from shared.errors import Conflict, DatabaseUnavailable, DeadlineExceeded, Invalid


class QueryFailed(Exception):
    """A bug in our SQL or in the types of its parameters; becomes a 500 and one line in the log.

    Attributes:
        sqlstate: the server's five characters, ``""`` when the driver refused before sending.
    """

    def __init__(self, problem: str, *, sqlstate: str = "") -> None:
        super().__init__(f"{problem} (SQLSTATE {sqlstate})" if sqlstate else problem)
        self.sqlstate = sqlstate


class RowMismatch(QueryFailed):
    """A row does not match its struct.

    Attributes:
        column: the column's name, as the statement returned it.
        field: ``Signal.value``, or the struct's name when it has no such field.
    """

    def __init__(self, column: str, field: str, problem: str) -> None:
        super().__init__(f"Column {column!r} does not match {field}: {problem}")
        self.column = column
        self.field = field


class UnreadableValue(RowMismatch):
    """A value of the database that Python has none for, such as a year before 1.

    Attributes:
        columns: name to type of each column that it can be in.
    """

    def __init__(self, columns: Mapping[str, str]) -> None:
        names, kinds = " or ".join(map(repr, columns)), " or ".join(dict.fromkeys(columns.values()))
        QueryFailed.__init__(
            self, f"Column {names}: Python cannot hold a value of {kinds}; cast it to text in the statement"
        )
        self.column = next(iter(columns), "")
        self.field = ""
        self.columns = columns


class ArgumentRefused(QueryFailed):
    """The driver does not take an argument for the type that it knows; nothing was sent."""

    def __init__(self) -> None:
        super().__init__("A parameter has the wrong type for this statement")


class ValueRefused(QueryFailed):
    """A decoder of the driver could not read a value; `cause` is what it raised."""

    def __init__(self, cause: BaseException) -> None:
        super().__init__("Python cannot hold a value of the result; cast it to text in the statement")
        self.cause = cause


class OutOfRange(Invalid):
    """A value that the database cannot store: too large, too long, or no value of its type."""

    def __init__(self) -> None:
        super().__init__("A value is outside the range that the database can store.")


class ConstraintViolated(Conflict):
    """The change violates a constraint of the schema.

    Attributes:
        kind: ``unique``, ``foreign_key``, ``check``, ``not_null`` or ``exclusion``.
        constraint: its name, for code that wants a better message; not part of `detail`.
    """

    def __init__(self, kind: str, constraint: str = "") -> None:
        super().__init__(_RULES[kind])
        self.kind = kind
        self.constraint = constraint


class SerializationFailure(Conflict):
    """A concurrent transaction changed (40001, 40P01) or holds (55P03) the same data; try again."""

    def __init__(self) -> None:
        super().__init__("The same data was changed at the same time; try again.", retry_after=0)


class ConnectionLost(DatabaseUnavailable):
    """The connection broke during a statement."""


class SilentServer(DeadlineExceeded):
    """The server did not answer in time, as over a lost route; the statement may go on there."""

    def __init__(self) -> None:
        super().__init__("The database did not respond in time.")


class SchemaChanged(DatabaseUnavailable):
    """The app's migration changed a table or type in use; the next try sees the new one.

    Attributes:
        done: the statement was executed, and only its result could not be read.
    """

    def __init__(self, *, done: bool) -> None:
        super().__init__(reason="a migration changed a table in use")
        self.done = done


class PoolerDetected(DatabaseUnavailable):
    """A transaction pooler answered although none was declared; the pool adapts to it from now on."""


class OutOfDescriptors(DatabaseUnavailable):
    """No connection can be opened because this process has too many open files; the server was not asked."""

    def __init__(self) -> None:
        super().__init__(reason="this process has too many open files; a function leaves them open")


class PoolInUse(DatabaseUnavailable):
    """Every connection of the pool is in use, so that nothing is known of the server."""

    def __init__(self, total: int, holders: str) -> None:
        super().__init__(reason=f"all {total} connections are in use by functions: {holders}")


class ReadOnlyServer(DatabaseUnavailable):
    """The server accepts no writes (25006), as a former primary does after a failover."""

    def __init__(self) -> None:
        super().__init__(reason="the server is read-only: a standby, or default_transaction_read_only is set")


_RULES = {
    "unique": "This already exists.",
    "foreign_key": "A referenced record does not exist, or this record is still referenced.",
    "check": "A value violates a rule of the data.",
    "not_null": "A required value is missing.",
    "exclusion": "This overlaps with an existing record.",
}
