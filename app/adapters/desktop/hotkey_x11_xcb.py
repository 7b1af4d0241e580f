"""A connection to an X server through the system's libxcb: requests, answers, events.

The one rule: it knows no request by itself; what may be asked of the server is the business of who uses it.

WORKAROUND: xcffib, the maintained binding, is published as source only, which our lock of wheels refuses, and takes
100 ms to import. libxcb is on every machine that shows our window through X11, its calls have been stable since
2006, and `xcb_send_request` takes any request as the protocol lays it out, so that ten of them will do.
"""

from __future__ import annotations

import ctypes
import functools
import struct
from typing import Any

CHECKED = 1
GENERIC_EVENT = 35


class ServerGoneError(Exception):
    """The X server does not answer any more, or never did."""


class RequestError(Exception):
    """The X server refused a request; `code` is X11's number for the reason."""

    def __init__(self, code: int) -> None:
        super().__init__(f"X11 error {code}")
        self.code = code


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
    parts, request = ctypes.POINTER(_Part), ctypes.POINTER(_Request)
    for name, result, arguments in (
        ("xcb_connect", pointer, (ctypes.c_char_p, ctypes.POINTER(ctypes.c_int))),
        ("xcb_connection_has_error", ctypes.c_int, (pointer,)),
        ("xcb_disconnect", None, (pointer,)),
        ("xcb_flush", ctypes.c_int, (pointer,)),
        ("xcb_get_file_descriptor", ctypes.c_int, (pointer,)),
        ("xcb_get_setup", pointer, (pointer,)),
        ("xcb_poll_for_event", pointer, (pointer,)),
        ("xcb_request_check", pointer, (pointer, number)),
        ("xcb_send_request", number, (pointer, ctypes.c_int, parts, request)),
        ("xcb_wait_for_reply", pointer, (pointer, number, ctypes.POINTER(pointer))),
    ):
        function = getattr(xcb, name)
        function.restype, function.argtypes = result, arguments
    free = ctypes.CDLL(None).free
    free.restype, free.argtypes = None, (pointer,)
    return xcb, free


class Connection:
    """Every method may raise ServerGoneError."""

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
        except ServerGoneError:
            self.close()
            raise
        setup = self._xcb.xcb_get_setup(self._connection)
        (length,) = struct.unpack_from("=H", ctypes.string_at(setup, 8), 6)
        self._read_setup(ctypes.string_at(setup, 8 + 4 * length), screen.value)

    def _read_setup(self, data: bytes, screen: int) -> None:
        """Finds the root window of the screen: it stands behind the vendor's name, the formats and other screens."""
        self.keycodes = (data[34], data[35])
        (vendor,) = struct.unpack_from("=H", data, 24)
        formats = data[29]
        at = 40 + (vendor + 3) // 4 * 4 + 8 * formats
        for _ in range(screen):
            depths, at = data[at + 39], at + 40
            for _ in range(depths):
                (visuals,) = struct.unpack_from("=H", data, at + 2)
                at += 8 + 24 * visuals
        self.root: int = struct.unpack_from("=I", data, at)[0]

    def close(self) -> None:
        """End the connection: the server frees all that it holds for us."""
        connection, self._connection = self._connection, None
        if connection:
            self._xcb.xcb_disconnect(connection)

    def fileno(self) -> int:
        return int(self._xcb.xcb_get_file_descriptor(self._connection))

    def check(self) -> None:
        if code := self._xcb.xcb_connection_has_error(self._connection):
            raise ServerGoneError(f"XCB connection error {code}")

    def send(self, opcode: int, second: int, body: bytes) -> None:
        """Send a request that has no answer. It leaves with the next `flush`."""
        self._send(opcode, second, body, is_void=True, checked=0)

    def flush(self) -> None:
        self._xcb.xcb_flush(self._connection)

    def do(self, opcode: int, second: int, body: bytes) -> None:
        """Send a request that has no answer, and wait until it is done. Raises RequestError."""
        sequence = self._send(opcode, second, body, is_void=True)
        if error := self._xcb.xcb_request_check(self._connection, sequence):
            self._raise(error)
        self.check()

    def ask(self, opcode: int, second: int, body: bytes) -> bytes:
        """The answer to a request. `second` is its second byte: for extensions, which request. Raises RequestError."""
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

    def event(self) -> bytes | None:
        """The next event, as the protocol lays it out; None when nothing waits. An error is an event of kind 0."""
        found = self._xcb.xcb_poll_for_event(self._connection)
        if not found:
            self.check()
            return None
        try:
            head = ctypes.string_at(found, 32)
            if head[0] & 0x7F != GENERIC_EVENT:
                return head
            (more,) = struct.unpack_from("=I", head, 4)
            # After the first 32 bytes libxcb puts 4 of its own.
            return head + ctypes.string_at(found + 36, 4 * more)
        finally:
            self._free(found)

    def _send(self, opcode: int, second: int, body: bytes, *, is_void: bool, checked: int = CHECKED) -> int:
        data = struct.pack("=BBH", opcode, second, 0) + body + b"\0" * (-len(body) % 4)
        buffer = ctypes.create_string_buffer(data, len(data))
        parts = (_Part * 3)()  # libxcb uses the two before the first
        parts[2] = _Part(ctypes.addressof(buffer), len(data))
        first = ctypes.cast(ctypes.byref(parts, 2 * ctypes.sizeof(_Part)), ctypes.POINTER(_Part))
        request = _Request(1, None, opcode, is_void)
        return int(self._xcb.xcb_send_request(self._connection, checked, first, ctypes.byref(request)))

    def _raise(self, error: int) -> None:
        code = ctypes.string_at(error, 2)[1]
        self._free(error)
        raise RequestError(code)
