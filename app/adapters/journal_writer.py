"""The journal's own thread: takes what waits, writes it in order, and keeps it while the disk does not want it.

The one rule: a record leaves the queue only when it is durable; a fault is told once, and recorded when it can be.
"""

import logging
import sqlite3
from asyncio import Future
from collections import deque
from dataclasses import replace
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Protocol

from app.adapters.journal_faults import KeylessError, Trouble, fault_of
from app.adapters.journal_file import JournalFile
from app.adapters.journal_last_run import UNREADABLE, Ended, LastRun, last_run, salvaged
from app.adapters.journal_presence import Presence
from app.adapters.journal_remains import remains
from app.adapters.journal_retention import KEEP_FOR, cut_once
from app.adapters.journal_schema import DamagedError, GoneError
from app.core.audit import Entry, Fault, Head, Kind, Moment, Origin, Outcome, Resource, Scene, body
from app.core.ports import Clock

log = logging.getLogger("maskbar.journal")

AT_ONCE = 256
"""Records in one transaction, at most."""
RETRY = 1.0
"""Seconds between two tries while the disk does not want the records."""
QUIET = 2.0
"""Seconds without a record after which the file is tidied up."""
TIDY_EACH = 86_400.0
"""Seconds between two looks at what is too old."""


Waiting = tuple[Entry, "Future[int] | None"]


class Teller(Protocol):
    """Whom the thread tells. Called in the thread: each has to hand over to the loop by itself."""

    def written(self, futures: "list[Future[int] | None]", first: int) -> None:
        """They are durable, under sequence numbers from `first` on."""
        ...

    def trouble(self, trouble: Trouble | None) -> None:
        """None: records are written again."""
        ...

    def began(self, last: LastRun) -> None: ...

    def ended(self, waiting: "list[Future[int] | None]") -> None:
        """The thread is over; these were never written."""
        ...


