"""Hotkeys on macOS: Carbon's RegisterEventHotKey.

The one rule: macOS tells us of the combination alone, so that it asks the agent for no permission (an event tap
needs Accessibility or Input Monitoring, and sees every key).

Source: CarbonEvents.h and Events.h of the macOS SDK. Still supported, and what others build on; not run by us yet.
"""

import ctypes
from collections.abc import Callable
from typing import Any

from app.adapters.desktop.hotkey import Bindings, Changed, Code, NoWayError, Pressed, Results, Unavailable
from app.adapters.desktop.hotkey_holdings import NumberedHoldings
from app.core.shortcut import Modifier, Shortcut, Spelling

MODIFIERS = {Modifier.META: 0x0100, Modifier.SHIFT: 0x0200, Modifier.ALT: 0x0800, Modifier.CTRL: 0x1000}
# The places of keys (kVK_…), by the letter that the American layout has there.
LETTERS = dict(zip("ASDFHGZXCV", range(10), strict=True)) | dict(zip("BQWERYT", range(11, 18), strict=True))
LETTERS |= {"O": 31, "U": 32, "I": 34, "P": 35, "L": 37, "J": 38, "K": 40, "N": 45, "M": 46}
DIGITS = {"1": 18, "2": 19, "3": 20, "4": 21, "6": 22, "5": 23, "9": 25, "7": 26, "8": 28, "0": 29}
FUNCTION_KEYS = (122, 120, 99, 118, 96, 97, 98, 100, 101, 109, 103, 111, 105, 107, 113, 106, 64, 79, 80, 90)
NAMES = {
    "Space": 49,
    "Home": 115,
    "PageUp": 116,
    "End": 119,
    "PageDown": 121,
}  # a Mac has no Insert, no Pause
NAMES |= {"Left": 123, "Right": 124, "Down": 125, "Up": 126}
KEYS = LETTERS | DIGITS | NAMES | {f"F{n}": code for n, code in enumerate(FUNCTION_KEYS, 1)}

EXISTS = -9878
"""eventHotKeyExistsErr"""
NOT_HANDLED = -9874
"""eventNotHandledErr"""
KEY_IS_PRESSED = 5
"""kEventHotKeyPressed"""


def four(letters: str) -> int:
    """A number as Carbon writes them: four letters."""
    return int.from_bytes(letters.encode("ascii"), "big")


SIGNATURE = four("MskB")


class HotKeyId(ctypes.Structure):
    _fields_ = (("signature", ctypes.c_uint32), ("number", ctypes.c_uint32))


class EventType(ctypes.Structure):
    _fields_ = (("group", ctypes.c_uint32), ("kind", ctypes.c_uint32))


Handler = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)


def system_carbon() -> Any:
    try:
        carbon = ctypes.CDLL("/System/Library/Frameworks/Carbon.framework/Carbon")
    except OSError as error:
        raise NoWayError(f"macOS' Carbon framework cannot be loaded ({error}).") from None
    pointer, word, status, size = ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int32, ctypes.c_ulong
    for name, result, arguments in (
        ("GetApplicationEventTarget", pointer, ()),
        ("RegisterEventHotKey", status, (word, word, HotKeyId, pointer, word, pointer)),
        ("UnregisterEventHotKey", status, (pointer,)),
        ("InstallEventHandler", status, (pointer, Handler, size, pointer, pointer, pointer)),
        ("RemoveEventHandler", status, (pointer,)),
        ("GetEventParameter", status, (pointer, word, word, pointer, size, pointer, pointer)),
    ):
        function = getattr(carbon, name)
        function.restype, function.argtypes = result, arguments
    return carbon


class MacosHotkeys:
    """Satisfies Hotkeys. Used from the main thread, whose loop Qt shares with Carbon."""

    def __init__(self, carbon: Callable[[], Any] = system_carbon) -> None:
        self._load = carbon
        self._references: dict[int, ctypes.c_void_p] = {}
        self._holdings = NumberedHoldings(self._register, self._unregister, Spelling.MACOS)

    async def start(
        self,
        bindings: Bindings,
        pressed: Pressed,
        changed: Changed,  # noqa: ARG002  nothing changes by itself on macOS
    ) -> Results:
        self._carbon = self._load()
        self._pressed = pressed
        self._target = self._carbon.GetApplicationEventTarget()
        self._handler = Handler(self._told)  # kept: Carbon does not
        self._installed = ctypes.c_void_p()
        kinds, installed = EventType(four("keyb"), KEY_IS_PRESSED), ctypes.byref(self._installed)
        if error := self._carbon.InstallEventHandler(
            self._target, self._handler, 1, ctypes.byref(kinds), None, installed
        ):
            raise NoWayError(f"macOS does not tell us of hotkeys (error {error}).")
        return self._holdings.change(bindings)

    async def change(self, bindings: Bindings) -> Results:
        return self._holdings.change(bindings)

    async def configure(self) -> bool:
        return False

    async def close(self) -> None:
        self._holdings.close()
        self._carbon.RemoveEventHandler(self._installed)

    def _told(self, _next: int, event: int, _data: int) -> int:
        which = HotKeyId()
        size, into = ctypes.sizeof(which), ctypes.byref(which)
        if self._carbon.GetEventParameter(event, four("----"), four("hkid"), None, size, None, into):
            return NOT_HANDLED
        action = self._holdings.action_of(which.number) if which.signature == SIGNATURE else None
        if action is None:
            return NOT_HANDLED
        self._pressed(action)
        return 0

    def _register(self, number: int, shortcut: Shortcut) -> Unavailable | None:
        words = shortcut.spell(Spelling.MACOS)
        if shortcut.key not in KEYS:
            return Unavailable(f"A Mac's keyboard has no key {shortcut.key} for {words}.", Code.NO_KEY)
        modifiers = 0
        for modifier in shortcut.modifiers:
            modifiers |= MODIFIERS[modifier]
        reference = ctypes.c_void_p()
        which, into = HotKeyId(SIGNATURE, number), ctypes.byref(reference)
        error = self._carbon.RegisterEventHotKey(KEYS[shortcut.key], modifiers, which, self._target, 0, into)
        if error == EXISTS:
            return Unavailable(f"{words} is taken by another program: choose another.", Code.TAKEN)
        if error:
            return Unavailable(f"macOS refuses {words} (error {error}): choose another.", Code.REFUSED)
        self._references[number] = reference
        return None

    def _unregister(self, number: int) -> None:
        self._carbon.UnregisterEventHotKey(self._references.pop(number))
