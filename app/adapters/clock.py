"""The machine's clocks, behind the port. The one rule: nothing else in the program reads them."""

import time


class SystemClock:
    """Seconds. `monotonic` stands still while the machine sleeps on some systems; `wall` may jump either way."""

    def monotonic(self) -> float:
        return time.monotonic()

    def wall(self) -> float:
        return time.time()
