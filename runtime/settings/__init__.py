"""What the service is told from outside: the variables as data, and the one reader of the environment."""

from runtime.settings.reading import Fault, Settings, SettingsError, effective, from_environment, load

__all__ = ["Fault", "Settings", "SettingsError", "effective", "from_environment", "load"]
