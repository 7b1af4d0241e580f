"""The few words of the X11 protocol that hotkeys need.

The one rule: it can grab a combination and let the keyboard go, and has no request that looks at any other key.
No RECORD, no raw events, no selection of events, no picture of the keys that are down.

Source of the layouts: X Window System Protocol (X11R7.7) and XInput 2.0's XI2proto.
"""

import struct
from dataclasses import dataclass
from typing import NamedTuple

from app.adapters.desktop.hotkey_x11_xcb import GENERIC_EVENT, Connection, RequestError

# Core requests.
UNGRAB_KEYBOARD = 32
GRAB_KEY = 33
UNGRAB_KEY = 34
QUERY_EXTENSION = 98
GET_KEYBOARD_MAPPING = 101
GET_MODIFIER_MAPPING = 119
# XInput 2 requests: the minor opcodes.
XI_QUERY_VERSION = 47
XI_UNGRAB_DEVICE = 52
XI_PASSIVE_GRAB_DEVICE = 54
XI_PASSIVE_UNGRAB_DEVICE = 55

KEY_PRESS = 2
MAPPING_NOTIFY = 34
MAPPING_POINTER = 2
XI_KEY_PRESS = 2
XI_KEY_REPEAT = 1 << 16
CORE_KEYBOARD = 3  # the X server's own number for the virtual core keyboard
SYNC, ASYNC = 0, 1
GRAB_KEYCODE = 1


class KeyMapping(NamedTuple):
    """Which key gives which symbols, and which keys are modifiers."""

    first: int
    symbols: list[tuple[int, ...]]
    """For each keycode from `first` on: its symbols, group by group, level by level."""
    modifiers: list[frozenset[int]]
    """For Shift, Lock, Control, Mod1 … Mod5: the keycodes that act as it."""


@dataclass(frozen=True, slots=True)
class Pressed:
    """One of our own combinations. `modifiers` as in the core protocol; `time` is the server's, in ms."""

    keycode: int
    modifiers: int
    repeat: bool
    time: int


@dataclass(frozen=True, slots=True)
class KeysMoved:
    """The keyboard layout or the modifiers changed."""


class Wire:
    """One connection to an X server. Every method may raise ServerGoneError."""

    def __init__(self, display: str | None = None) -> None:
        """`display` as in the environment's DISPLAY, which is taken when it is None."""
        self.connection = Connection(display)
        try:
            self.xinput = self._find_xinput()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """The server frees our grabs."""
        self.connection.close()

    def fileno(self) -> int:
        return self.connection.fileno()

    def keys(self) -> KeyMapping:
        first, last = self.connection.keycodes
        count = last - first + 1
        reply = self.connection.ask(GET_KEYBOARD_MAPPING, 0, struct.pack("=BBH", first, count, 0))
        width = reply[1]
        flat = struct.unpack_from(f"={count * width}I", reply, 32)
        symbols = [tuple(flat[start : start + width]) for start in range(0, count * width, width)]
        reply = self.connection.ask(GET_MODIFIER_MAPPING, 0, b"")
        width = reply[1]
        modifiers = [frozenset(reply[32 + n * width : 32 + (n + 1) * width]) - {0} for n in range(8)]
        return KeyMapping(first, symbols, modifiers)

    def grab(self, keycode: int, modifiers: list[int]) -> bool:
        """Have the keycode with each of the modifier sets sent to us, the keyboard frozen until `let_go`.

        False, and nothing is grabbed, when another program has one of them.

        Two grabs each, since the X server compares only grabs of one kind. The core one is refused when another
        program has an XGrabKey, and has others' refused later. The XInput one comes first when the keys are pressed,
        being the younger, and its events say whether the key repeats because it is held.
        """
        try:
            for held in modifiers:
                core = struct.pack("=IHBBBBH", self.connection.root, held, keycode, ASYNC, SYNC, 0, 0)
                self.connection.do(GRAB_KEY, 0, core)
            free = not self.xinput or self._grab_by_xinput(keycode, modifiers)
        except RequestError:
            free = False
        if not free:
            self.ungrab(keycode, modifiers)
        return free

    def _grab_by_xinput(self, keycode: int, modifiers: list[int]) -> bool:
        count, mask = len(modifiers), 1 << XI_KEY_PRESS
        body = struct.pack(
            f"=IIIIHHHBBBBHI{count}I",
            *(0, self.connection.root, 0, keycode, CORE_KEYBOARD, count, 1),
            *(GRAB_KEYCODE, SYNC, ASYNC, False, 0, mask, *modifiers),
        )
        reply = self.connection.ask(self.xinput, XI_PASSIVE_GRAB_DEVICE, body)
        (refused,) = struct.unpack_from("=H", reply, 8)
        return not refused

    def ungrab(self, keycode: int, modifiers: list[int]) -> None:
        root, count = self.connection.root, len(modifiers)
        if self.xinput:
            what = (root, keycode, CORE_KEYBOARD, count, GRAB_KEYCODE, 0, 0, *modifiers)
            self.connection.do(self.xinput, XI_PASSIVE_UNGRAB_DEVICE, struct.pack(f"=IIHHBBH{count}I", *what))
        for held in modifiers:
            self.connection.do(UNGRAB_KEY, keycode, struct.pack("=IHH", root, held, 0))

    def let_go(self, time: int) -> None:
        """End the grab that a press began, and let what was typed since flow to where it was typed."""
        if self.xinput:
            self.connection.send(self.xinput, XI_UNGRAB_DEVICE, struct.pack("=IHH", time, CORE_KEYBOARD, 0))
        self.connection.send(UNGRAB_KEYBOARD, 0, struct.pack("=I", time))
        self.connection.flush()

    def event(self) -> Pressed | KeysMoved | None:
        """The next thing that concerns us; None when nothing is waiting."""
        while event := self.connection.event():
            if understood := self.understand(event):
                return understood
        return None

    def understand(self, event: bytes) -> Pressed | KeysMoved | None:
        kind = event[0] & 0x7F
        if kind == MAPPING_NOTIFY and event[4] != MAPPING_POINTER:
            return KeysMoved()
        if kind == KEY_PRESS:
            keycode, time, modifiers = struct.unpack_from("=xBxxI20xH", event)
            return Pressed(keycode, modifiers & 0xFF, repeat=False, time=time)
        if kind == GENERIC_EVENT and event[1] == self.xinput:
            which, time, keycode = struct.unpack_from("=HxxII", event, 8)
            if which == XI_KEY_PRESS:
                flags, effective = struct.unpack_from("=I12xI", event, 56)
                return Pressed(keycode, effective & 0xFF, repeat=bool(flags & XI_KEY_REPEAT), time=time)
        return None

    def _find_xinput(self) -> int:
        """The major opcode of XInput 2; 0 when the server has none."""
        name = b"XInputExtension"
        reply = self.connection.ask(QUERY_EXTENSION, 0, struct.pack("=HH", len(name), 0) + name)
        present, opcode = reply[8], reply[9]
        if not present:
            return 0
        try:
            reply = self.connection.ask(opcode, XI_QUERY_VERSION, struct.pack("=HH", 2, 0))
        except RequestError:  # XInput 1
            return 0
        return opcode if struct.unpack_from("=H", reply, 8)[0] >= 2 else 0
