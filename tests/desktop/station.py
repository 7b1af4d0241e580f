"""Our hotkeys at work on a display: what they told, and a wire that notes all that the X server sends them."""

import asyncio
import contextlib
import struct
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from app.adapters.desktop.hotkey import Bindings, Results
from app.adapters.desktop.hotkey_x11 import X11Hotkeys
from app.adapters.desktop.hotkey_x11_wire import KeysMoved, Pressed, Wire
from app.adapters.desktop.hotkey_x11_xcb import GENERIC_EVENT
from app.core.shortcut import Action, parse
from tests.desktop.screen import PATIENCE, Screen

TOGGLE = {Action.TOGGLE: parse("Ctrl+Alt+M")}


class NotingWire(Wire):
    """Notes the key of every key event that reaches us, whether it is understood or not."""

    def __init__(self, display: str | None = None) -> None:
        self.keycodes: list[int] = []
        super().__init__(display)

    def understand(self, event: bytes) -> Pressed | KeysMoved | None:
        kind = event[0] & 0x7F
        if kind in (2, 3):  # a key of the core protocol
            self.keycodes.append(event[1])
        elif kind == GENERIC_EVENT:
            self.keycodes.append(struct.unpack_from("=I", event, 16)[0])
        return super().understand(event)


@dataclass
class Station:
    hotkeys: X11Hotkeys
    wires: list[Wire]
    presses: list[Action] = field(default_factory=list)
    moments: list[float] = field(default_factory=list)
    changes: list[Results] = field(default_factory=list)
    results: Results = field(default_factory=dict)

    @property
    def keycodes(self) -> list[int]:
        return [code for wire in self.wires if isinstance(wire, NotingWire) for code in wire.keycodes]

    def pressed(self, action: Action) -> None:
        self.presses.append(action)
        self.moments.append(time.monotonic())

    async def until(self, true: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while not true():
            assert time.monotonic() < deadline, (
                f"not within {PATIENCE} s: {what}; {self.presses} {self.changes}"
            )
            await asyncio.sleep(0.01)

    async def expect(self, *actions: Action) -> None:
        """These presses came, and after a quiet moment no more."""
        await self.until(lambda: len(self.presses) >= len(actions), f"{len(actions)} presses")
        await asyncio.sleep(0.1)
        assert self.presses == list(actions)


@contextlib.asynccontextmanager
async def station(
    screen: Screen, bindings: Bindings = TOGGLE, wire: Callable[[str | None], Wire] = NotingWire
) -> AsyncIterator[Station]:
    def connect() -> Wire:
        wires.append(wire(screen.display))
        return wires[-1]

    wires: list[Wire] = []
    ours = Station(X11Hotkeys(connect), wires)
    ours.results = await ours.hotkeys.start(bindings, ours.pressed, ours.changes.append)
    try:
        yield ours
    finally:
        await ours.hotkeys.close()
