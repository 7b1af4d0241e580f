"""Windows: a press on the window leaves the keyboard where it is (WM_MOUSEACTIVATE), and topmost holds.

The one rule: nothing is hooked but the change of the foreground window (SetWinEventHook for that one event, outside
of other processes). It tells that another window came to the front; no key and no click is seen.

WS_EX_NOACTIVATE, which Qt's WindowDoesNotAcceptFocus sets, would also take the window out of Alt+Tab and the taskbar.

Not run on Windows yet: tests/session holds it to a recorded contract. Source: learn.microsoft.com, WM_MOUSEACTIVATE,
SetWindowPos, SetWinEventHook.
"""

import ctypes
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QAbstractNativeEventFilter, QCoreApplication, QEvent, QObject
from PySide6.QtWidgets import QWidget

from app.adapters.desktop.hotkey_windows import Message
from app.adapters.desktop.placement import bring, is_escape

WM_MOUSEACTIVATE = 0x0021
MA_NOACTIVATE = 3
HWND_TOPMOST = -1
SWP_NOSIZE_NOMOVE_NOACTIVATE = 0x1 | 0x2 | 0x10
EVENT_SYSTEM_FOREGROUND = 3
OUT_OF_CONTEXT_NOT_OURS = 0x0 | 0x2


def system_user32() -> Any:
    """user32.dll with the signatures that 64 bits need. Only on Windows."""
    user32 = vars(ctypes)["WinDLL"]("user32")
    window, number = ctypes.c_void_p, ctypes.c_int
    user32.SetWindowPos.argtypes = (window, window, number, number, number, number, ctypes.c_uint)
    user32.GetForegroundWindow.restype = window
    user32.SetForegroundWindow.argtypes = (window,)
    user32.SetWinEventHook.restype = window
    user32.SetWinEventHook.argtypes = (
        *(ctypes.c_uint, ctypes.c_uint, window, window),
        *(ctypes.c_uint32, ctypes.c_uint32, ctypes.c_uint),
    )
    user32.UnhookWinEvent.argtypes = (window,)
    return user32


def system_callback(call: Callable[..., None]) -> Any:
    """A WINEVENTPROC. Keep it for as long as Windows may call it."""
    kind: Any = vars(ctypes).get("WINFUNCTYPE", ctypes.CFUNCTYPE)
    number, window = ctypes.c_uint32, ctypes.c_void_p
    return kind(None, window, number, window, ctypes.c_int32, ctypes.c_int32, number, number)(call)


class WindowsPlacement(QObject):
    holds_topmost = True
    leaves_focus = True
    all_desktops = (
        False  # Windows keeps that to itself; the agent can: task view, "Show this window on all desktops"
    )

    def __init__(self, window: QWidget, user32: Callable[[], Any] = system_user32) -> None:
        super().__init__()
        self._window = window
        self._number = int(window.winId())
        self._user32 = user32()
        self._before: int | None = None
        self._callback = system_callback(lambda *_: self._stay_on_top())
        self._noticing = self._user32.SetWinEventHook(
            *(EVENT_SYSTEM_FOREGROUND, EVENT_SYSTEM_FOREGROUND, None, self._callback),
            *(0, 0, OUT_OF_CONTEXT_NOT_OURS),
        )
        self._clicks = _Clicks(self._number)
        application = QCoreApplication.instance()
        assert application  # noqa: S101  a window has one
        self._application = application
        application.installNativeEventFilter(self._clicks)
        window.installEventFilter(self)

    def bring(self) -> None:
        bring(self._window)
        self._stay_on_top()

    def come(self) -> None:
        before = self._user32.GetForegroundWindow()
        if before and before != self._number:
            self._before = before
        self.bring()
        self._window.activateWindow()

    def give_back(self) -> None:
        if self._before and self._window.isActiveWindow():
            self._user32.SetForegroundWindow(self._before)

    def close(self) -> None:
        self._window.removeEventFilter(self)
        self._application.removeNativeEventFilter(self._clicks)
        if self._noticing:
            self._user32.UnhookWinEvent(self._noticing)

    def eventFilter(self, _watched: QObject, event: QEvent) -> bool:
        if is_escape(event):
            self.give_back()
        return False

    def _stay_on_top(self) -> None:
        if self._window.isVisible() and not self._window.isMinimized():
            self._user32.SetWindowPos(self._number, HWND_TOPMOST, 0, 0, 0, 0, SWP_NOSIZE_NOMOVE_NOACTIVATE)


class _Clicks(QAbstractNativeEventFilter):
    """Answers Windows' question whether a click on our window should activate it: no, and the click counts."""

    def __init__(self, window: int) -> None:
        super().__init__()
        self._window = window

    def nativeEventFilter(self, kind: Any, at: int) -> tuple[bool, int]:
        if bytes(kind) == b"windows_generic_MSG":
            message = Message.from_address(int(at))
            if message.message == WM_MOUSEACTIVATE and message.window == self._window:
                return True, MA_NOACTIVATE
        return False, 0
