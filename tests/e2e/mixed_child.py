"""The whole program with an agent's times made short, which reads out what its window really shows.

Arguments: the service, the journal, and the name of what is broken in it on purpose (or `whole`). For each line on
stdin it prints one line of JSON: the words in the window's labels, what Qt gives to screen readers, and where its
buttons are on the screen. `quit` ends it.
"""

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from PySide6.QtCore import QSocketNotifier
from PySide6.QtGui import QAccessible
from PySide6.QtWidgets import QPushButton, QSystemTrayIcon, QWidget

from app import compose, controller, surfaces
from app.adapters.instance import Desk
from app.adapters.instance_lock import take_claim
from app.core.settings import Settings
from app.core.shortcut import Action, parse
from app.core.states import Limits, State
from app.core.view import View
from app.parts import Parts
from app.simulator import tenant
from app.ui.tray import Tray
from app.ui.window import Window
from tests.stories.broken import two_in_flight

QUICK = Limits(
    deadline=2.0,
    attempt=1.0,
    first_pause=0.02,
    longest_pause=0.1,
    shortest_pause=0.01,
    quiet=0.1,
    evidence_life=60.0,
    chase_pause=0.1,
    chase_for=0.5,
    press_guard=0.0,
)
KEYS = {Action.MASK: "Ctrl+Alt+M", Action.UNMASK: "Ctrl+Alt+U", Action.TOGGLE: "Ctrl+Alt+T"}


def read(window: Window) -> dict[str, Any]:
    return {
        "word": window.word.text(),
        "clock": window.clock.text(),
        "guidance": window.guidance.text(),
        "reason": window.detail.text() if window.happened.isHidden() else window.happened.text(),
        "button": [window.button.text(), window.button.isEnabled(), *_middle(window.button)],
        "second": [window.second.text(), window.second.isVisible(), *_middle(window.second)],
        "name": _accessible(window, QAccessible.Text.Name),
        "description": _accessible(window.button, QAccessible.Text.Description),
    }


def _middle(button: QPushButton) -> tuple[int, int]:
    where = button.mapToGlobal(button.rect().center())
    return where.x(), where.y()


def _accessible(widget: QWidget, what: QAccessible.Text) -> str:
    return QAccessible.queryAccessibleInterface(widget).text(what)


def caching_tray() -> None:
    """Its tooltip is set with its picture."""
    draw = Tray._draw

    def draw_new(self: Tray, icon: QSystemTrayIcon, view: View) -> None:
        known, drawn = icon.toolTip(), self._drawn
        draw(self, icon, view)
        if self._drawn == drawn:
            icon.setToolTip(known)

    Tray._draw = draw_new  # type: ignore[method-assign]


def caching_menu() -> None:
    """Its state line is set when the state changes."""
    show = Tray.show_view

    def show_view(self: Tray, view: View) -> None:
        known = self.state.text()
        show(self, view)
        if known.startswith(view.word):
            self.state.setText(known)

    Tray.show_view = show_view  # type: ignore[method-assign]


def caching_status() -> None:
    """Programs are told what they were told last, until the state changes."""
    make = surfaces._desk

    def desk(parts: Parts) -> Desk:
        whole = make(parts)
        said: list[tuple[State, View]] = []

        def look() -> tuple[State, View]:
            found = whole.look()
            if not said or said[-1][1].phase is not found[1].phase:
                said.append(found)
            return said[-1]

        return replace(whole, look=look)

    surfaces._desk = desk


def caching_name() -> None:
    """A screen reader is told of changes of the state, and not of what else the line says."""
    show = Window.show_view

    def show_view(self: Window, view: View) -> None:
        known = self.accessibleName()
        show(self, view)
        if known.startswith(view.word):
            self.setAccessibleName(known)

    Window.show_view = show_view  # type: ignore[method-assign]


def two_at_once() -> None:
    setattr(controller, "step", two_in_flight)  # noqa: B010  mypy would object


BROKEN: dict[str, Callable[[], None]] = {
    "whole": lambda: None,
    "caching tray": caching_tray,
    "caching menu": caching_menu,
    "caching status": caching_status,
    "caching name": caching_name,
    "two at once": two_at_once,
}


def main() -> None:
    url, journal, broken = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
    BROKEN[broken]()
    settings = Settings(
        base_url=url,
        user_id=tenant.USER_ID,
        limits=QUICK,
        hotkeys={action: parse(keys) for action, keys in KEYS.items()},
    )

    async def drive(program: compose.Program) -> int:
        await (await program.surfaces).binding

        def obey() -> None:
            order = sys.stdin.readline().strip()
            if order in ("", "quit"):
                program.ended.set()
            else:
                print(json.dumps(read(program.window)), flush=True)

        notifier = QSocketNotifier(sys.stdin.fileno(), QSocketNotifier.Type.Read)
        notifier.activated.connect(lambda *_: obey())
        print("ready", flush=True)
        await program.ended.wait()
        notifier.setEnabled(False)
        return 0

    claim = take_claim()
    assert claim, "the session has a window already"
    key = (tenant.ACCESS_KEY_ID, tenant.ACCESS_KEY_SECRET)
    with claim, compose._loop() as (app, complete):
        complete(compose._run(app, settings, *key, journal, drive, claim=claim))


if __name__ == "__main__":
    main()
