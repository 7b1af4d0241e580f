"""The few words of the X11 protocol that hotkeys need, spoken through the system's libxcb.

The one rule: it can grab a combination and let the keyboard go, and has no request that looks at any other key.
No RECORD, no raw events, no QueryKeymap: what is not here cannot be called.

WORKAROUND: xcffib, the maintained binding, is published as source only, which our lock of wheels refuses, and takes
100 ms to import. libxcb is on every machine that shows our window through X11, and its calls have been stable
since 2006; the requests are laid out as in the protocol (X11R7.7, core and XInput 2.0), so that there is one
function of C for all of them.
"""

from __future__ import annotations

import ctypes
import functools
import struct
from dataclasses import dataclass
from typing import Any, NamedTuple

# Core requests.
QUERY_EXTENSION = 98
GET_KEYBOARD_MAPPING = 101
GET_MODIFIER_MAPPING = 119
# XInput 2 requests: the minor opcodes.
XI_QUERY_VERSION = 47
XI_UNGRAB_DEVICE = 52
XI_PASSIVE_GRAB_DEVICE = 54
XI_PASSIVE_UNGRAB_DEVICE = 55

MAPPING_NOTIFY = 34
MAPPING_POINTER = 2
GENERIC_EVENT = 35
XI_KEY_PRESS = 2
XI_KEY_REPEAT = 1 << 16
CORE_KEYBOARD = 3  # the X server's own number for the virtual core keyboard
SYNC, ASYNC = 0, 1
GRAB_KEYCODE = 1
CHECKED = 1


class ServerGoneError(Exception):
    """The X server does not answer any more, or never did."""


class RequestError(Exception):
    """The X server refused a request; `code` is X11's number for the reason."""

    def __init__(self, code: int) -> None:
        super().__init__(f"X11 error {code}")
        self.code = code


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


