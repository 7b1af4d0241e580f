"""A MaskBar's journal in a process of its own, which kills itself at the n-th point of the writing.

    python -m tests.journal.child FOLDER KILL_AT [eager | off]

It writes "durable SEQUENCE PHASE" as soon as it is told that a record is durable, and at its end "points N".
eager is a broken journal that tells before the commit; off one without fsync.
"""

import asyncio
import os
import signal
import sys
import time
from pathlib import Path

from app.adapters import journal_writer
from app.adapters.journal import Journal
from app.adapters.journal_file import JournalFile
from app.adapters.journal_key import file_key, key_file
from app.adapters.journal_writer import AT_ONCE, Writer
from app.core.audit import Entry, Kind, body
from app.core.ports import Wish
from app.core.states import Phase
from tests.journal.desk import DAY, HandClock, entry, scene, state


class Points:
    """Counts the points of the writing, and ends the process at the one that is wanted."""

    def __init__(self, kill_at: int, linger: float) -> None:
        self.passed = 0
        self._kill_at = kill_at
        self._linger = linger

    def __call__(self, _: str) -> None:
        self.passed += 1
        if self.passed == self._kill_at:
            time.sleep(self._linger)  # what has been told too early gets the time to be said
            os.kill(os.getpid(), signal.SIGKILL)


class EagerWriter(Writer):
    """Broken: tells that the records are durable, and then makes them so."""

    def _write(self) -> None:
        batch = [self._backlog.popleft() for _ in range(min(len(self._backlog), AT_ONCE))]
        first = self.file._head().sequence + 1
        self._teller.written([future for _, future in batch], first)
        self.file.append([body(one) for one, _ in batch])


def say(line: str) -> None:
    os.write(1, f"{line}\n".encode())


async def say_when_durable(journal: Journal, one: Entry) -> None:
    sequence = await journal.put(one)
    say(f"durable {sequence} {one.phase.value if one.phase else '-'}")


async def main(folder: str, kill_at: int, broken: str = "") -> None:
    path, clock = Path(folder) / "journal.sqlite", HandClock()
    journal_writer.QUIET = 0.01
    points = Points(kill_at, linger=0.02)
    if broken == "off":
        opened = JournalFile.open

        def without_fsync(file: JournalFile) -> None:
            opened(file)
            file.database.execute("PRAGMA synchronous = OFF").fetchone()

        JournalFile.open = without_fsync  # type: ignore[method-assign,assignment]
    journal = Journal(path, file_key(key_file(path)), clock, scene(), at_point=points)
    if broken == "eager":
        journal._writer.__class__ = EagerWriter
    await journal.start(within=10)
    for phase in (Phase.MASKING, Phase.MASKED, Phase.UNMASKING, Phase.UNMASKED):
        await say_when_durable(journal, entry(Kind.INTENT, clock, operation=Wish.MASK))
        await say_when_durable(journal, state(phase, clock))
    await asyncio.gather(
        *(say_when_durable(journal, entry(Kind.REMINDER, clock, amount=n)) for n in range(5))
    )
    clock.move(400 * DAY)  # all of that is too old now, and the next quiet moment cuts it
    await say_when_durable(journal, state(Phase.MASKED, clock))
    await asyncio.sleep(0.1)
    await say_when_durable(journal, entry(Kind.ACKNOWLEDGED, clock))
    await journal.close()
    say(f"points {points.passed}")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), *sys.argv[3:]))
