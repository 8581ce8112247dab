"""Files that mean harm, or look as if they did: each costs itself, says so in one line, and nothing else."""

import inspect
import logging
import os
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from runtime.routing import discover
from runtime.routing.annotations.describe import MODULE_PREFIX
from tests.fixtures.routing import write_tree


@pytest.fixture(autouse=True)
def modules_as_they_were() -> Iterator[None]:
    """No module of these files may outlive its test."""
    before = sys.modules.copy()
    yield
    for name in sys.modules.keys() - before.keys():
        if type(name) is not str or name.startswith(MODULE_PREFIX):
            del sys.modules[name]


GOOD = "async def get() -> str:\n    return 'ok'\n"
DEEP = "+".join(["1"] * 6000)
HUGE = "0x" + "f" * 4000  # Python does not write a number of so many digits

LOOKED_AT = """
class Meta(type):
    @property
    def __name__(cls):
        raise SystemExit(0)
    def __instancecheck__(cls, instance):
        raise SystemExit(0)
    def __subclasscheck__(cls, other):
        raise KeyboardInterrupt
    def __repr__(cls):
        raise KeyboardInterrupt
    def __eq__(cls, other):
        raise SystemExit(0)
    def __hash__(cls):
        raise GeneratorExit
class Thing(metaclass=Meta):
    pass
"""
RAISED = """
class Bad(Exception):
    @property
    def {name}(self):
        raise SystemExit(0)
raise Bad
"""

