"""A child of the bench: the whole program on a stamping server, pressed by real clicks, beside bare httpx calls.

    python tests/bench/press.py URL PRESSES [journal] [slower]

The one rule: a press and a bare call take turns on the same loop, in the same process, each on a warm connection, and
neither begins before the other has been answered and drawn.

Prints JSON: ms from the release of the mouse button (that is what Qt calls a click), or from the beginning of the bare
call, to the first byte at the server. A press that masks is the measure; one that unmasks is drawn first, on purpose,
and only told. `slower` holds each press up by 2 ms: the measure must see it.
"""

import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import httpx
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from app import compose
from app.controller import Controller
from app.core.records import NoRecords
from app.core.settings import Settings
from tests.bench.far import Far, Stamp

SETTLE = 0.012
"""Seconds for what the last one left behind (drawing, timers) to be over."""
BARE = "/bare"
WARM_UP = 20
HELD_UP = 0.002
"""Seconds."""


async def press(program: compose.Program) -> int:
    """One click on the button, answered. Returns when (ns) it was let go: that is what Qt calls a click."""
    loop = asyncio.get_running_loop()
    clicked: asyncio.Future[int] = loop.create_future()
    button = program.window.button
    before = program.controller.state.phase

    def release() -> None:
        at = time.monotonic_ns()
        QTest.mouseRelease(button, Qt.MouseButton.LeftButton)
        clicked.set_result(at)

    loop.call_soon(QTest.mousePress, button, Qt.MouseButton.LeftButton)
    await asyncio.sleep(SETTLE)
    loop.call_soon(release)
    at = await clicked
    # Asked from time to time: a listener of ours would be drawn along with the window.
    while program.controller.state.phase is before or program.controller.state.phase.pending:  # noqa: ASYNC110
        await asyncio.sleep(0.001)
    await asyncio.sleep(SETTLE)
    return at


async def bare(client: httpx.AsyncClient, url: str) -> int:
    at = time.monotonic_ns()
    answer = await client.post(url)
    assert answer.status_code == 200
    await asyncio.sleep(SETTLE)
    return at


def between(began: list[int], stamps: list[Stamp], path: str) -> list[float]:
    came = [stamp.at for stamp in stamps if stamp.method == "POST" and stamp.path.endswith(path)]
    assert len(came) == len(began), f"{len(began)} went to {path}, {len(came)} came"
    return [(there - here) / 1e6 for here, there in zip(began, came, strict=True)]


def hold_up(call: Callable[..., None]) -> Callable[..., None]:
    def held(*arguments: object) -> None:
        time.sleep(HELD_UP)
        call(*arguments)

    return held


def measure(url: str, presses: int, *, journal: bool = False, slower: bool = False) -> dict[str, list[float]]:
    """`presses` of each kind. Without the journal, nothing is written down and nobody waits for the disk."""
    server = Far(url)
    settings = Settings(base_url=url, user_id="1")
    # The guard against double-clicks would make them last for minutes. It costs no time when it lets one pass.
    settings = replace(settings, limits=replace(settings.limits, press_guard=0.0))
    began: dict[str, list[int]] = {"/mask": [], "/unmask": [], BARE: []}
    found: dict[str, list[float]] = {}

    async def use(program: compose.Program) -> int:
        async with httpx.AsyncClient(trust_env=False, limits=httpx.Limits(keepalive_expiry=None)) as client:
            for number in range(WARM_UP + presses):
                if number == WARM_UP:
                    await asyncio.to_thread(server.stamps)
                    for times in began.values():
                        times.clear()
                began["/mask"].append(await press(program))
                began[BARE].append(await bare(client, url + BARE))
                began["/unmask"].append(await press(program))
            stamps = await asyncio.to_thread(server.stamps)
        found.update({path[1:]: between(times, stamps, path) for path, times in began.items()})
        return 0

    if not journal:
        setattr(compose, "JournalRecords", lambda *_: NoRecords())  # noqa: B010  mypy would object
    if slower:
        Controller.press = hold_up(Controller.press)  # type: ignore[method-assign]
    with tempfile.TemporaryDirectory() as folder, compose._loop() as (app, complete):
        complete(compose._run(app, settings, "id", "secret", Path(folder) / "journal.sqlite", use))
    return found


if __name__ == "__main__":
    found = measure(
        sys.argv[1], int(sys.argv[2]), journal="journal" in sys.argv[3:], slower="slower" in sys.argv[3:]
    )
    print(json.dumps(found))
