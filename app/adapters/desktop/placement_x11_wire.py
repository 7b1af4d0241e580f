"""The few words of the X11 protocol by which windows are placed: properties, stacking, selections, root messages.

The one rule: it listens to windows' structure and properties, and has no request and no event mask for keys or for
the pointer.

Source of the layouts: X Window System Protocol (X11R7.7); of the messages: Extended Window Manager Hints 1.5.
"""

import os
import struct
from collections.abc import Callable, Iterator
from typing import NamedTuple

from PySide6.QtCore import QSocketNotifier, QTimer

from app.adapters.desktop.hotkey_x11_xcb import Connection, RequestError, ServerGoneError

# Core requests.
CHANGE_WINDOW_ATTRIBUTES = 2
GET_WINDOW_ATTRIBUTES = 3
GET_GEOMETRY = 14
INTERN_ATOM = 16
CHANGE_PROPERTY = 18
GET_PROPERTY = 20
GET_SELECTION_OWNER = 23
SEND_EVENT = 25
TRANSLATE_COORDINATES = 40
SET_INPUT_FOCUS = 42

EVENT_MASK = 1 << 11
STRUCTURE_NOTIFY = 1 << 17
PROPERTY_CHANGE = 1 << 22
TO_THE_MANAGER = (1 << 19) | (
    1 << 20
)  # substructure notify and redirect: how EWMH addresses the window manager

DESTROY_NOTIFY = 17
PROPERTY_NOTIFY = 28
CLIENT_MESSAGE = 33

CARDINAL = 6
TO_PARENT = 2
VIEWABLE = 2
GONE = (RequestError, ServerGoneError)
FROM_A_PAGER = 2
"""EWMH's source of a request that the user made, not the program by itself."""


class Box(NamedTuple):
    """Where a window is on the screen, in the server's pixels."""

    x: int
    y: int
    width: int
    height: int

    def touches(self, other: "Box") -> bool:
        return (
            self.x < other.x + other.width
            and other.x < self.x + self.width
            and self.y < other.y + other.height
            and other.y < self.y + self.height
        )


class Event(NamedTuple):
    """`kind` of the protocol; `atom` is the property or the message's type; `data` is the message's."""

    kind: int
    window: int
    atom: int
    data: tuple[int, ...] = ()