SOURCES = {
    "config too deep to be written": f"config = {DEEP}\n{GOOD}",
    "key too deep to be written": f"config = Function(timeout={DEEP})\n{GOOD}",
    "number beyond every float": f"config = Function(timeout={'9' * 400})\n{GOOD}",
    "number beyond every clock": f"config = Function(timeout=1e300)\n{GOOD}",
    "half a character": f"config = Function(permission='org:\\ud800:read')\n{GOOD}",
    "control characters": f"config = Function(tags=('a\\x1b[31m',))\n{GOOD}",
    "annotation that exits": "async def get() -> \"__import__('sys').exit(3)\":\n    return ''\n",
    "generator that says it returns": "async def get() -> str:\n    yield 'x'\n",
    "plain generator as a stream": (
        "from collections.abc import AsyncIterator\nfrom runtime import Event\n"
        "class Tick(Event, tag='tick'):\n    number: int\n"
        "def get() -> AsyncIterator[Tick]:\n    yield Tick(number=1)\n"
    ),
    "event whose name breaks the frame": (
        "from collections.abc import AsyncIterator\nfrom runtime import Event\n"
        "class Tick(Event, tag='a\\ndata: b'):\n    number: int\n"
        "async def get() -> AsyncIterator[Tick]:\n    yield Tick(number=1)\n"
    ),
    "alias of itself": "type A = B\ntype B = A\nasync def get() -> A:\n    return 'x'\n",
    "wrapper of itself": f"{GOOD}get.__wrapped__ = get\n",
    "error whose text exits": (
        f"class Bad(BaseException):\n    def __str__(self):\n        raise SystemExit\nraise Bad\n{GOOD}"
    ),
    "working directory changed": f"import os\nos.chdir('/')\n{GOOD}",
    "error with a text for a terminal": f"raise ValueError('a\\nb\\x1b[31m')\n{GOOD}",
    "number that cannot be written": f"config = Function(timeout={HUGE})\n{GOOD}",
    "negative number that cannot be written": f"config = Function(status=-{HUGE})\n{GOOD}",
    "number that cannot be written, in a list": f"config = Function(tags=[{HUGE}])\n{GOOD}",
    "number that cannot be written, of a method": (
        f"config = Function(methods={{'get': {{'cache': {HUGE}, 'timeout': -{HUGE}}}}})\n{GOOD}"
    ),
    "number that cannot be written, not a literal": f"config = Function(timeout={HUGE} * f())\n{GOOD}",
    "number that cannot be written, alone": f"config = {HUGE}\n{GOOD}",
    "infinite": f"config = Function(timeout=1e999, cache=-1e999)\n{GOOD}",
    "not a number": f"config = Function(timeout=1e999 - 1e999)\n{GOOD}",
    "complex": f"config = Function(timeout=3 + 4j)\n{GOOD}",
    "bytes": f"config = Function(permission=b'\\xff')\n{GOOD}",
    "dots": f"config = Function(timeout=..., tags=(...,))\n{GOOD}",
    "formatted": f"config = Function(permission=f'org:{{1}}')\n{GOOD}",
    "list as a key": f"config = Function(reverification={{[]: 1}})\n{GOOD}",
    "path of half a million segments": f"config = Function(path='{'/a' * 400_000}')\n{GOOD}",
    "key with a long name": f"config = Function({'k' * 100_000}=1)\n{GOOD}",
    "helpers with long names": f"def {'h' * 100_000}() -> None: ...\n",
    "parser out of memory": f"value = {'(' * 5000}{')' * 5000}\n{GOOD}",
    "nul": f"value = '\0'\n{GOOD}",
    "working directory that is gone": (
        f"import os, tempfile\nwith tempfile.TemporaryDirectory() as gone:\n    os.chdir(gone)\n{GOOD}"
    ),
    "module without a name": f"{GOOD}del __name__\nraise ValueError\n",
    "annotation that ends the process when it is looked at": (
        f"{LOOKED_AT}async def get(limit: Thing) -> Thing:\n    return Thing()\n"
    ),
    **{
        f"error whose {name} ends the process": RAISED.format(name=name) + GOOD
        for name in ("__traceback__", "__class__", "__cause__", "__context__")
    },
    "error whose class ends the process": (
        f"{LOOKED_AT}class Bad(Exception, metaclass=Meta):\n    pass\nraise Bad\n{GOOD}"
    ),
    "error whose text is no plain text": (
        "class Text(str):\n    def __format__(self, spec): raise SystemExit\n"
        "    def __len__(self): raise SystemExit\n    def __getitem__(self, key): raise SystemExit\n"
        f"class Bad(Exception):\n    def __str__(self): return Text('x' * 1000)\nraise Bad\n{GOOD}"
    ),
    "error whose text never comes": (
        f"class Bad(Exception):\n    def __str__(self):\n        while True: pass\nraise Bad\n{GOOD}"
    ),
    "standard output gone": f"import sys\nsys.stdout = None\n{GOOD}",
    "standard error closed": f"import sys, io\nsys.stderr = io.StringIO()\nsys.stderr.close()\n{GOOD}",
    "no recursion": f"import sys\nsys.setrecursionlimit(20)\n{GOOD}",
    "no recursion, and no end": f"import sys\nsys.setrecursionlimit(20)\nwhile True: pass\n{GOOD}",
    "no permission for anybody": f"import os\nos.umask(0o777)\n{GOOD}",
    "threads that switch once a day": f"import sys\nsys.setswitchinterval(86400)\n{GOOD}",
    "threads that are traced": (
        f"import threading\ndef trace(*_): raise SystemExit\nthreading.settrace(trace)\n{GOOD}"
    ),
    "built-in function taken away": f"import builtins\nbuiltins.open = None\n{GOOD}",
    "every built-in function taken away": f"import builtins\nvars(builtins).clear()\n{GOOD}",
    "every module taken away": f"import sys\nsys.modules.clear()\n{GOOD}",
    "module path taken away": f"import sys\nsys.path.clear()\n{GOOD}",
    "module finders taken away": f"import sys\nsys.meta_path.clear()\n{GOOD}",
    "docstring that ends the process": (
        f"{GOOD}class Doc(str):\n    pass\nclass Handler:\n    async def __call__(self) -> str: return ''\n"
        "    @property\n    def __doc__(self): raise SystemExit(0)\nglobals()['get'] = Handler()\n"
    ),
    "module that is anything": f"def __getattr__(name): raise SystemExit(0)\n{GOOD}del get\n",
    **{
        f"{name} taken away": f"import {name.rpartition('.')[0]}\n{name} = None\n{GOOD}"
        for name in (
            "time.perf_counter",
            "threading.Thread",
            "threading.Lock",
            "os.getcwd",
            "os.path.join",
            "msgspec.convert",
            "msgspec.inspect.type_info",
            "inspect.signature",
            "inspect.iscoroutinefunction",
            "typing.get_type_hints",
            "functools.partial",
            "re.compile",
            "importlib.util.module_from_spec",
            "sys.setrecursionlimit",
            "sys.getswitchinterval",
            "sys._current_frames",
            "asyncio.create_task",
            "logging.getLogger",
            "warnings.warn",
        )
    },
    **{
        f"all of {name} taken away": f"import {name}\nvars({name}).clear()\n{GOOD}"
        for name in ("os", "sys", "time", "msgspec", "threading")
    },
    "method of a thread taken away": f"import threading\nthreading.Thread.start = None\n{GOOD}",
    "means to end a thread taken away": f"import ctypes\nctypes.pythonapi = None\nwhile True: pass\n{GOOD}",
    "trace taken away": f"import traceback\ntraceback.walk_tb = None\nraise ValueError\n{GOOD}",
    **{
        name: f"{source}{GOOD}"
        for name, source in {
            "all lines of the log left out": "import logging\nlogging.disable()\n",
            "all loggers disabled": "import logging.config\nlogging.config.dictConfig({'version': 1})\n",
            "service's logger silenced": (
                "import logging\nlogging.getLogger('annex.access').setLevel(logging.CRITICAL)\n"
            ),
            "service's logger filtered": (
                "import logging\nlogging.getLogger('annex.access').addFilter(lambda _: False)\n"
            ),
            "log raised": "import logging\nlogging.getLogger().setLevel(logging.CRITICAL)\n",
            "handlers of the log removed": "import logging\nlogging.getLogger().handlers.clear()\n",
            "handlers of the log replaced": "import logging\nlogging.basicConfig(force=True)\n",
            "warnings that raise": "import warnings\nwarnings.filterwarnings('error', 'anything')\n",
            "warnings reset": "import warnings\nwarnings.resetwarnings()\n",
            "environment cleared": "import os\nos.environ.clear()\n",
            "variable of the environment replaced": "import os\nos.environ['PATH'] = '/nowhere'\n",
        }.items()
    },
    "error with a long text": f"raise ValueError('x' * 10_000_000)\n{GOOD}",
}


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES.keys())
def test_hostile_source_costs_its_own_file_and_is_told_in_one_line(tmp_path: Path, source: str) -> None:
    write_tree(tmp_path, {"bad.py": source, "good.py": GOOD})

    here = Path.cwd()
    table = discover(tmp_path, import_budget=0.5)

    assert Path.cwd() == here
    assert [each.endpoint.file for each in table.operations] == ["good.py"]
    assert {fault.file for fault in table.faults} == {"bad.py"}
    for fault in table.faults:
        assert str(fault).isprintable()
        assert len(str(fault)) < 500


