"""What can be seen from outside: traces, metrics, logs. Nothing in here may change a response."""


def record_exception(error: BaseException) -> None:
    """Placeholder until the room is furnished."""