class Wire:
    """One connection to the X server, heard by Qt's loop.

    A window or a server that is gone is no error: questions about it have an empty answer. (Qt ends the program when
    its own connection to the server breaks.)
    """

    def __init__(self, heard: Callable[[Event], None], display: str | None = None) -> None:
        """`heard` is called on the loop for each event that was asked for. Raises ServerGoneError."""
        self._heard = heard
        self._connection = Connection(display)
        self.root = self._connection.root
        self._atoms: dict[str, int] = {}
        self._notifier = QSocketNotifier(self._connection.fileno(), QSocketNotifier.Type.Read)
        self._notifier.activated.connect(self._hear)
        # An answer may bring events along. libxcb has read them then, and the socket says nothing more of them.
        self._afterwards = QTimer()
        self._afterwards.setSingleShot(True)
        self._afterwards.timeout.connect(self._hear)

    def close(self) -> None:
        self._afterwards.stop()
        self._notifier.setEnabled(False)
        self._notifier.deleteLater()
        self._connection.close()

    def atom(self, name: str) -> int:
        if name not in self._atoms:
            body = struct.pack("=HH", len(name), 0) + name.encode()
            try:
                (self._atoms[name],) = struct.unpack_from("=I", self._ask(INTERN_ATOM, 0, body), 8)
            except GONE:
                return 0
        return self._atoms[name]

    def listen(self, window: int, mask: int) -> bool:
        """Have the events of `mask` of this window told. False: there is no such window."""
        try:
            body = struct.pack("=III", window, EVENT_MASK, mask)
            self._do(CHANGE_WINDOW_ATTRIBUTES, 0, body)
        except GONE:
            return False
        return True

    def owner(self, selection: str) -> int:
        """The window that has it; 0 when none has."""
        try:
            answer = self._ask(GET_SELECTION_OWNER, 0, struct.pack("=I", self.atom(selection)))
        except GONE:
            return 0
        return int(struct.unpack_from("=I", answer, 8)[0])

    def property(self, window: int, name: str) -> tuple[int, ...]:
        """A property made of 32-bit numbers; empty when there is none, or no such window."""
        try:
            body = struct.pack("=IIIII", window, self.atom(name), 0, 0, 4096)
            answer = self._ask(GET_PROPERTY, 0, body)
        except GONE:
            return ()
        if answer[1] != 32:
            return ()
        (count,) = struct.unpack_from("=I", answer, 16)
        return struct.unpack_from(f"={count}I", answer, 32)

    def set_cardinal(self, window: int, name: str, value: int) -> None:
        """Set it, and come back when the server has it."""
        body = struct.pack("=IIIB3xII", window, self.atom(name), CARDINAL, 32, 1, value)
        try:
            self._do(CHANGE_PROPERTY, 0, body)
        except GONE:
            pass  # no such window: it is being closed

    def box(self, window: int) -> Box | None:
        """None: it is not on the screen."""
        try:
            attributes = self._ask(GET_WINDOW_ATTRIBUTES, 0, struct.pack("=I", window))
            if attributes[26] != VIEWABLE:
                return None
            geometry = self._ask(GET_GEOMETRY, 0, struct.pack("=I", window))
            place = self._ask(TRANSLATE_COORDINATES, 0, struct.pack("=IIhh", window, self.root, 0, 0))
        except GONE:
            return None
        width, height = struct.unpack_from("=HH", geometry, 16)
        x, y = struct.unpack_from("=hh", place, 12)
        return Box(x, y, width, height)

    def tell_manager(self, window: int, message: str, *data: int) -> None:
        """Ask the window manager for something about `window`."""
        numbers = (*data, 0, 0, 0, 0, 0)[:5]
        event = struct.pack("=BBHII5I", CLIENT_MESSAGE, 32, 0, window, self.atom(message), *numbers)
        body = struct.pack("=II", self.root, TO_THE_MANAGER) + event
        self._connection.send(SEND_EVENT, 0, body)
        self._connection.flush()

    def focus(self, window: int, time: int) -> None:
        """Give `window` the keyboard; `time` (the server's, in ms) is that of the event which allowed it."""
        try:
            self._do(SET_INPUT_FOCUS, TO_PARENT, struct.pack("=II", window, time))
        except GONE:
            pass  # it is not on the screen any more

    def _ask(self, opcode: int, second: int, body: bytes) -> bytes:
        self._afterwards.start(0)
        return self._connection.ask(opcode, second, body)

    def _do(self, opcode: int, second: int, body: bytes) -> None:
        self._afterwards.start(0)
        self._connection.do(opcode, second, body)

    def _hear(self) -> None:
        """All that waits."""
        try:
            for event in list(self._waiting()):
                self._heard(event)
        except ServerGoneError:
            self._notifier.setEnabled(False)

    def _waiting(self) -> Iterator[Event]:
        while event := self._connection.event():
            kind = event[0] & 0x7F  # the highest bit says that another client sent it
            if kind == CLIENT_MESSAGE:
                window, atom, *data = struct.unpack_from("=II5I", event, 4)
                yield Event(kind, window, atom, tuple(data))
            elif kind == PROPERTY_NOTIFY:
                yield Event(kind, *struct.unpack_from("=II", event, 4))
            elif kind == DESTROY_NOTIFY:
                yield Event(kind, struct.unpack_from("=I", event, 8)[0], 0)


def screen_number(display: str | None = None) -> int:
    """Of DISPLAY, as in `host:0.1`."""
    _, _, number = (display or os.environ.get("DISPLAY", "")).rpartition(":")[2].partition(".")
    return int(number) if number.isdigit() else 0