SILENCED = """
import logging, logging.config, os, warnings
logging.disable()
logging.config.dictConfig({"version": 1, "root": {"level": "CRITICAL", "handlers": []}})
logging.getLogger("annex.access").addFilter(lambda _: False)
warnings.simplefilter("error")
os.environ.clear()
"""


def test_log_warnings_and_environment_go_on_as_before(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_tree(tmp_path, {"bad.py": f"{SILENCED}{GOOD}"})
    logger = logging.getLogger("annex.access")
    before = os.environ.copy()

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        discover(tmp_path)
        warnings.warn("no error", stacklevel=1)
    logger.warning("a line")

    assert [str(each.message) for each in caught] == ["no error"]
    assert "a line" in caplog.text
    assert os.environ.copy() == before


ADDED = """
import logging, os, time, warnings
logging.getLogger("other").setLevel(logging.CRITICAL)
logging.getLogger("other").addHandler(logging.NullHandler())
logging.basicConfig(level=logging.INFO)
warnings.filterwarnings("ignore", message="numpy")
os.environ.setdefault("ANNEX_TEST_ADDED", "1")
time.sleep = lambda seconds, sleep=time.sleep: sleep(seconds)
"""


def test_file_may_add_to_the_log_to_warnings_and_to_the_environment_and_wrap_functions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", time.sleep)
    monkeypatch.setenv("ANNEX_TEST_ADDED", "0")
    monkeypatch.delenv("ANNEX_TEST_ADDED")
    write_tree(tmp_path, {"fine.py": f"{ADDED}{GOOD}"})

    assert discover(tmp_path).faults == ()


OTHER = """
import sys, types
class Other(types.ModuleType):
    @property
    def {name}(self):
        raise SystemExit(0)
"""
REPLACED = {
    "nothing in its own place": "import sys\nsys.modules[__name__] = None\n",
    "a number in its own place": "import sys\nsys.modules[__name__] = 3\n",
    "its own place left empty": "import sys\ndel sys.modules[__name__]\n",
    "another module in its own place": "import sys, json\nsys.modules[__name__] = json\n",
    "nothing in its package's place": "import sys\nsys.modules[__package__] = None\n",
    **{
        f"module whose {name} ends the process": (
            f"{OTHER.format(name=name)}sys.modules[__name__].__class__ = Other\n"
        )
        for name in ("__name__", "__file__", "__dict__", "__class__")
    },
    "module of its own kind in its own place": (
        f"{OTHER.format(name='__name__')}sys.modules[__name__] = Other(__name__)\n"
    ),
    "package whose name ends the process": (
        f"{OTHER.format(name='__name__')}sys.modules[__package__].__class__ = Other\n"
    ),
    "module that ends the process when it is asked for anything": (
        "def __getattr__(name): raise SystemExit(0)\n"
    ),
}


@pytest.mark.parametrize("source", REPLACED.values(), ids=REPLACED.keys())
def test_module_that_replaces_itself_is_refused_and_no_other_code_meets_it(
    tmp_path: Path, source: str
) -> None:
    write_tree(tmp_path, {"folder/odd.py": f"{source}{GOOD}", "folder/good.py": GOOD})

    first = discover(tmp_path)
    look_at_every_module()
    again = discover(tmp_path, previous=first)

    for table in (first, again):
        assert [each.endpoint.file for each in table.operations] == ["folder/good.py"]
        assert [fault.file for fault in table.faults] == ["folder/odd.py"]


HARMLESS = {
    "module without a name": "del __name__\n",
    "module whose name is no text": "__name__ = 3\n",
    "module without a file": "del __file__, __spec__, __loader__, __package__\n",
    "module under a number": "import sys\nsys.modules[3] = sys\n",
}


@pytest.mark.parametrize("source", HARMLESS.values(), ids=HARMLESS.keys())
def test_module_that_hides_itself_serves_and_is_found_again(tmp_path: Path, source: str) -> None:
    write_tree(tmp_path, {"odd.py": f"{source}{GOOD}", "good.py": GOOD})

    first = discover(tmp_path)
    look_at_every_module()
    discover(tmp_path, previous=first)
    again = discover(tmp_path)

    assert not again.faults
    assert [each.endpoint.file for each in again.operations] == ["good.py", "odd.py"]


def look_at_every_module() -> None:
    """Do what pytest, warnings and tracebacks do: code that no module is known for has them all searched."""
    names = [name for name, module in sys.modules.items() if str(name).startswith(MODULE_PREFIX)]
    assert names
    inspect.getmodule(compile("", "a file that nobody has", "exec"))
    for name in names:
        module = sys.modules[name]
        assert type(module) is ModuleType
        assert (module.__name__, getattr(module, "__warningregistry__", None)) == (name, None)


def test_import_that_never_ends_is_stopped_and_takes_no_processor_time_afterwards(tmp_path: Path) -> None:
    write_tree(tmp_path, {"bad.py": f"while True:\n    pass\n{GOOD}", "good.py": GOOD})

    table = discover(tmp_path, import_budget=0.3)

    for thread in threading.enumerate():
        if thread.name == "The import bad.py":
            thread.join(10)
            assert not thread.is_alive()
    assert "The import was still running after 0.3 s" in str(table.faults[0])


CONFIGS = {
    "inside an if": "if True:\n    config = Function(permission='org:signals:read')\n",
    "inside a try": "try:\n    config = Function(org=True)\nexcept Exception:\n    pass\n",
    "among other names": "config = other = Function(org=True)\n",
    "in a tuple": "config, other = Function(org=True), 1\n",
    "as an expression": "(config := Function(org=True))\n",
    "imported": "from runtime import Function as config\n",
    "changed afterwards": "config = Function(org=True)\nif True:\n    config = Function()\n",
    "as a loop variable": "for config in [Function(org=True)]:\n    pass\n",
}


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS.keys())
def test_config_that_would_not_be_read_is_a_fault_and_not_a_weaker_policy(
    tmp_path: Path, config: str
) -> None:
    write_tree(tmp_path, {"a.py": f"from runtime import Function\n{config}{GOOD}"})

    table = discover(tmp_path)

    assert not table.operations
    assert "This config cannot be read." in str(table.faults[0])


