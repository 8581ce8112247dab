"""Machines on one machine: each a network namespace of its own, all on one bridge. Needs Linux, root and `ip`."""

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

BRIDGE = "annex-bench"
PLUG = "annex-plug"  # with a number; an interface has 15 characters at most
NETWORK = "10.77.0"
HERE = f"{NETWORK}.1"  # this process's own address, as the machines see it
STOP_TIMEOUT = 45.0  # seconds; `annex serve` takes up to 33


class NoNetwork(Exception):
    """This machine cannot have such a network; the text names what is missing."""


class Machine:
    """One namespace and the processes in it.

    Attributes:
        address: on the bridge.
    """

    def __init__(self, name: str, number: int) -> None:
        self.name = name
        self.address = f"{NETWORK}.{number}"
        self._space = f"{BRIDGE}-{name}"
        self._number = number
        self._started: list[subprocess.Popen[bytes]] = []

    def connect(self) -> None:
        """Make the namespace, and plug it into the bridge."""
        inner, outer = f"{PLUG}{self._number}i", f"{PLUG}{self._number}"
        _ip("netns", "add", self._space)
        _ip("link", "add", outer, "type", "veth", "peer", "name", inner)
        _ip("link", "set", inner, "netns", self._space, "name", "eth0")
        _ip("link", "set", outer, "master", BRIDGE, "up")
        _ip("-n", self._space, "address", "add", f"{self.address}/24", "dev", "eth0")
        for device in ("lo", "eth0"):
            _ip("-n", self._space, "link", "set", device, "up")

    @contextlib.contextmanager
    def inside(self) -> Iterator[None]:
        """Let this thread, and what it starts, be on this machine for the block."""
        outside, there = Path("/proc/thread-self/ns/net"), Path("/run/netns") / self._space
        with outside.open() as before, there.open() as after:
            os.setns(after.fileno(), os.CLONE_NEWNET)
            try:
                yield
            finally:
                os.setns(before.fileno(), os.CLONE_NEWNET)

    def run(
        self,
        command: Sequence[str | Path],
        log: Path,
        environment: Mapping[str, str],
        *,
        user: str | None = None,
    ) -> None:
        """Start a program here that writes into `log`, away from Ctrl-C, which is for this process."""
        with self.inside(), log.open("ab") as out:
            self._started.append(
                subprocess.Popen(
                    command,
                    stdout=out,
                    stderr=out,
                    env=dict(environment),
                    cwd="/",
                    user=user,
                    start_new_session=True,
                )
            )

    def kill(self) -> None:
        """End all of its processes at once, as a loss of power would, but for the network, which says so."""
        while pids := self.pids():
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.01)
        for process in self._started:
            process.wait()
        self._started.clear()

    def stop(self) -> None:
        """Ask what was started here to end, wait for it, and kill what is left."""
        for process in self._started:
            process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            for process in self._started:
                process.wait(STOP_TIMEOUT)
        self.kill()

    def pids(self) -> list[int]:
        return [int(pid) for pid in _ip("netns", "pids", self._space).split()]


@contextlib.contextmanager
def network(*names: str) -> Iterator[dict[str, Machine]]:
    """Make a machine of each name; nothing of them is left after the block, nor of an earlier run that was killed.

    Raises:
        NoNetwork: this machine cannot have it.
    """
    lacking = missing()
    if lacking:
        raise NoNetwork(lacking)
    _remove()
    machines = {name: Machine(name, number) for number, name in enumerate(names, start=2)}
    try:
        _ip("link", "add", BRIDGE, "type", "bridge")
        _ip("address", "add", f"{HERE}/24", "dev", BRIDGE)
        _ip("link", "set", BRIDGE, "up")
        for machine in machines.values():
            machine.connect()
        yield machines
    finally:
        _remove()


def missing() -> str:
    """Say what this machine lacks, and the cure; "" when it lacks nothing."""
    if not hasattr(os, "setns"):
        return "Network namespaces are Linux's: run this on Linux, as root."
    if os.geteuid() != 0:
        return "Network namespaces need root: run this command as root, or in a container with --privileged."
    if shutil.which("ip") is None:
        return "The program `ip` is missing: install iproute2."
    return ""


def _remove() -> None:
    for plug in Path("/sys/class/net").glob(f"{PLUG}*"):
        with contextlib.suppress(NoNetwork):  # it goes with its other end
            _ip("link", "delete", plug.name)
    spaces = [line.split()[0] for line in _ip("netns", "list").splitlines() if line]
    for space in spaces:
        if space.startswith(f"{BRIDGE}-"):
            while pids := _ip("netns", "pids", space).split():
                subprocess.run(["kill", "-KILL", *pids], stderr=subprocess.DEVNULL, check=False)
                time.sleep(0.01)
            _ip("netns", "delete", space)
    if Path(f"/sys/class/net/{BRIDGE}").exists():
        _ip("link", "delete", BRIDGE)


def _ip(*arguments: str) -> str:
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        said = done.stderr.strip()
        raise NoNetwork(f"`ip {' '.join(arguments)}` failed: {said}. Does this container have --privileged?")
    return done.stdout
