"""A child of the bench: the whole program over TLS on a slow line, pressed when it was just used and after a long rest.

    python tests/bench/line.py URL FACTOR ROUNDS

The one rule: time is shortened for all of it by the same factor (the rest, the service's idle close, the pings), so that
the pings find what they would find. Only the line's latency is as it is: that makes it harder, not easier.

Prints JSON: ms from the release of the mouse button to the answer shown, of a mask each.
"""

import asyncio
import json
import sys
import tempfile
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from app import compose
from app.adapters.cxone import CxoneRecorder
from app.core.settings import Settings
from app.core.states import Phase
from app.core.view import View

REST = 600.0
"""Seconds of an agent's day, before the shortening."""
INTERVAL, FLOOR = 150.0, 15.0
"""The recorder's own defaults, in seconds: a test holds them against it."""
IN_A_ROW = 4


class Presses:
    """Presses the button, and knows when its answer is shown."""

    def __init__(self, program: compose.Program) -> None:
        self._program = program
        self._settled: asyncio.Future[float] | None = None
        program.controller.listen(self._see)

    def _see(self, view: View) -> None:
        if self._settled and not self._settled.done() and not view.phase.pending:
            self._settled.set_result(time.perf_counter())

    async def press(self, to: Phase) -> float:
        """Seconds."""
        loop = asyncio.get_running_loop()
        button = self._program.window.button
        began: asyncio.Future[float] = loop.create_future()

        def release() -> None:
            at = time.perf_counter()
            QTest.mouseRelease(button, Qt.MouseButton.LeftButton)
            self._settled = loop.create_future()
            began.set_result(at)

        loop.call_soon(QTest.mousePress, button, Qt.MouseButton.LeftButton)
        await asyncio.sleep(0.05)
        loop.call_soon(release)
        at = await began
        assert self._settled
        took = await self._settled - at
        assert self._program.controller.state.phase is to, self._program.controller.view
        await asyncio.sleep(0.2)
        return took


def measure(url: str, factor: float, rounds: int) -> dict[str, list[float]]:
    settings = Settings(base_url=url, user_id="1")
    settings = replace(settings, limits=replace(settings.limits, press_guard=0.0))
    found: dict[str, list[float]] = {"warm": [], "rested": []}

    async def use(program: compose.Program) -> int:
        presses = Presses(program)
        await asyncio.sleep(1)
        await presses.press(Phase.MASKED)
        await presses.press(Phase.UNMASKED)
        for number in range(rounds):
            # Not a whole number of pings: a press comes at any time between two of them.
            await asyncio.sleep((REST + 17 * number) / factor)
            found["rested"].append(1000 * await presses.press(Phase.MASKED))
            await presses.press(Phase.UNMASKED)
            for _ in range(IN_A_ROW):
                found["warm"].append(1000 * await presses.press(Phase.MASKED))
                await presses.press(Phase.UNMASKED)
        return 0

    recorder = partial(CxoneRecorder, warm_interval=INTERVAL / factor, warm_floor=FLOOR / factor)
    setattr(compose, "CxoneRecorder", recorder)  # noqa: B010  mypy would object
    with tempfile.TemporaryDirectory() as folder, compose._loop() as (app, complete):
        complete(compose._run(app, settings, "id", "secret", Path(folder) / "journal.sqlite", use))
    return found


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1], float(sys.argv[2]), int(sys.argv[3]))))
