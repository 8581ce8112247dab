"""The `annex` command: each subcommand a few lines that call a room."""


def main() -> None:
    """Run the command line."""