class Writer:
    """Owns the file. `queue` takes (entry, future), and None for the end."""

    def __init__(
        self, file: JournalFile, clock: Clock, scene: Scene, teller: Teller, keep_for: float = KEEP_FOR
    ) -> None:
        self.queue: SimpleQueue[Waiting | None] = SimpleQueue()
        self.file = file
        self._clock = clock
        self._scene = scene
        self._teller = teller
        self._keep_for = keep_for
        self._backlog: deque[Waiting] = deque()
        self._fault: Fault | None = None
        self._start = self._own(Kind.START, Resource.PROGRAM)
        self._last: LastRun | None = None
        self._told_began = False
        self._latest: Entry | None = None
        self._doubt: LastRun | None = None
        self._presence: Presence | None = None
        self._came_alone = True
        self._tidy_at = 0.0
        self._stopping = False
        # A daemon: a disk that hangs must not keep the program from ending.
        self.thread = Thread(target=self._run, name="journal", daemon=True)

    def _own(self, kind: Kind, resource: Resource = Resource.JOURNAL) -> Entry:
        at = Moment(self._clock.wall(), self._clock.monotonic())
        return Entry(kind, at, self._scene, resource=resource)

    # The thread.

    def _run(self) -> None:
        self._flush()
        self._tell_began(UNREADABLE)
        while not self._stopping:
            self._take()
            try:
                if self._backlog:
                    self._flush()
                elif not self._stopping:
                    self._tidy()
            except Exception as error:  # noqa: BLE001  whatever it is: the thread lives on, and the fault is shown
                self._failed(error)
        self._close()
        self._teller.ended([future for _, future in self._backlog])

    def _take(self) -> None:
        """Wait for something to do; what there is goes to the backlog."""
        now = self._clock.monotonic()
        wait = (
            RETRY if self._fault else QUIET if now >= self._tidy_at or self.file.busy else self._tidy_at - now
        )
        try:
            item = self.queue.get(timeout=wait)
            while item is not None:
                self._backlog.append(item)
                item = self.queue.get_nowait()
            self._stopping = True
        except Empty:
            pass

    def _flush(self) -> None:
        """Write what waits. Never raises what a disk can do."""
        for _ in range(3):  # damaged, set aside, and once more
            try:
                if not self.file.is_open:
                    self._open()
                while self._backlog:
                    self._write()
            except (DamagedError, GoneError, sqlite3.Error, OSError, ValueError) as error:
                if not self._failed(error):
                    return
            else:
                self._recovered()
                return

    def _write(self) -> None:
        batch = [self._backlog[index] for index in range(min(len(self._backlog), AT_ONCE))]
        first = self.file.append([self._bytes(entry) for entry, _ in batch])
        for entry, _ in batch:
            self._backlog.popleft()
            if entry.kind is Kind.STATE:
                self._latest = entry
        self._teller.written([future for _, future in batch], first)

    def _bytes(self, entry: Entry) -> bytes:
        try:
            return body(entry)
        except Exception:
            # A mistake in one record must not hold up all that come after it.
            log.exception("a record could not be written down")
            return body(replace(self._own(Kind.FAULT), fault=Fault.LOST, outcome=Outcome.FAILURE, amount=1))

    # Opening.

    def _open(self) -> None:
        self.file.make_folder()
        if self._presence is None:
            self._presence = Presence(self.file.path.parent)
            self._came_alone = self._presence.alone()  # from here on others see this one
        self.file.open()
        if self.file.key_made and self.file.had_records:
            raise KeylessError
        if self._last is None:
            self._last = self._look_back()
            if self._last.ended is Ended.UNCLEAN and not self._last.doubtful:
                self._backlog.appendleft(
                    (self._as_it_was(self._own(Kind.UNCLEAN_END, Resource.PROGRAM)), None)
                )
            self._backlog.appendleft((self._as_it_was(self._start), None))
        elif self.file.fresh:
            # A new journal in the middle of a run: it begins with what is known now.
            self._backlog.appendleft((self._as_it_is(self._start), None))
        self._tell_began(self._last)

    def _look_back(self) -> LastRun:
        """Read before this run's first record is written."""
        if self._doubt is not None:
            return self._doubt
        last = last_run(self.file.newest_first(), self._scene.run)
        alone = self._presence is None or self._presence.alone()
        if last.ended is Ended.UNCLEAN:
            # Read again: another MaskBar that was here a moment ago has written its stop record by now.
            second = last_run(self.file.newest_first(), self._scene.run)
            same = second.run == last.run and second.ended is Ended.UNCLEAN
            lives = second.ended is Ended.UNCLEAN and not (alone and same)
            last = replace(second, ended=Ended.STILL_RUNS) if lives else second
        if (
            self.file.lost is not None and alone and self._came_alone
        ):  # another MaskBar's commit may be on its way there
            self._tell_once(Fault.TORN)
            seen = salvaged(self.file.lost)
            newer = seen.phase is not None and (seen.at or 0.0) >= (last.at or 0.0)
            last = replace(seen, ended=last.ended) if newer else replace(last, doubtful=True)
        if not self.file.tail_holds():
            self._tell_once(Fault.CHANGED)
            last = replace(last, doubtful=True)
        # A key without records: they were here once.
        return replace(last, doubtful=last.doubtful or (self.file.fresh and not self.file.key_is_new))

    def _as_it_was(self, entry: Entry) -> Entry:
        """With what the run before left open: so that it is handed on until somebody settles it."""
        last = self._last
        if last is None or last.settled:
            return entry
        return replace(
            entry,
            phase=last.phase,
            operation=last.wish,
            masked_since=last.masked_since,
            contact=last.contact,
            outcome=Outcome.UNKNOWN,
        )

    def _as_it_is(self, entry: Entry) -> Entry:
        now = self._latest
        if now is None:
            return self._as_it_was(entry)
        return replace(
            entry,
            phase=now.phase,
            operation=now.operation,
            masked_since=now.masked_since,
            contact=now.contact,
        )

    def _tell_began(self, last: LastRun) -> None:
        if not self._told_began:
            self._told_began = True
            self._teller.began(last)

    # Trouble.

    def _failed(self, error: Exception) -> bool:
        """Tell and keep what went wrong. True: the way is clear, try again at once."""
        fault = fault_of(error)
        if fault in (Fault.CORRUPT, Fault.KEYLESS, Fault.GONE):
            try:
                if fault is Fault.GONE:
                    self.file.close()
                else:
                    self._set_aside("keyless" if fault is Fault.KEYLESS else "corrupt")
                self._tell_once(fault)
                return True
            except (sqlite3.Error, OSError) as second:
                fault = fault_of(second)
        try:
            self.file.close()
        except sqlite3.Error:
            pass  # it is of no use any more
        if fault is not self._fault:
            log.warning("journal: %s (%s)", fault.word, type(error).__name__)
            self._fault = fault
            own = replace(self._own(Kind.FAULT), fault=fault, outcome=Outcome.FAILURE)
            self._backlog.append((own, None))
            self._teller.trouble(Trouble(fault, lasting=True, waiting=len(self._backlog)))
        return False

    def _tell_once(self, fault: Fault) -> None:
        log.warning("journal: %s", fault.word)
        own = replace(self._own(Kind.FAULT), fault=fault, outcome=Outcome.FAILURE)
        self._backlog.appendleft((own, None))
        self._teller.trouble(Trouble(fault, lasting=False))

    def _recovered(self) -> None:
        if self._fault is not None:
            fault, self._fault = self._fault, None
            self._teller.trouble(None)
            self._backlog.append((replace(self._own(Kind.FAULT), fault=fault), None))
            self._flush()

    def _set_aside(self, why: str) -> None:
        aside = self.file.set_aside(why)
        if self._last is None and aside is not None:
            self._doubt = salvaged(remains(aside.with_name(aside.name + end)) for end in ("", "-wal"))

    # Quiet moments.

    def _tidy(self) -> None:
        if not self.file.is_open:
            return
        try:
            self.file.checkpoint()
            if self._clock.monotonic() >= self._tidy_at:
                more = cut_once(self.file, self._clock.wall(), self._keep_for, self._retention)
                self._tidy_at = self._clock.monotonic() + (0.0 if more else TIDY_EACH)
        except (GoneError, sqlite3.Error, OSError) as error:
            self._failed(error)

    def _retention(self, cut: Head, count: int) -> bytes:
        return body(replace(self._own(Kind.RETENTION), origin=Origin.RULE, cut=cut, amount=count))

    def _close(self) -> None:
        for closing in (self.file.close, self._presence.close if self._presence else None):
            try:
                if closing:
                    closing()
            except sqlite3.Error:
                pass  # there is nobody left to tell
