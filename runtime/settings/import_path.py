"""Where the service's own modules are found: `shared` and packages beside its folder of functions."""

import sys
import tomllib
from pathlib import Path

from runtime.distribution import NAME
from runtime.settings.faults import SettingsError, SettingsFault

PRODUCT = Path(__file__).resolve().parents[2]
PACKAGES = ("runtime", "shared")


def open_project(functions: Path) -> None:
    """Make the modules beside the folder `functions` importable, before any others, as they are in the image.

    Every command does so, and what it starts inherits its path.

    Raises:
        SettingsError: the service has a package that would hide the product's.
    """
    folder = functions.resolve().parent
    packages = [] if _is_product(folder) else [folder / name / "__init__.py" for name in PACKAGES]
    problem = "hides the product's package of that name; delete the file"
    if faults := [
        SettingsFault(f"{file.parent.name}/{file.name}", problem) for file in packages if file.is_file()
    ]:
        raise SettingsError(tuple(faults))
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))


def _is_product(folder: Path) -> bool:
    """Whether these are the product's own files, run from there or installed from there."""
    try:
        told = tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))
        return folder == PRODUCT or told["project"]["name"] == NAME
    except (OSError, ValueError, KeyError, TypeError):
        return folder == PRODUCT
