"""What is wrong with the environment."""

from typing import NamedTuple


class SettingsFault(NamedTuple):
    """One thing wrong with one variable: its name, never its value, and what is expected of it."""

    name: str
    problem: str


class SettingsError(Exception):
    """The settings are invalid; lists every fault."""

    def __init__(self, faults: tuple[SettingsFault, ...]) -> None:
        lines = [f"  {fault.name}: {fault.problem}" for fault in faults]
        super().__init__("\n".join(["Invalid settings:", *lines]))
        self.faults = faults
