"""Real mouse clicks and real keys (XTEST), some thousands a minute: xdotool is a process for each.

The one rule: they go to the X server, which gives them to whoever they belong to; no window is named.
"""

import ctypes
from types import TracebackType

SYMBOLS = {
    "ctrl": 0xFFE3,
    "alt": 0xFFE9,
    "shift": 0xFFE1,
    "Escape": 0xFF1B,
    "Left": 0xFF51,
    "space": 0x20,
}
LEFT = 1


class Fingers:
    def __init__(self, display: str) -> None:
        self._x = ctypes.CDLL("libX11.so.6")
        self._test = ctypes.CDLL("libXtst.so.6")
        self._x.XOpenDisplay.restype = ctypes.c_void_p
        self._x.XKeysymToKeycode.argtypes = (ctypes.c_void_p, ctypes.c_ulong)
        self._x.XFlush.argtypes = self._x.XCloseDisplay.argtypes = (ctypes.c_void_p,)
        self._test.XTestFakeKeyEvent.argtypes = (
            ctypes.c_void_p,
            ctypes.c_uint,
            ctypes.c_int,
            ctypes.c_ulong,
        )
        self._test.XTestFakeButtonEvent.argtypes = self._test.XTestFakeKeyEvent.argtypes
        self._test.XTestFakeMotionEvent.argtypes = (
            ctypes.c_void_p,
            ctypes.c_int,
            ctypes.c_int,
            ctypes.c_int,
            ctypes.c_ulong,
        )
        self._display = self._x.XOpenDisplay(display.encode())
        assert self._display, f"no display {display}"

    def __enter__(self) -> "Fingers":
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._x.XCloseDisplay(self._display)

    def move(self, x: int, y: int) -> None:
        self._test.XTestFakeMotionEvent(self._display, -1, x, y, 0)
        self._x.XFlush(self._display)

    def click(self, x: int, y: int) -> None:
        self.move(x, y)
        self.button(down=True)
        self.button(down=False)

    def button(self, *, down: bool) -> None:
        self._test.XTestFakeButtonEvent(self._display, LEFT, down, 0)
        self._x.XFlush(self._display)

    def keys(self, *names: str) -> None:
        """Together, as in ("ctrl", "alt", "m"); let go in the opposite order."""
        for name in names:
            self.key(name, down=True)
        for name in reversed(names):
            self.key(name, down=False)

    def key(self, name: str, *, down: bool) -> None:
        symbol = SYMBOLS[name] if name in SYMBOLS else ord(name)
        self._test.XTestFakeKeyEvent(self._display, self._x.XKeysymToKeycode(self._display, symbol), down, 0)
        self._x.XFlush(self._display)

    def type(self, text: str) -> None:
        for letter in text:
            self.keys(letter)
