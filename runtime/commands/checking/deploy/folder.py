"""`annex doctor --deploy`: every finding about one folder."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from runtime.commands.checking.deploy.dockerfile import examine_dockerfile
from runtime.commands.checking.deploy.packages import examine_packages
from runtime.commands.checking.deploy.railway import examine_railway, repository
from runtime.commands.checking.deploy.variables import examine_variables
from runtime.commands.finding import Finding, broken

PARTS = (examine_dockerfile, examine_packages, examine_railway)


def examine_folder(root: Path, variables: Mapping[str, str]) -> list[Finding]:
    """Return what would go wrong if `root` were deployed with these service variables.

    Args:
        root: of the service, which the platform is to know as its root directory.
        variables: as production would have them.
    """
    findings = list(_place(root, variables.get("ANNEX_FUNCTIONS") or "functions"))
    for part in PARTS:
        try:
            findings += part(root)
        except Exception as error:  # noqa: BLE001  # a file may hold anything: the other parts are read all the same
            findings.append(broken(part.__name__.removeprefix("examine_"), error))
    return [*findings, *examine_variables(variables)]


def _place(root: Path, functions: str) -> Iterator[Finding]:
    top = repository(root)
    if (root / functions).is_dir() and any((root / functions).rglob("*.py")):
        where = f"/{root.relative_to(top).as_posix()}" if root != top else "/"
        yield Finding("place", f"{functions}/ is here; the service's Root Directory is {where}")
        return
    inside = sorted(
        each.parent.relative_to(root).as_posix()
        for pattern in ("*/functions", "*/*/functions")
        for each in root.glob(pattern)
        if (each.parent / "pyproject.toml").is_file()
    )
    if inside:
        cure = f"set the service's Root Directory to /{inside[0]}, and run this command there"
    else:
        cure = "run this command in the folder of the service, or set ANNEX_FUNCTIONS"
    yield Finding("place", f"{functions}/ has no function file: {cure}", is_fault=True)
