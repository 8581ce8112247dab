"""The detached runs of this process: recorded while they play, readable on any replica."""

import asyncio
import contextlib
import logging
from collections.abc import Mapping
from contextvars import Context, copy_context
from typing import cast

from opentelemetry import context as otel

from shared.agents.detached.record import RunRecord
from shared.agents.detached.store import RunStore
from shared.agents.detached.story import SILENT_SECONDS, Story
from shared.agents.events import RunStarted
from shared.agents.holder import Holder, Permits
from shared.agents.running.run import TeamRun
from shared.agents.stream import RunStream
from shared.errors import AgentsUnavailable, NotFound, Unavailable
from shared.identity import User
from shared.work import RunTakenOver, Standby

log = logging.getLogger(__name__)


class DetachedRuns:
    """Records runs and obeys requests to stop them.

    Args:
        store: where they are kept; without one there are none.
        running: the runs of this process, by id.
        permits: whether a caller meets demands.
    """

    def __init__(self, store: RunStore | None, running: Mapping[str, TeamRun], permits: Permits) -> None:
        self._store = store
        self._running = running
        self._permits = permits
        self._recorders: set[asyncio.Task[None]] = set()
        self._stood_by: set[asyncio.Task[None]] = set()
        self._listener: asyncio.Task[None] | None = None

    def open(self) -> None:
        """Begin to obey requests to stop runs of this process."""
        if self._store is not None:
            self._listener = asyncio.create_task(self._obey(self._store), context=Context())

    async def close(self) -> None:
        """Let recorders write the last events, end what is left, close the store."""
        if self._recorders:
            await asyncio.wait(self._recorders, timeout=1)
        left = {*self._recorders, *([self._listener] if self._listener else [])}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        if self._store is not None:
            await self._store.close()

    def require(self) -> RunStore:
        """Return the store.

        Raises:
            AgentsUnavailable: there is none.
        """
        if self._store is None:
            raise AgentsUnavailable("Runs that outlive their connection need REDIS_URL.", retry_after=None)
        return self._store

    async def start(self, run: TeamRun) -> RunStream:
        """Let a recorder read the run, and the caller read the record.

        Raises:
            Unavailable: the store takes no event; the run has ended.
        """
        store = self.require()
        clean = Context()  # only the request's trace goes on: neither its deadline nor its clean-up
        clean.run(otel.attach, otel.get_current())
        run.start(clean)
        written = asyncio.get_running_loop().create_future()
        recorder = asyncio.create_task(self._record(run, store, written), context=clean)
        self._recorders.add(recorder)
        recorder.add_done_callback(self._recorders.discard)
        await written
        return RunStream(store.follow(run.holder, run.id))

    async def start_stood_by(self, run: TeamRun, standby: Standby) -> RunStream:
        """Play a run here, as `work` does, while a worker stands by for it.

        Raises:
            Unavailable: the store takes no event; the run has ended.
        """
        store = self.require().lasting(SILENT_SECONDS)
        story = Story(store, run.holder, run.id)
        try:
            await story.open()
        except BaseException:
            run.conclude("cancelled")
            await run.close()
            with contextlib.suppress(Unavailable):  # a run that nobody was told of is not taken up either
                await standby.drop()
            raise
        clean = Context()
        clean.run(otel.attach, otel.get_current())
        playing = asyncio.create_task(self._play(run, story, store, standby), context=clean)
        self._stood_by.add(playing)
        playing.add_done_callback(self._stood_by.discard)
        return RunStream(store.follow(run.holder, run.id))

    async def hand_over(self) -> None:
        """Leave the runs for which a worker stands by to that."""
        playing = [*self._stood_by]
        for task in playing:
            task.cancel()
        await asyncio.gather(*playing, return_exceptions=True)

    async def find(self, run_id: str, user: User) -> RunRecord:
        """Return the record of a run that this caller holds.

        Raises:
            NotFound: there is none.
        """
        if self._store is not None:
            record = await self._store.find(Holder.of(user), run_id)
            if record.holder.admits(user, self._permits):
                return record
        raise NotFound("agent run", run_id)

    async def work(self, run: TeamRun, story: Story, store: RunStore) -> None:
        """Play a run that another worker can take up, and tell its readers what is said.

        Where it is cancelled, because the worker hands it back, its end is not told.
        """
        alive = asyncio.create_task(store.keep_alive(run.holder, run.id))
        try:
            await story.take_up()
            if await store.is_stopped(run.holder, run.id):
                run.conclude("cancelled")
            run.start(copy_context())
            async with contextlib.aclosing(run.events()) as events:
                async for event in events:
                    if not isinstance(event, RunStarted):
                        await story.tell(event)
            await store.finish(run.holder, run.id)
        finally:
            alive.cancel()
            await run.close()

    async def _play(self, run: TeamRun, story: Story, store: RunStore, standby: Standby) -> None:
        here = cast("asyncio.Task[None]", asyncio.current_task())
        attending = asyncio.create_task(standby.attend())
        attending.add_done_callback(lambda done: done.cancelled() or here.cancel())  # a worker has the run
        try:
            await self.work(run, story, store)
            await standby.drop()
        except (Unavailable, RunTakenOver):
            log.warning("agent run left to a worker", extra={"run_id": run.id})
        except asyncio.CancelledError:
            log.info("agent run left to a worker", extra={"run_id": run.id})
            with contextlib.suppress(Unavailable):
                await standby.release()
            raise
        finally:
            attending.cancel()

    async def _record(self, run: TeamRun, store: RunStore, written: asyncio.Future[None]) -> None:
        number = 0
        alive = asyncio.create_task(store.keep_alive(run.holder, run.id))
        try:
            async for event in run.events():
                number += 1
                await store.append(run.holder, run.id, number, event)
                if not written.done():
                    written.set_result(None)
        except Unavailable as error:
            if not written.done():
                written.set_exception(error)
            log.warning("agent run ended: its store does not respond", extra={"run_id": run.id})
        finally:
            alive.cancel()
            await run.close()
            if not written.done():
                written.set_result(None)
            with contextlib.suppress(Unavailable):
                await store.finish(run.holder, run.id)

    async def _obey(self, store: RunStore) -> None:
        """End the runs that other replicas were asked to end."""
        async for holder, run_id in store.stops():
            run = self._running.get(run_id)
            if run is not None and run.holder.name == holder:
                run.stop("cancelled")
