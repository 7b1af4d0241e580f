"""How long the loop stood still, and whether that was the loop's own doing: a heartbeat in it, and one beside it.

The one rule: time that the machine took away (the thread was ready to run, and did not) is not the loop's stall.
"""

import asyncio
import threading
import time
from pathlib import Path
from types import TracebackType

BEAT = 0.01
"""Seconds between two beats."""


class Heartbeat:
    """`async with Heartbeat() as heart: …; heart.longest` is the longest stall, in seconds."""

    def __init__(self) -> None:
        self.longest = 0.0
        self.beats = 0

    async def __aenter__(self) -> "Heartbeat":
        self._task = asyncio.create_task(self._beat(), name="heartbeat")
        await asyncio.sleep(0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _beat(self) -> None:
        last, waited = time.monotonic(), taken_away()
        while True:
            await asyncio.sleep(BEAT)
            now, still = time.monotonic(), taken_away()
            self.beats += 1
            self.longest = max(self.longest, now - last - BEAT - (still - waited))
            last, waited = now, still


def taken_away() -> float:
    """Seconds that this thread was ready to run and had to wait for a processor; 0 where nobody tells (not Linux)."""
    try:
        told = Path(f"/proc/self/task/{threading.get_native_id()}/schedstat").read_text(encoding="ascii")
        return int(told.split()[1]) / 1e9
    except (OSError, ValueError, IndexError):
        return 0.0
