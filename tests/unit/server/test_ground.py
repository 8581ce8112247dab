"""What a call takes away from every function of its worker is put back, and said."""

import json
import subprocess
import sys
from pathlib import Path

HARMS = {
    "builtins.open = None": ["Python's built-in functions"],
    "sys.modules.clear()": ["the loaded modules (sys.modules)"],
    "sys.path.clear(); sys.meta_path.clear()": ["the module search path (sys.path)"],
    "json.dumps = 1; del json.loads": ["functions of other libraries"],
    "json.dumps = ANY": ["functions of other libraries"],  # it calls itself equal to everything
    "logging.getLogger().handlers[:] = [ANY]": ["the service's log"],
    "logging.getLogger().filters[:] = [ANY]": ["the service's log"],
    "sys.stderr.close()": [],
    "sys.stderr.detach()": ["sys.stderr"],
    "sys.stderr = None": ["sys.stderr"],
    "sys.stdout = open(os.devnull); sys.stdout.close()": ["sys.stdout"],
    "sys.setrecursionlimit(50)": ["the recursion limit (sys.setrecursionlimit)"],
    "logging.disable()": ["the service's log"],
    "logging.getLogger().handlers.clear()": ["the service's log"],
    "gc.disable()": ["the garbage collection"],
    "socket.setdefaulttimeout(1)": ["the default timeout of sockets"],
    # What adds to them, or is put back by the function itself, is its own affair.
    "builtins.mine = sys.modules['mine'] = 1": [],
    "sys.stdout = io.StringIO()": [],
    "sys.stdout = type('Writer', (), {'write': lambda *_: 0, 'flush': lambda *_: 0})()": [],
    "sys.setrecursionlimit(5000)": [],
}
PROGRAM = """
import builtins, gc, io, json, logging, os, socket, sys
from unittest.mock import ANY
import runtime.routing
from runtime.server.worker.ground import Ground
from runtime.telemetry import unblocked
logging.getLogger().addHandler(logging.NullHandler())
logging.getLogger().addFilter(logging.Filter())
encode, found = json.dumps, {}
with unblocked():
    ground = Ground()
    for harm in json.loads(sys.argv[1]):
        exec(harm)
        found[harm] = ground.put_back()
        assert ground.put_back() == [], harm
        import asyncio
        assert sys.modules["asyncio"] is asyncio and json.loads(json.dumps(1)) == 1
        print("still heard", file=sys.stderr)
        print("still heard", file=sys.stdout)
with open(sys.argv[2], "w") as said:
    said.write(encode(found))
"""


def test_what_a_call_takes_from_all_functions_is_put_back_and_named(tmp_path: Path):
    said = tmp_path / "said"
    arguments = [json.dumps([*HARMS]), str(said)]

    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments], capture_output=True, text=True, check=False
    )

    assert ran.returncode == 0, ran.stderr
    assert json.loads(said.read_text()) == HARMS
    assert ran.stderr.count("still heard") == len(HARMS)
