"""Hotkeys on X11: passive grabs, on a connection and a thread of their own.

The one rule: from the press to `let_go` the thread does nothing else. The grab freezes the keyboard, so that no
further key can reach us; the letters that the agent types meanwhile wait in the server and go to the customer's
form the moment we let go, even while our window is busy. (A plain XGrabKey gets every key until the combination is
released: tests/desktop keeps one, and catches it.)

The grabs are XInput 2's: the same as XGrabKey to other programs (a combination that either has is taken for the
other), but their events say whether a key repeats because it is held. With XGrabKey that can only be guessed.
"""

import asyncio
import logging
import selectors
import socket
import threading
from collections.abc import Callable
from queue import SimpleQueue

from app.adapters.desktop.hotkey import Bindings, Bound, Changed, Code, NoWayError, Pressed, Results, Unavailable
from app.adapters.desktop.hotkey_holdings import Holdings
from app.adapters.desktop.hotkey_x11_wire import KeyMapping, KeysMoved, RequestError, ServerGoneError, Wire
from app.core.shortcut import Action, Modifier, Shortcut, Spelling

log = logging.getLogger("maskbar.hotkey.x11")

ANSWER_WITHIN = 5.0
"""Seconds for the X server to answer."""
BOUNCE = 80
"""Milliseconds between two events of one combination that no finger makes: a worn key, or a remote desktop that
sends the repeats of a held key as presses."""

SHIFT, LOCK, CONTROL, MOD1, MOD4 = 1, 2, 4, 8, 64
NUM_LOCK = (0xFF7F,)
ALT = (0xFFE9, 0xFFEA)
SUPER = (0xFFEB, 0xFFEC)
NAMES = {
    **{"Space": 0x20, "Insert": 0xFF63, "Pause": 0xFF13, "Home": 0xFF50, "End": 0xFF57},
    **{"PageUp": 0xFF55, "PageDown": 0xFF56, "Left": 0xFF51, "Up": 0xFF52, "Right": 0xFF53, "Down": 0xFF54},
}

Grab = tuple[int, int]
"""Keycode and modifiers."""


def symbol(key: str) -> int:
    """X11's number (keysym) for one of our keys."""
    if len(key) == 1:
        return ord(key.lower())
    return NAMES[key] if key in NAMES else 0xFFBE + int(key[1:]) - 1


class Keyboard:
    """What the layout says now: where a key is, and which modifiers mean nothing to a combination."""

    def __init__(self, mapping: KeyMapping) -> None:
        self._mapping = mapping
        bits = {Modifier.SHIFT: SHIFT, Modifier.CTRL: CONTROL}
        bits[Modifier.ALT] = self._bit(ALT) or MOD1
        bits[Modifier.META] = self._bit(SUPER) or MOD4
        self._bits = bits
        self.ignored = LOCK | self._bit(NUM_LOCK)

    def grabs(self, shortcut: Shortcut) -> set[Grab]:
        """Where the combination is; empty when the layout has no such key."""
        modifiers = sum({self._bits[modifier] for modifier in shortcut.modifiers})
        return {(keycode, modifiers) for keycode in self._keycodes(symbol(shortcut.key))}

    def variants(self, modifiers: int) -> list[int]:
        """The modifiers without and with CapsLock, NumLock and both."""
        number_lock = self.ignored & ~LOCK
        return sorted({modifiers | more for more in (0, LOCK, number_lock, self.ignored)})

    def _keycodes(self, wanted: int) -> list[int]:
        """Keys that give the symbol by themselves, else with a modifier or in another group (1 on a French one)."""
        columns = max((len(symbols) for symbols in self._mapping.symbols), default=0)
        for column in range(columns):
            keys = [
                self._mapping.first + n for n, keys in enumerate(self._mapping.symbols) if keys[column] == wanted
            ]
            if keys:
                return keys
        return []

    def _bit(self, wanted: tuple[int, ...]) -> int:
        """The modifier (Mod1 … Mod5) that the key with one of these symbols acts as; 0 when there is none."""
        for n, keycodes in enumerate(self._mapping.modifiers):
            symbols = {sign for keycode in keycodes for sign in self._mapping.symbols[keycode - self._mapping.first]}
            if n > 2 and symbols & set(wanted):
                return 1 << n
        return 0


class X11Hotkeys:
    """Satisfies Hotkeys."""

    def __init__(self, connect: Callable[[], Wire] = Wire) -> None:
        self._connect = connect
        self._commands: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._pressed: Pressed = lambda _action: None
        self._changed: Changed = lambda _results: None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: _Thread | None = None

    async def start(self, bindings: Bindings, pressed: Pressed, changed: Changed) -> Results:
        loop = asyncio.get_running_loop()

        def tell(function: Callable[[], None]) -> None:
            try:
                loop.call_soon_threadsafe(function)
            except RuntimeError:  # the loop has ended: nobody is left to tell
                pass

        self._thread = _Thread(self._connect, tell, pressed, changed)
        self._thread.start()
        try:
            return await self._ask(bindings)
        except NoWayError:
            await self.close()
            raise

    async def change(self, bindings: Bindings) -> Results:
        try:
            return await self._ask(bindings)
        except NoWayError as error:
            return dict.fromkeys(bindings, Unavailable(str(error), Code.GONE))

    async def close(self) -> None:
        if self._thread:
            thread, self._thread = self._thread, None
            thread.stop()
            await asyncio.to_thread(thread.join, ANSWER_WITHIN)
