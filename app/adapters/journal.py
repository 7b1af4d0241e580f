"""The journal as the loop sees it: put a record in, learn when it is durable, learn how the last run ended.

The one rule: nothing here blocks the loop or raises at whoever puts a record. A broken disk is a Trouble that is
shown; a mask never waits for it longer than it was told to.

    journal = Journal(path, file_key(key_file(path)), clock, scene)
    journal.listen(show_trouble)
    last = await journal.start()                    # how the run before ended
    record = journal.put(intent)                    # at the press
    await journal.settled(record)                   # before the request leaves; False: go on all the same
    await journal.durable(state)                    # both in one, before the window claims it
    await journal.close(within=3.0)
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from app.adapters.journal_faults import Trouble
from app.adapters.journal_file import JournalFile
from app.adapters.journal_key import KeySource
from app.adapters.journal_last_run import UNREADABLE, LastRun
from app.adapters.journal_retention import KEEP_FOR
from app.adapters.journal_writer import Writer
from app.core.audit import Entry, Fault, Kind, Moment, Origin, Outcome, Resource, Scene
from app.core.ports import Clock

INTENT_WITHIN = 0.05
"""Seconds that a request waits for its record: then it leaves without."""
ROOM = 10_000
"""Records that may wait for the disk. More are lost, and counted."""
NOT_WRITTEN = 0
"""What a future gives for a record that is not in the journal and will not be."""


class Journal:
    """Use it from one loop. `scene` may be replaced when the user or the service changes."""

    def __init__(
        self,
        path: Path,
        key: KeySource,
        clock: Clock,
        scene: Scene,
        keep_for: float = KEEP_FOR,
        at_point: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`keep_for` in seconds. Touches nothing: `start` does."""
        self.scene = scene
        self.trouble: Trouble | None = None
        """What keeps records from being written now."""
        self.last_run: LastRun = UNREADABLE
        self._clock = clock
        self._writer = Writer(JournalFile(path, key, at_point), clock, scene, _OnTheLoop(self), keep_for)
        self._listeners: list[Callable[[Trouble | None], None]] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._began: asyncio.Future[LastRun] | None = None
        self._ended: asyncio.Future[None] | None = None
        self._closed = False
        self._waiting = 0
        self._lost = 0
        self._slow = False
        self._state: Entry | None = None

    def listen(self, show: Callable[[Trouble | None], None]) -> None:
        """`show` gets each trouble, and None when records are written again."""
        self._listeners.append(show)

    # Beginning and end.

    async def start(self, within: float = 2.0) -> LastRun:
        """Open, and say how the run before ended. A disk that takes longer than `within` s: nobody knows."""
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.create_future()
        self._ended = self._loop.create_future()
        self._writer.thread.start()
        await asyncio.wait({self._began}, timeout=within)
        return self.last_run

    async def close(self, within: float = 3.0) -> bool:
        """Write the stop record and all that waits. True: all of it is durable. At the latest after `within` s."""
        if self._closed or self._ended is None:
            return self._waiting == 0
        stop = self.put(self._stop())
        self._closed = True
        self._writer.queue.put(None)
        await asyncio.wait({self._ended}, timeout=within)
        return stop.done() and stop.result() != NOT_WRITTEN

    def _stop(self) -> Entry:
        at = Moment(self._clock.wall(), self._clock.monotonic())
        stop = Entry(Kind.STOP, at, self.scene, resource=Resource.PROGRAM)
        was = self._state
        if was is None:
            return stop
        return replace(
            stop, phase=was.phase, operation=was.operation, masked_since=was.masked_since, contact=was.contact
        )

    # Records.

    def put(self, entry: Entry) -> "asyncio.Future[int]":
        """Queue it. The future gives its sequence number once it is durable, or NOT_WRITTEN; it never raises."""
        loop = self._loop or asyncio.get_running_loop()
        future: asyncio.Future[int] = loop.create_future()
        if entry.kind is Kind.STATE:
            self._state = entry
        if self._closed or self._waiting >= ROOM:
            self._lost += 1
            future.set_result(NOT_WRITTEN)
            if self._lost == 1 and not self._closed:
                self._tell(Trouble(Fault.LOST, lasting=True, waiting=self._waiting))
            return future
        self._waiting += 1
        self._writer.queue.put((entry, future))
        return future

    async def durable(self, entry: Entry, within: float = INTENT_WITHIN) -> bool:
        """Put it, and `settled`."""
        return await self.settled(self.put(entry), within)

    async def settled(self, record: "asyncio.Future[int]", within: float = INTENT_WITHIN) -> bool:
        """Wait until the record is on disk, at most `within` s, and not at all while records are not written.

        Apart from `put`, so that the disk works while the request is made ready: put at the press, settle before
        the request leaves.
        """
        if not record.done() and self.trouble is None:
            await asyncio.wait({record}, timeout=within)
        if record.done():
            self._slow = self._slow and record.result() == NOT_WRITTEN
            return record.result() != NOT_WRITTEN
        if self.trouble is None and not self._slow:
            self._slow = True
            self._tell(Trouble(Fault.SLOW, lasting=False, waiting=self._waiting))
            self.put(self._fault(Fault.SLOW, None))
        return False

    def _fault(self, fault: Fault, amount: int | None) -> Entry:
        at = Moment(self._clock.wall(), self._clock.monotonic())
        own = Entry(Kind.FAULT, at, self.scene, Outcome.FAILURE, Origin.PROGRAM, Resource.JOURNAL)
        return replace(own, fault=fault, amount=amount)

    # What the thread tells, on the loop.

    def _tell(self, trouble: Trouble | None) -> None:
        self.trouble = trouble if trouble is None or trouble.lasting else self.trouble
        for show in self._listeners:
            show(trouble)

    def _resolve(self, futures: "list[asyncio.Future[int] | None]", first: int) -> None:
        for number, future in enumerate(futures):
            if future is not None:
                self._waiting -= 1
                if not future.done():
                    future.set_result(first + number if first else NOT_WRITTEN)
        if self._lost and first and not self._closed and self._waiting < ROOM // 2:
            lost, self._lost = self._lost, 0
            self.put(self._fault(Fault.LOST, lost))

    def _begin(self, last: LastRun) -> None:
        self.last_run = last
        if self._began is not None and not self._began.done():
            self._began.set_result(last)

    def _end(self, waiting: "list[asyncio.Future[int] | None]") -> None:
        self._resolve(waiting, NOT_WRITTEN)
        if self._ended is not None and not self._ended.done():
            self._ended.set_result(None)


class _OnTheLoop:
    """Carries what the thread tells over to the loop."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def _soon(self, call: Callable[..., None], *args: object) -> None:
        loop = self._journal._loop  # noqa: SLF001  the journal's other half
        try:
            if loop is not None:
                loop.call_soon_threadsafe(call, *args)
        except RuntimeError:
            pass  # the loop is closed: nobody listens any more

    def written(self, futures: "list[asyncio.Future[int] | None]", first: int) -> None:
        self._soon(self._journal._resolve, futures, first)  # noqa: SLF001

    def trouble(self, trouble: Trouble | None) -> None:
        self._soon(self._journal._tell, trouble)  # noqa: SLF001

    def began(self, last: LastRun) -> None:
        self._soon(self._journal._begin, last)  # noqa: SLF001

    def ended(self, waiting: "list[asyncio.Future[int] | None]") -> None:
        self._soon(self._journal._end, waiting)  # noqa: SLF001