HANDLERS = {
    "inside an if": "if True:\n    async def get() -> str:\n        return 'x'\n",
    "annotated": "from typing import Any\nget: Any = lambda: 'x'\n",
    "in a tuple": "get, other = (lambda: 'x'), 1\n",
    "as a loop variable": "for get in [print]:\n    pass\n",
}


@pytest.mark.parametrize("handler", HANDLERS.values(), ids=HANDLERS.keys())
def test_handler_that_would_not_be_served_is_a_fault_beside_one_that_is(tmp_path: Path, handler: str) -> None:
    write_tree(tmp_path, {"a.py": f"{handler}\nasync def post() -> str:\n    return 'x'\n"})

    table = discover(tmp_path)

    assert [fault.found.split()[0] for fault in table.faults] == ["get"]


def test_what_is_no_readable_file_is_told_and_neither_opened_nor_entered(tmp_path: Path) -> None:
    write_tree(tmp_path, {"good.py": GOOD, "folder.py/inner.py": GOOD})
    os.mkfifo(tmp_path / "pipe.py")
    (tmp_path / "endless.py").symlink_to("/dev/zero")
    (tmp_path / "self.py").symlink_to("self.py")
    (tmp_path / "gone.py").symlink_to("nowhere.py")
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "large.py").write_text(GOOD + "#" * (1 << 20))
    Path(os.fsdecode(bytes(tmp_path) + b"/\xff.py")).write_text(GOOD)
    (tmp_path / "rtl\u202egnp.py").write_text(GOOD)

    table = discover(tmp_path)

    assert [each.endpoint.file for each in table.operations] == ["folder.py/inner.py", "good.py"]
    assert [fault.file for fault in table.faults] == [
        "\\udcff.py", "endless.py", "gone.py", "large.py", "loop", "pipe.py", "rtl\\u202egnp.py", "self.py"
    ]  # fmt: skip


