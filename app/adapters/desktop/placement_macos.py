"""macOS: the window on every space, also beside full-screen programs (NSWindow's collection behaviour).

The one rule: only two properties of our own window are set, through the Objective-C runtime; without them the window
is still there.

A click on our window makes MaskBar the active program: only a non-activating NSPanel would not, and Qt offers none
that also has a menu. So `leaves_focus` is False, and Escape gives the keyboard back (NSApplication's `deactivate`).

Not run on macOS yet. Source: developer.apple.com, NSWindow.CollectionBehavior, NSApplication.deactivate.
"""

import ctypes
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QWidget

from app.adapters.desktop.placement import bring, is_escape

CAN_JOIN_ALL_SPACES = 1 << 0
FULL_SCREEN_AUXILIARY = 1 << 8
STATUS_WINDOW_LEVEL = 25

Send = Callable[..., Any]
"""(receiver, selector, *numbers): objc_msgSend, with a pointer as its answer."""


def system_send() -> Send:
    objc = ctypes.CDLL("libobjc.A.dylib")
    pointer = ctypes.c_void_p
    objc.sel_registerName.restype, objc.sel_registerName.argtypes = pointer, (ctypes.c_char_p,)
    objc.objc_getClass.restype, objc.objc_getClass.argtypes = pointer, (ctypes.c_char_p,)

    def send(receiver: int | str, selector: str, *numbers: int | None) -> Any:
        target = objc.objc_getClass(receiver.encode()) if isinstance(receiver, str) else receiver
        # objc_msgSend has no signature of its own: it is called as the method that it leads to.
        kinds = (pointer if number is None else ctypes.c_long for number in numbers)
        call = ctypes.CFUNCTYPE(pointer, pointer, pointer, *kinds)(("objc_msgSend", objc))
        return call(target, objc.sel_registerName(selector.encode()), *numbers)

    return send


class MacosPlacement(QObject):
    holds_topmost = True
    leaves_focus = False
    all_desktops = True

    def __init__(self, window: QWidget, send: Callable[[], Send] = system_send) -> None:
        super().__init__()
        self._window = window
        self._send = send()
        native = self._send(int(window.winId()), "window")
        self._send(native, "setCollectionBehavior:", CAN_JOIN_ALL_SPACES | FULL_SCREEN_AUXILIARY)
        self._send(native, "setLevel:", STATUS_WINDOW_LEVEL)
        window.installEventFilter(self)

    def bring(self) -> None:
        bring(self._window)

    def come(self) -> None:
        bring(self._window)
        self._window.activateWindow()

    def give_back(self) -> None:
        if self._window.isActiveWindow():
            self._send(self._send("NSApplication", "sharedApplication"), "deactivate")

    def close(self) -> None:
        self._window.removeEventFilter(self)

    def eventFilter(self, _watched: QObject, event: QEvent) -> bool:
        if is_escape(event):
            self.give_back()
        return False
