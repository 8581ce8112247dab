"""The settings: every variable as data, and the only reader of the environment."""

from runtime.settings.faults import SettingsError, SettingsFault
from runtime.settings.import_path import open_project
from runtime.settings.reading import (
    check_opentelemetry,
    effective,
    from_environment,
    load,
    unknown,
    variables_of,
)
from runtime.settings.variables import Settings

__all__ = [
    "Settings",
    "SettingsError",
    "SettingsFault",
    "check_opentelemetry",
    "effective",
    "from_environment",
    "load",
    "open_project",
    "unknown",
    "variables_of",
]
