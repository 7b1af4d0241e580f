"""A tour through every state: real mouse clicks on the real window, against the simulated service.

The one rule: what the window showed is compared with what was really recorded, at each step and all the time between.
"""

import asyncio
import contextlib
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QPushButton

from app.adapters.training import Training
from app.controller import Controller
from app.core.reminders import Level
from app.core.states import Phase
from app.core.view import View
from app.simulator.tenant import USER_ID
from app.ui.window import Window

DEADLINE = 5.0
"""Seconds that a wish may take in the tour: shorter than an agent's, so that the tour is short."""
REMIND_AFTER = 4.0
"""Seconds after which the tour's agent has forgotten to unmask."""
PATIENCE = 20.0
"""Seconds within which each step must come about."""


@dataclass(frozen=True, slots=True)
class Step:
    """What was shown, and what was true."""

    name: str
    shown: str
    guidance: str
    message: str
    card: bool
    """The window said that the card can be taken."""
    truth: str
    """recorded, masked, not_recorded or none."""
    safe: bool
    picture: str


class Tour:
    """One run; `run` returns the exit code."""

    def __init__(self, window: Window, controller: Controller, training: Training, folder: Path) -> None:
        self._window = window
        self._controller = controller
        self._training = training
        self._folder = folder
        self._steps: list[Step] = []
        self._lies: list[str] = []

    async def run(self) -> int:
        watching = asyncio.create_task(self._watch())
        try:
            await self._walk()
        except TimeoutError as error:
            print(f"tour: {error}")
            return 1
        finally:
            watching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watching
            self._report()
        return 1 if self._lies or not all(step.safe for step in self._steps) else 0

    async def _walk(self) -> None:
        await self._control("call", userId=USER_ID)
        await self._step("ready", Phase.UNMASKED)

        await self._click(self._window.button)
        await self._step("masked", Phase.MASKED)
        await asyncio.sleep(1.2)  # a click right after MASKED counts as the second half of a double-click
        await self._click(self._window.button)
        await self._step("unmasked-again", Phase.UNMASKED)

        await self._control("scenario", name="pending")
        await self._click(self._window.button)
        await self._until(lambda view: view.detail.startswith("The recorder is"))
        await self._step("masking-busy", Phase.MASKING)
        await self._step("masked-after-busy", Phase.MASKED)
        await asyncio.sleep(1.2)
        await self._click(self._window.button)
        await asyncio.sleep(0.5)
        await self._step("unmasking-busy", Phase.UNMASKING)
        await self._step("unmasked-after-busy", Phase.UNMASKED)

        await self._control("scenario", name="no-call")
        await self._click(self._window.button)
        await self._until(lambda view: view.message is not None)
        await self._step("refused-no-call", Phase.UNMASKED)
        await self._click(self._window.dismiss)
        await self._until(lambda view: view.message is None)

        await self._control("scenario", name="dropped")
        await self._click(self._window.button)
        await self._step("unknown", Phase.UNKNOWN)

        await self._control("scenario", name="instant")
        await self._click(self._window.button)
        await self._step("masked-from-unknown", Phase.MASKED)
        await self._until(lambda view: view.reminding > Level.QUIET)
        await asyncio.sleep(1.2)
        await self._step("forgotten", Phase.MASKED)
        await self._click(self._window.button)
        await self._step("done", Phase.UNMASKED)

    async def _control(self, path: str, **values: Any) -> None:
        await asyncio.to_thread(lambda: self._training.control(path, **values))

    async def _click(self, button: QPushButton) -> None:
        """A mouse click that comes in as from the window system, at the button's middle."""
        handle = self._window.windowHandle()
        where: QPoint = button.mapTo(self._window, button.rect().center())
        clicked = asyncio.Event()

        def click() -> None:
            QTest.mouseClick(handle, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, where)
            clicked.set()

        # Not from within this task: QTest handles waiting events, which may belong to other tasks.
        asyncio.get_running_loop().call_soon(click)
        await clicked.wait()

    async def _until(self, reached: Callable[[View], bool]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not reached(self._controller.view):
            if time.monotonic() > deadline:
                raise TimeoutError(
                    f"after {PATIENCE:g} s the window still says {self._controller.view.spoken}"
                )
            await asyncio.sleep(0.02)

    async def _step(self, name: str, phase: Phase) -> None:
        await self._until(lambda view: view.phase is phase)
        await asyncio.sleep(0.1)  # the picture after the paint
        view = self._controller.view
        picture = f"{len(self._steps) + 1:02}-{name}.png"
        if not self._window.grab().save(str(self._folder / picture)):
            raise TimeoutError(f"{self._folder / picture} cannot be written")
        truth = await self._truth()
        message = view.message
        said = " ".join((message.happened, message.card, message.todo)) if message else ""
        safe = not (view.card and truth == "recorded")
        shown = f"{view.word} {view.clock}".strip()
        self._steps.append(Step(name, shown, view.guidance, said, view.card, truth, safe, picture))

    async def _truth(self) -> str:
        found = await asyncio.to_thread(self._training.truth, USER_ID)
        return str(found["recording"])

    async def _watch(self) -> None:
        """Between the steps: a View that stood before and after the question is judged by the answer."""
        while True:
            before = self._controller.view
            truth = await self._truth()
            if before.card and self._controller.view.card and truth == "recorded":
                self._lies.append(f"{before.spoken} while the call was recorded")
            await asyncio.sleep(0.05)

    def _report(self) -> None:
        lies = sorted(set(self._lies))
        path = self._folder / "tour.json"
        data = {"steps": [asdict(step) for step in self._steps], "lies": lies}
        path.write_text(json.dumps(data, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        print(f"{'step':20} {'shown':16} {'card?':6} {'truth':13} safe")
        for step in self._steps:
            card = "yes" if step.card else "no"
            print(f"{step.name:20} {step.shown:16} {card:6} {step.truth:13} {'yes' if step.safe else 'NO'}")
        for lie in lies:
            print(f"NOT TRUE: {lie}")
        print(f"{len(self._steps)} pictures and tour.json are in {self._folder}")