class _Part(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


class _Request(ctypes.Structure):
    _fields_ = (
        ("count", ctypes.c_size_t),
        ("extension", ctypes.c_void_p),
        ("opcode", ctypes.c_uint8),
        ("is_void", ctypes.c_uint8),
    )


@functools.cache
def _libraries() -> tuple[Any, Any]:
    """libxcb with its signatures, and what frees its answers. OSError when there is no libxcb."""
    xcb = ctypes.CDLL("libxcb.so.1")
    pointer, number = ctypes.c_void_p, ctypes.c_uint
    for name, result, arguments in (
        ("xcb_connect", pointer, (ctypes.c_char_p, ctypes.POINTER(ctypes.c_int))),
        ("xcb_connection_has_error", ctypes.c_int, (pointer,)),
        ("xcb_disconnect", None, (pointer,)),
        ("xcb_flush", ctypes.c_int, (pointer,)),
        ("xcb_get_file_descriptor", ctypes.c_int, (pointer,)),
        ("xcb_get_setup", pointer, (pointer,)),
        ("xcb_poll_for_event", pointer, (pointer,)),
        ("xcb_request_check", pointer, (pointer, number)),
        (
            "xcb_send_request",
            number,
            (pointer, ctypes.c_int, ctypes.POINTER(_Part), ctypes.POINTER(_Request)),
        ),
        ("xcb_wait_for_reply", pointer, (pointer, number, ctypes.POINTER(pointer))),
    ):
        function = getattr(xcb, name)
        function.restype, function.argtypes = result, arguments
    free = ctypes.CDLL(None).free
    free.restype, free.argtypes = None, (pointer,)
    return xcb, free


class Wire:
    """One connection to an X server. Every method may raise ServerGoneError."""

    def __init__(self, display: str | None = None) -> None:
        """`display` as in the environment's DISPLAY, which is taken when it is None."""
        try:
            self._xcb, self._free = _libraries()
        except OSError as error:
            raise ServerGoneError(str(error)) from None
        screen = ctypes.c_int()
        self._connection = self._xcb.xcb_connect(display.encode() if display else None, ctypes.byref(screen))
        try:
            self.check()
            self._read_setup(screen.value)
            self.xinput = self._find_xinput()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End the connection: the server frees our grabs."""
        connection, self._connection = self._connection, None
        if connection:
            self._xcb.xcb_disconnect(connection)

    def fileno(self) -> int:
        return int(self._xcb.xcb_get_file_descriptor(self._connection))

    def check(self) -> None:
        if not self._connection or (code := self._xcb.xcb_connection_has_error(self._connection)):
            raise ServerGoneError(f"XCB connection error {code if self._connection else 0}")

    def flush(self) -> None:
        self._xcb.xcb_flush(self._connection)

    # What hotkeys need.

    def keys(self) -> KeyMapping:
        first, last = self._keycodes
        count = last - first + 1
        reply = self._ask(GET_KEYBOARD_MAPPING, 0, struct.pack("=BBH", first, count, 0))
        width = reply[1]
        flat = struct.unpack_from(f"={count * width}I", reply, 32)
        symbols = [tuple(flat[start : start + width]) for start in range(0, count * width, width)]
        reply = self._ask(GET_MODIFIER_MAPPING, 0, b"")
        width = reply[1]
        modifiers = [frozenset(reply[32 + n * width : 32 + (n + 1) * width]) - {0} for n in range(8)]
        return KeyMapping(first, symbols, modifiers)

    def grab(self, keycode: int, modifiers: list[int]) -> bool:
        """Have the keycode with each of the modifier sets sent to us, the keyboard frozen until `let_go`.

        False, and nothing is grabbed, when another program has one of them.
        """
        mask = 1 << XI_KEY_PRESS
        body = struct.pack(
            "=IIIIHHHBBBBH",
            *(0, self._root, 0, keycode, CORE_KEYBOARD, len(modifiers), 1),
            *(GRAB_KEYCODE, SYNC, ASYNC, False, 0),
        )
        reply = self._ask(
            self.xinput, XI_PASSIVE_GRAB_DEVICE, body + struct.pack(f"=I{len(modifiers)}I", mask, *modifiers)
        )
        (refused,) = struct.unpack_from("=H", reply, 8)
        if refused:
            self.ungrab(keycode, modifiers)
        return not refused

    def ungrab(self, keycode: int, modifiers: list[int]) -> None:
        body = struct.pack("=IIHHBBH", self._root, keycode, CORE_KEYBOARD, len(modifiers), GRAB_KEYCODE, 0, 0)
        self._tell(
            self.xinput, XI_PASSIVE_UNGRAB_DEVICE, body + struct.pack(f"={len(modifiers)}I", *modifiers)
        )

    def let_go(self, time: int) -> None:
        """End the grab that a press began, and let what was typed since flow to where it was typed."""
        body = struct.pack("=IHH", time, CORE_KEYBOARD, 0)
        self._send(self.xinput, XI_UNGRAB_DEVICE, body, is_void=True, checked=0)
        self.flush()

    def event(self) -> Pressed | KeysMoved | None:
        """The next thing that concerns us; None when nothing is waiting."""
        while found := self._xcb.xcb_poll_for_event(self._connection):
            try:
                if (event := self._understand(found)) is not None:
                    return event
            finally:
                self._free(found)
        self.check()
        return None

    # The protocol.

    def _understand(self, found: int) -> Pressed | KeysMoved | None:
        head = ctypes.string_at(found, 32)
        kind = head[0] & 0x7F
        if kind == MAPPING_NOTIFY and head[4] != MAPPING_POINTER:
            return KeysMoved()
        if kind == GENERIC_EVENT and head[1] == self.xinput:
            event, _device, time, keycode = struct.unpack_from("=HHII", head, 8)
            if event == XI_KEY_PRESS:
                # After the first 32 bytes libxcb puts 4 of its own.
                whole = ctypes.string_at(found, 96)
                flags, _base, _latched, _locked, effective = struct.unpack_from("=IIIII", whole, 60)
                return Pressed(keycode, effective & 0xFF, bool(flags & XI_KEY_REPEAT), time)
        return None

    def _read_setup(self, screen: int) -> None:
        setup = self._xcb.xcb_get_setup(self._connection)
        (length,) = struct.unpack_from("=H", ctypes.string_at(setup, 8), 6)
        data = ctypes.string_at(setup, 8 + 4 * length)
        (vendor,) = struct.unpack_from("=H", data, 24)
        formats = data[29]
        self._keycodes = (data[34], data[35])
        at = 40 + (vendor + 3) // 4 * 4 + 8 * formats
        for _ in range(screen):
            depths, at = data[at + 39], at + 40
            for _ in range(depths):
                (visuals,) = struct.unpack_from("=H", data, at + 2)
                at += 8 + 24 * visuals
        (self._root,) = struct.unpack_from("=I", data, at)

    def _find_xinput(self) -> int:
        """The major opcode of XInput 2; 0 when the server has none."""
        name = b"XInputExtension"
        reply = self._ask(QUERY_EXTENSION, 0, struct.pack("=HH", len(name), 0) + name)
        present, opcode = reply[8], reply[9]
        if not present:
            return 0
        try:
            reply = self._ask(opcode, XI_QUERY_VERSION, struct.pack("=HH", 2, 0))
        except RequestError:  # XInput 1
            return 0
        return opcode if struct.unpack_from("=H", reply, 8)[0] >= 2 else 0

    def _send(self, opcode: int, second: int, body: bytes, *, is_void: bool, checked: int = CHECKED) -> int:
        data = struct.pack("=BBH", opcode, second, 0) + body + b"\0" * (-len(body) % 4)
        buffer = ctypes.create_string_buffer(data, len(data))
        parts = (_Part * 3)()  # libxcb uses the two before the first
        parts[2] = _Part(ctypes.addressof(buffer), len(data))
        first = ctypes.cast(ctypes.byref(parts, 2 * ctypes.sizeof(_Part)), ctypes.POINTER(_Part))
        request = _Request(1, None, opcode, is_void)
        return int(self._xcb.xcb_send_request(self._connection, checked, first, ctypes.byref(request)))

    def _ask(self, opcode: int, second: int, body: bytes) -> bytes:
        """The answer to a request. Raises RequestError."""
        sequence = self._send(opcode, second, body, is_void=False)
        error = ctypes.c_void_p()
        reply = self._xcb.xcb_wait_for_reply(self._connection, sequence, ctypes.byref(error))
        if error.value:
            self._raise(error.value)
        if not reply:
            self.check()
            raise ServerGoneError("no answer")
        try:
            (more,) = struct.unpack_from("=I", ctypes.string_at(reply, 8), 4)
            return ctypes.string_at(reply, 32 + 4 * more)
        finally:
            self._free(reply)

    def _tell(self, opcode: int, second: int, body: bytes) -> None:
        """Send a request that has no answer, and wait until it is done. Raises RequestError."""
        sequence = self._send(opcode, second, body, is_void=True)
        error = self._xcb.xcb_request_check(self._connection, sequence)
        if error:
            self._raise(error)
        self.check()

    def _raise(self, error: int) -> None:
        code = ctypes.string_at(error, 2)[1]
        self._free(error)
        raise RequestError(code)