@pytest.mark.parametrize("target", ["nowhere.py", "/dev/zero", "_config.py"])
def test_folder_policy_that_cannot_be_read_closes_what_is_below_it(tmp_path: Path, target: str) -> None:
    write_tree(tmp_path, {"reports/a.py": GOOD, "good.py": GOOD})
    (tmp_path / "reports" / "_config.py").symlink_to(target)

    table = discover(tmp_path)

    assert [each.endpoint.file for each in table.operations] == ["good.py"]


def test_folder_policy_in_capitals_is_told(tmp_path: Path) -> None:
    write_tree(tmp_path, {"_Config.py": "config = Folder(org=True)\n", "a.py": GOOD})

    assert [str(fault) for fault in discover(tmp_path).faults] == [
        "_Config.py: _Config.py is not recognised as the folder's policy. Name it _config.py."
    ]


def test_two_files_with_one_url_below_a_parameter_called_others_are_told_about_each_other(
    tmp_path: Path,
) -> None:
    source = "async def get(others: str) -> str:\n    return others\n"
    write_tree(tmp_path, {"(a)/x/[others].py": source, "(b)/x/[others].py": source})

    faults = discover(tmp_path).faults

    assert [fault.found for fault in faults] == [
        "GET /x/{others} is claimed by (b)/x/[others].py too.",
        "GET /x/{others} is claimed by (a)/x/[others].py too.",
    ]


def test_a_folder_full_of_files_that_hang_holds_the_start_up_for_two_of_them(tmp_path: Path):
    for number in range(4):
        (tmp_path / f"hangs{number}.py").write_text(
            "import threading\n\nthreading.Event().wait()\n\n\nasync def get() -> str:\n    return ''\n"
        )

    table = discover(tmp_path, import_budget=0.3)

    waits = [fault.found.split(" after ")[1].removesuffix(" s.") for fault in table.faults]
    assert waits == ["0.3", "0.3", "0.03", "0.03"]
