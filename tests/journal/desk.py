"""What the journal's tests share: a clock that is moved by hand, records to write, a journal filled fast."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.adapters.journal import Journal
from app.adapters.journal_faults import Trouble
from app.adapters.journal_file import JournalFile
from app.adapters.journal_key import file_key, key_file, read_key
from app.adapters.journal_schema import anchor_of, open_to_read
from app.core.audit import Entry, Head, Kind, Moment, Scene, Verdict, body, fields, link, verify
from app.core.ports import Wish
from app.core.states import Phase

NOON = 1_753_444_800.0  # 2025-07-25T12:00:00Z
DAY = 86_400.0


@dataclass(slots=True)
class HandClock:
    """Both clocks, in seconds; they stand still until they are moved."""

    now: float = NOON
    since_boot: float = 1000.0

    def wall(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.since_boot

    def asleep(self) -> float:
        return 0.0

    def move(self, seconds: float) -> None:
        self.now += seconds
        self.since_boot += seconds


def scene(run: str = "run-a") -> Scene:
    return Scene("agent-7", "desk-12", "api.example.com", run, "boot-a", "0.1.0")


def entry(kind: Kind, clock: HandClock | None = None, run: str = "run-a", **more: Any) -> Entry:
    clock = clock or HandClock()
    return Entry(kind, Moment(clock.now, clock.since_boot), scene(run), **more)


def state(phase: Phase, clock: HandClock | None = None, run: str = "run-a", **more: Any) -> Entry:
    wish = Wish.UNMASK if phase in (Phase.UNMASKED, Phase.UNMASKING) else Wish.MASK
    return entry(Kind.STATE, clock, run, phase=phase, operation=wish, **more)


@dataclass(slots=True)
class Desk:
    """One journal in a folder, and all the troubles that it told of."""

    path: Path
    clock: HandClock = field(default_factory=HandClock)
    troubles: list[Trouble | None] = field(default_factory=list)

    @asynccontextmanager
    async def journal(self, run: str = "run-a", stop: bool = True, **more: Any) -> AsyncIterator[Journal]:
        journal = Journal(self.path, file_key(key_file(self.path)), self.clock, scene(run), **more)
        journal.listen(self.troubles.append)
        await journal.start(within=10)
        try:
            yield journal
        finally:
            if stop:
                await journal.close(within=10)
            else:
                await end_without_stop(journal)

    def rows(self) -> list[tuple[int, Any, Any]]:
        with closing(open_to_read(self.path)) as database:
            return database.execute("SELECT sequence, body, mac FROM record ORDER BY sequence").fetchall()

    def anchor(self) -> Head:
        with closing(open_to_read(self.path)) as database:
            return anchor_of(database)

    def key(self) -> bytes:
        return read_key(key_file(self.path))

    def verdict(self, head: Head | None = None) -> Verdict:
        return verify(self.rows(), self.key(), self.anchor(), head)

    def records(self) -> list[dict[str, Any]]:
        return [dict(fields(data)) for _, data, _ in self.rows()]

    def kinds(self) -> list[str]:
        return [str(record["kind"]) for record in self.records()]


async def end_without_stop(journal: Journal) -> None:
    """End the thread as a killed process would leave the file: no stop record."""
    ended = journal._ended
    assert ended is not None
    journal._closed = True
    journal._writer.queue.put(None)
    await ended


async def until(true: Callable[[], bool], within: float = 10.0) -> None:
    """Wait until it is so, at most `within` seconds."""
    async with asyncio.timeout(within):
        while not true():  # noqa: ASYNC110  what is waited for is in another thread or process
            await asyncio.sleep(0.005)


def fill(path: Path, count: int, each: int = 10_000) -> None:
    """A good journal of so many records, written fast: masks of a minute, one after the other."""
    file = JournalFile(path, file_key(key_file(path)))
    file.open()
    clock, key, head = HandClock(), read_key(key_file(path)), Head(0, bytes(32))
    cycle = (
        lambda: entry(Kind.INTENT, clock, operation=Wish.MASK, ticket=1, correlation="corr-1"),
        lambda: entry(
            Kind.ATTEMPT, clock, operation=Wish.MASK, status=200, duration=80, correlation="corr-1"
        ),
        lambda: state(Phase.MASKED, clock, masked_since=clock.now),
        lambda: state(Phase.UNMASKED, clock),
    )
    database = file.database
    database.execute("PRAGMA synchronous = OFF").fetchone()
    left = count
    while left:
        rows = []
        for _ in range(min(left, each)):
            clock.move(20.0)
            data = body(cycle[head.sequence % 4]())
            head = Head(head.sequence + 1, link(key, head.mac, head.sequence + 1, data))
            rows.append((head.sequence, data, head.mac))
        left -= len(rows)
        database.execute("BEGIN IMMEDIATE")
        database.executemany("INSERT INTO record VALUES (?, ?, ?)", rows)
        database.execute("COMMIT")
        database.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    file.close()


def in_the_file(path: Path, *statements: str) -> None:
    """What somebody with the file and SQLite can do: the triggers go first."""
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        for (name,) in database.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
            database.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            database.execute(statement)
