"""What the command line hands over to the parent process."""

import json
from typing import NamedTuple, Self


class Given(NamedTuple):
    """Everything that the parent needs to know; none of it is a secret.

    Attributes:
        program: the command of a worker, which is told its descriptors as one more argument.
        functions: the folder of the function files, absolute.
        host: the address to listen on; empty for IPv4 and IPv6.
        port: the port to listen on.
        workers: how many serve.
        spare: whether one more stands by.
        silence: seconds without a beat after which a worker is replaced; 0 for never.
        budget: seconds in which a worker stops.
        level: of the least severe line that is written.
        as_json: the form of a line.
        jobs: the command that does queued work; empty where none is done here.
    """

    program: list[str]
    functions: str
    host: str
    port: int
    workers: int
    spare: bool
    silence: float
    budget: float
    level: str
    as_json: bool
    jobs: tuple[str, ...] = ()

    def encode(self) -> str:
        """Return it as one argument of a command line."""
        return json.dumps(self._asdict())

    @classmethod
    def decode(cls, text: str) -> Self:
        """Read what `encode` returned."""
        return cls(**json.loads(text))
