"""The machine's clocks, behind the port.

The one rule: nothing else in the program reads them, and masked time goes on while the computer sleeps.

Each system has a clock that stops during a sleep and one that does not; `monotonic` is the one that does not, and
`asleep` their difference. Sources: clock_gettime(2) of Linux and macOS, and QueryUnbiasedInterruptTime of Windows.
"""

import sys
import time
from collections.abc import Callable
from functools import partial


def _clocks() -> tuple[Callable[[], float], Callable[[], float]]:
    """One that goes on while the computer sleeps, and one that stops (both in seconds)."""
    if sys.platform == "linux":
        through = partial(time.clock_gettime, time.CLOCK_BOOTTIME)
        awake = time.monotonic
    elif sys.platform == "darwin":
        through = partial(time.clock_gettime, time.CLOCK_MONOTONIC)
        awake = partial(time.clock_gettime, time.CLOCK_UPTIME_RAW)
    else:
        import ctypes

        def awake() -> float:
            ticks = ctypes.c_ulonglong()
            ctypes.windll.kernel32.QueryUnbiasedInterruptTime(ctypes.byref(ticks))
            return ticks.value / 10_000_000  # units of 100 ns

        through = time.monotonic
    return through, awake


class SystemClock:
    """Seconds. `wall` may jump either way."""

    def __init__(self) -> None:
        self._through, self._awake = _clocks()

    def monotonic(self) -> float:
        return self._through()

    def asleep(self) -> float:
        return self._through() - self._awake()

    def wall(self) -> float:
        return time.time()
