"""Random presses on all surfaces, faster than any agent, and what all of them say when a press has settled.

The one rule: a difference counts when it stays. Two surfaces are read one after the other, and a clock may tick
between them; so they are read again, for as long as an agent would take to look from one to the other.
"""

import contextlib
import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from app.adapters.instance_line import Line
from app.adapters.instance_place import Place, linux_place
from app.adapters.instance_words import Request
from tests.desktop.screen import until
from tests.e2e.desk import MASK, ROOT, TOGGLE, UNMASK, Desk
from tests.session.panel import Entry, Panel

WITHIN = 0.5
"""Seconds in which all surfaces say the same."""
SETTLED_WITHIN = 10.0
TICK = 1.1
"""Seconds that make a clock tick."""
WISHES = ("Mask", "Unmask")
TRUTH = {"MASKED": "masked", "NOT MASKED": "recorded"}
TROUBLES: tuple[dict[str, object], ...] = (
    {"status": 425, "effect": False},
    {"status": 500, "effect": False},
    {"status": 500},
    {"status": 400, "effect": False, "message": "Not now, please."},
    {"status": 403, "effect": False},
)
"""How one request in ten is answered."""


class DifferentError(AssertionError):
    """Two surfaces do not say the same, or one not what is true."""


@dataclass
class Said:
    """What all surfaces say, read one after the other."""

    window: dict[str, Any]
    tooltip: str
    menu: list[Entry]
    status: dict[str, Any]

    @property
    def pending(self) -> bool:
        return bool(self.status["pending"]) or self.window["word"].endswith("…")

    def differences(self) -> list[str]:
        window, status = self.window, self.status
        spoken = " ".join(filter(None, (window["word"], window["clock"]))) + f". {window['guidance']}"
        reason = window["reason"].replace("\u200b", "")
        told = status["reason"]
        happened = told and told["happened"] + (f" ({told['words']})" if told["words"] else "")
        lines = [entry.label for entry in self.menu]
        offered = {label for label, shown, *_ in (window["button"], window["second"]) if shown}
        pairs = {
            "accessible name": (window["name"], spoken),
            "the button's description": (window["description"], spoken),
            "tooltip": (self.tooltip, "\n".join(filter(None, (spoken, reason)))),
            "the menu's state": (lines[0], spoken),
            "the menu's reason": (lines[1] if reason else "", reason),
            "the menu's offer": ({label for label in lines if label in WISHES}, offered),
            "status": (status["spoken"], spoken),
            "status, why": (happened or status["notice"] or status["detail"], reason),
        }
        return [f"{name}: {said!r}, not {meant!r}" for name, (said, meant) in pairs.items() if said != meant]


