"""The settings that function files ask for: made at start, and listed for people."""

from collections.abc import Iterator

from msgspec.structs import replace

from runtime.routing.annotations.describe import bare
from runtime.routing.files import CompiledFile
from runtime.routing.input_kind import InputKind
from runtime.routing.operation import Input, Operation
from runtime.routing.reading.faults import Fault
from runtime.routing.table import RouteTable
from runtime.settings.faults import SettingsError
from runtime.settings.own import Environment, OwnSettings, OwnVariable

_CURE = (
    "Set it in the environment, in development in .env; `annex routes --settings` lists what functions read."
)


def with_settings(each: CompiledFile, environment: Environment) -> CompiledFile:
    """Make the settings that a file's handlers take; one that cannot be made is the file's fault."""
    if not any(given.kind is InputKind.SETTINGS for one in each.operations for given in one.inputs):
        return each
    faults: list[Fault] = []
    operations = tuple(
        replace(one, inputs=tuple(_filled(one, given, environment, faults) for given in one.inputs))
        for one in each.operations
    )
    return replace(each, operations=operations).with_faults(*faults)


def _filled(operation: Operation, given: Input, environment: Environment, faults: list[Fault]) -> Input:
    if given.kind is not InputKind.SETTINGS:
        return given
    (struct,) = bare(given.annotation)
    where = f"{operation.endpoint.method.lower()}({given.name})"
    try:
        return replace(given, value=environment.read(struct))
    except SettingsError as error:
        told = [(f"{where}: {name} {problem}.", _CURE) for name, problem in error.faults]
    except Exception as error:  # noqa: BLE001 - a struct of the file may check what it likes
        told = [(f"{where} refuses its variables: {type(error).__name__}.", "Correct them, or the check.")]
    file, line = operation.endpoint.file, operation.line
    faults += [Fault(file=file, line=line, found=found, cure=cure) for found, cure in told]
    return given


def variables_of(table: RouteTable, environment: Environment) -> Iterator[tuple[str, OwnVariable]]:
    """Yield each variable of each file that was imported, those in quarantine too."""
    for file, loaded in sorted((file, each.loaded) for file, each in table.files.items() if each.loaded):
        structs = {
            each: None
            for each in vars(loaded.module).values()
            if isinstance(each, type) and issubclass(each, OwnSettings) and each is not OwnSettings
        }
        for struct in structs:
            yield from ((file, variable) for variable in environment.variables(struct))


def as_dotenv(table: RouteTable, environment: Environment) -> str:
    """Return the variables of all files as a `.env.example`: names, types and defaults, and no value."""
    files: dict[OwnVariable, list[str]] = {}
    for file, variable in variables_of(table, environment):
        files.setdefault(variable, []).append(file)
    lines = []
    for variable, readers in sorted(files.items()):
        need = "required, " if variable.default is None else ""
        lines += [
            f"# {need}{variable.kind}: {', '.join(readers)}",
            f"{variable.name}={variable.default or ''}",
        ]
    return "\n".join(lines) or "# No function has settings of its own."
