"""Hotkeys on Windows: RegisterHotKey, and WM_HOTKEY seen by a filter on Qt's messages.

The one rule: Windows tells us of the combination alone, held keys do not repeat (MOD_NOREPEAT), and no hook is set.
It also works while a program that runs as administrator has the focus, which a hook would not.

Source: learn.microsoft.com, RegisterHotKey and WM_HOTKEY.
"""

import ctypes
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QAbstractNativeEventFilter, QCoreApplication

from app.adapters.desktop.hotkey import Bindings, Changed, Code, NoWayError, Pressed, Results, Unavailable
from app.adapters.desktop.hotkey_holdings import NumberedHoldings
from app.core.shortcut import Modifier, Shortcut, Spelling

WM_HOTKEY = 0x0312
MOD_NOREPEAT = 0x4000
MODIFIERS = {Modifier.ALT: 1, Modifier.CTRL: 2, Modifier.SHIFT: 4, Modifier.META: 8}
NAMES = {
    "Pause": 0x13,
    "Space": 0x20,
    "PageUp": 0x21,
    "PageDown": 0x22,
    "End": 0x23,
    "Home": 0x24,
    "Left": 0x25,
    "Up": 0x26,
    "Right": 0x27,
    "Down": 0x28,
    "Insert": 0x2D,
}
ALREADY_REGISTERED = 1409


def virtual_key(key: str) -> int:
    """Windows' number for one of our keys."""
    if len(key) == 1:
        return ord(key)
    return NAMES[key] if key in NAMES else 0x6F + int(key[1:])


class Message(ctypes.Structure):
    """MSG, as in winuser.h; ctypes.wintypes has it for Windows only."""

    _fields_ = (
        ("window", ctypes.c_void_p),
        ("message", ctypes.c_uint),
        ("number", ctypes.c_size_t),
        ("detail", ctypes.c_ssize_t),
        ("time", ctypes.c_uint32),
        ("x", ctypes.c_int32),
        ("y", ctypes.c_int32),
    )


User32 = tuple[Any, Callable[[], int]]
"""user32.dll, and what gives the number of its last error."""


def system_user32() -> User32:
    load: Any = getattr(ctypes, "WinDLL", None)
    if load is None:
        raise NoWayError("This system is not Windows.")
    user32 = load("user32", use_last_error=True)
    number, window = ctypes.c_int, ctypes.c_void_p
    user32.RegisterHotKey.argtypes = (window, number, ctypes.c_uint, ctypes.c_uint)
    user32.UnregisterHotKey.argtypes = (window, number)
    last_error: Callable[[], int] = vars(ctypes)["get_last_error"]
    return user32, last_error


class Filter(QAbstractNativeEventFilter):
    """Tells the number of each WM_HOTKEY that Windows puts into the thread's queue, and keeps ours from Qt."""

    def __init__(self, told: Callable[[int], bool]) -> None:
        """`told` says whether the number is ours."""
        super().__init__()
        self._told = told

    def nativeEventFilter(self, kind: Any, at: int) -> tuple[bool, int]:
        if bytes(kind) in (b"windows_generic_MSG", b"windows_dispatcher_MSG"):
            message = Message.from_address(int(at))
            # Without a window: that is how ours are registered.
            if message.message == WM_HOTKEY and not message.window and self._told(message.number):
                return True, 0
        return False, 0


class WindowsHotkeys:
    """Satisfies Hotkeys. Registers for the thread that calls it: the one with Qt's loop."""

    def __init__(self, user32: Callable[[], User32] = system_user32) -> None:
        self._load = user32
        self._holdings = NumberedHoldings(self._register, self._unregister, Spelling.WINDOWS)

    async def start(
        self,
        bindings: Bindings,
        pressed: Pressed,
        changed: Changed,  # noqa: ARG002  nothing changes by itself on Windows
    ) -> Results:
        application = QCoreApplication.instance()
        if application is None:
            raise NoWayError("Hotkeys on Windows need the window's own loop.")
        self._user32, self._last_error = self._load()
        self._pressed = pressed
        self._application = application
        self._filter = Filter(self._told)
        application.installNativeEventFilter(self._filter)
        return self._holdings.change(bindings)

    async def change(self, bindings: Bindings) -> Results:
        return self._holdings.change(bindings)

    async def configure(self) -> bool:
        return False

    async def close(self) -> None:
        self._application.removeNativeEventFilter(self._filter)
        self._holdings.close()

    def _told(self, number: int) -> bool:
        action = self._holdings.action_of(number)
        if action:
            self._pressed(action)
        return action is not None

    def _register(self, number: int, shortcut: Shortcut) -> Unavailable | None:
        modifiers = MOD_NOREPEAT
        for modifier in shortcut.modifiers:
            modifiers |= MODIFIERS[modifier]
        if self._user32.RegisterHotKey(None, number, modifiers, virtual_key(shortcut.key)):
            return None
        error = self._last_error()
        words = shortcut.spell(Spelling.WINDOWS)
        if error == ALREADY_REGISTERED:
            return Unavailable(f"{words} is taken by another program: choose another.", Code.TAKEN)
        return Unavailable(f"Windows refuses {words} (error {error}): choose another.", Code.REFUSED)

    def _unregister(self, number: int) -> None:
        self._user32.UnregisterHotKey(None, number)