@dataclass
class Mixed:
    """Presses, settles, compares."""

    desk: Desk
    process: subprocess.Popen[str]
    chance: random.Random
    presses: Counter[str] = field(default_factory=Counter)
    compared: int = 0
    said: Said = field(init=False)
    _place: Place = field(init=False)

    def __post_init__(self) -> None:
        self._place = linux_place(self.desk.env, os.geteuid(), os.uname().nodename)
        self.said = self._read()

    def play(self, presses: int, seconds: float, tick_every: int = 40) -> None:
        """So many presses, or for so long. Raises DifferentError."""
        ends = time.monotonic() + seconds
        while self.presses.total() < presses and time.monotonic() < ends:
            self._trouble()
            for _ in range(self.chance.choice((1, 1, 2, 3, 4))):
                self._press()
                if self.chance.random() < 0.5:
                    time.sleep(self.chance.uniform(0, 0.02))
            self._compare()
            if self.compared % tick_every == 0 and self.said.window["clock"]:
                time.sleep(TICK)
                self._compare()

    def mask_and_stay(self) -> None:
        """One press, and a clock that ticks. Raises DifferentError."""
        self.desk.fingers.keys(*MASK)
        until(lambda: self.desk.truth == "masked", "the call is masked")
        self._compare()
        time.sleep(TICK)
        self._compare()

    def _trouble(self) -> None:
        delay = self.chance.choice((0.0, 0.0, 0.01, 0.03))
        script = {
            op: [self.chance.choice(TROUBLES) if self.chance.random() < 0.1 else {}]
            for op in ("mask", "unmask")
        }
        self.desk.sim.world.turn({"mask": {"delay": delay}, "unmask": {"delay": delay}, "script": script})

    def _press(self) -> None:
        surface = self.chance.choices(
            ("button", "hotkey", "tray", "command", "shell"), (30, 30, 20, 20, 0.5)
        )[0]
        self.presses[surface] += 1
        match surface:
            case "button":
                window = self.said.window
                second = window["second"][1] and self.chance.random() < 0.5
                self.desk.fingers.click(*window["second" if second else "button"][2:])
            case "hotkey":
                self.desk.fingers.keys(*self.chance.choice((MASK, UNMASK, TOGGLE)))
            case "tray":
                entries = [entry for entry in self.said.menu if entry.label in WISHES]
                number = self.chance.choice(entries).number  # as the panel drew it a moment ago
                self.desk.tray.do(lambda panel: panel.click_number(number))
            case "command":
                self._ask(Request(self.chance.choice(("mask", "unmask", "toggle")), 0.0))
            case "shell":
                self.desk.command("toggle", "--wait", "0")

    def _ask(self, request: Request) -> dict[str, Any]:
        """What `maskbar` says to the window, without the start of a Python."""
        with Line(self._place, request) as line:
            *_, last = line.answers()
        assert last["answer"] in ("status", "ended"), last
        status: dict[str, Any] = last["status"]
        return status

    def _compare(self) -> None:
        settled_by = time.monotonic() + SETTLED_WITHIN
        same_by = 0.0
        while True:
            while self._ask(Request("status"))["pending"]:
                assert time.monotonic() < settled_by, f"it does not settle: {self.said}"
                same_by = 0.0
                time.sleep(0.005)
            self.said = self._read()
            if not self.said.pending:
                if not (found := self._wrong()):
                    self.compared += 1
                    return
                same_by = same_by or time.monotonic() + WITHIN
                if time.monotonic() > same_by:
                    raise DifferentError("; ".join(found))

    def _wrong(self) -> list[str]:
        meant, truth = TRUTH.get(self.said.window["word"]), self.desk.truth
        lies = [f"{self.said.window['word']}, and the call is {truth}"] if meant and meant != truth else []
        return self.said.differences() + lies

    def _read(self) -> Said:
        """The status last: it shows whether a press came while the others were read."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write("read\n")
        self.process.stdin.flush()
        window = json.loads(self.process.stdout.readline())
        tooltip, menu = self.desk.tray.do(_read_tray)
        return Said(window, tooltip, menu, self._ask(Request("status")))


async def _read_tray(panel: Panel) -> tuple[str, list[Entry]]:
    return await panel.tooltip(), await panel.menu()


@contextlib.contextmanager
def mixed(desk: Desk, broken: str = "whole", seed: int = 4) -> Iterator[Mixed]:
    """The program of `mixed_child`, ready to be pressed."""
    journal = desk.folder / "journal" / "journal.sqlite"
    said = desk.folder / ("mixed.trouble" if broken == "whole" else "mixed.said")
    with said.open("w") as trouble:
        process = subprocess.Popen(
            (sys.executable, "-m", "tests.e2e.mixed_child", desk.sim.url, str(journal), broken),
            cwd=ROOT,
            env=desk.env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=trouble,
            text=True,
        )
    assert process.stdin
    assert process.stdout
    try:
        assert process.stdout.readline() == "ready\n", said.read_text()
        until(lambda: bool(desk.tray.items), "its item is in the tray")
        until(lambda: desk.sim.world.log.keep_warm > 0, "it has signed in")
        yield Mixed(desk, process, random.Random(seed))
        process.stdin.write("quit\n")
        process.stdin.flush()
        assert process.wait(10) == 0
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        process.stdin.close()
        process.stdout.close()
