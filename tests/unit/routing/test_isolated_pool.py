"""The processes of isolated functions, at the start of their worker."""

import asyncio
import sys

import pytest

from runtime.routing.calling.isolated.pool import IsolatedProcesses
from runtime.settings import load


async def test_a_worker_that_is_called_in_haste_waits_for_no_process(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "executable", "/bin/false")  # it never says that it is ready
    processes = IsolatedProcesses(load({"ANNEX_ENV": "test"}))
    processes.renew(functions=1)
    processes.is_in_haste = True

    async with asyncio.timeout(5):
        await processes.__aenter__()

    await processes.__aexit__()
