"""A child of the bench: the whole program on a stamping server, pressed by real keys and by real clicks (XTEST).

    python tests/bench/ways.py URL PRESSES [slower]

The one rule: hotkey and button take turns, in the same process, and neither begins before the other's press has been
answered and drawn. Both come from the X server, as an agent's do.

Prints JSON: ms from the moment that the key goes down (the mouse button up: that is what Qt calls a click) to the
first byte at the server. A press that masks is the measure; unmasks are drawn first, on purpose, and not told.
`slower` holds each hotkey up by 5 ms: the measure must see it.
"""

import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from app import compose, surfaces
from app.core.records import NoRecords
from app.core.settings import Settings
from app.core.shortcut import Action, parse
from app.core.states import Phase
from tests.bench.far import Far
from tests.bench.press import SETTLE
from tests.e2e.fingers import Fingers

WARM_UP = 10
HELD_UP = 0.005
"""Seconds."""
PATIENCE = 10.0
"""Seconds for an answer that is bound to come."""
SAME_KEYS = 0.06
"""Seconds between two presses of one combination: sooner, it counts as a key that bounces."""
KEYS = {Action.MASK: "Ctrl+Alt+M", Action.UNMASK: "Ctrl+Alt+U"}


async def answered(program: compose.Program, phase: Phase) -> None:
    # Asked from time to time: a listener of ours would be drawn along with the window.
    until = time.monotonic() + PATIENCE
    while program.controller.state.phase is not phase:
        assert time.monotonic() < until, f"no {phase} came of a press: {program.controller.view}"
        await asyncio.sleep(0.001)
    await asyncio.sleep(SETTLE)


async def click(fingers: Fingers, program: compose.Program, leads_to: Phase) -> int:
    """On the button. When (ns) it was let go."""
    button = program.window.button
    where = button.mapToGlobal(button.rect().center())
    fingers.move(where.x(), where.y())
    await asyncio.sleep(SETTLE)
    fingers.button(down=True)
    await asyncio.sleep(SETTLE)
    at = time.monotonic_ns()
    fingers.button(down=False)
    await answered(program, leads_to)
    return at


async def press(fingers: Fingers, program: compose.Program, key: str, leads_to: Phase) -> int:
    """Ctrl, Alt and the key. When (ns) the key went down."""
    fingers.key("ctrl", down=True)
    fingers.key("alt", down=True)
    await asyncio.sleep(SETTLE)
    at = time.monotonic_ns()
    fingers.key(key, down=True)
    await answered(program, leads_to)
    for name in (key, "alt", "ctrl"):
        fingers.key(name, down=False)
    await asyncio.sleep(SETTLE)
    return at


def hold_up(call: Callable[..., None]) -> Callable[..., None]:
    def held(*arguments: object) -> None:
        time.sleep(HELD_UP)
        call(*arguments)

    return held


def measure(url: str, presses: int, *, slower: bool = False) -> dict[str, list[float]]:
    """`presses` of each kind. Nothing is written down, and nobody waits for the disk."""
    server = Far(url)
    settings = Settings(
        base_url=url, user_id="1", hotkeys={action: parse(keys) for action, keys in KEYS.items()}
    )
    settings = replace(settings, limits=replace(settings.limits, press_guard=0.0))
    began: dict[str, list[int]] = {"hotkey": [], "button": []}
    found: dict[str, list[float]] = {}

    async def use(program: compose.Program) -> int:
        bound = await (await program.surfaces).binding
        assert set(bound) == set(KEYS), bound
        with Fingers(os.environ["DISPLAY"]) as fingers:
            for number in range(WARM_UP + presses):
                if number == WARM_UP:
                    await asyncio.to_thread(server.stamps)
                    for times in began.values():
                        times.clear()
                began["hotkey"].append(await press(fingers, program, "m", Phase.MASKED))
                await click(fingers, program, Phase.UNMASKED)
                began["button"].append(await click(fingers, program, Phase.MASKED))
                await press(fingers, program, "u", Phase.UNMASKED)
                await asyncio.sleep(SAME_KEYS)
            stamps = await asyncio.to_thread(server.stamps)
        came = [stamp.at for stamp in stamps if stamp.method == "POST" and stamp.path.endswith("/mask")]
        assert len(came) == 2 * presses, f"{len(came)} masks came"
        for kind, first in (("hotkey", 0), ("button", 1)):
            found[kind] = [
                (there - here) / 1e6 for here, there in zip(began[kind], came[first::2], strict=True)
            ]
        return 0

    setattr(compose, "JournalRecords", lambda *_: NoRecords())  # noqa: B010  mypy would object
    if slower:
        setattr(surfaces, "_pressed", hold_up(surfaces._pressed))  # noqa: B010  as above
    with tempfile.TemporaryDirectory() as folder, compose._loop() as (app, complete):
        complete(compose._run(app, settings, "id", "secret", Path(folder) / "journal.sqlite", use))
    return found


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1], int(sys.argv[2]), slower="slower" in sys.argv[3:])))
