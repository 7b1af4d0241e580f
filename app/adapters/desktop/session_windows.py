"""Windows: lock, unlock, and a remote desktop that is left or joined (WTSRegisterSessionNotification).

The one rule: our own session only, and only its changes.

Not run on Windows yet: tests/session holds it to a recorded contract. Source: learn.microsoft.com, WM_WTSSESSION_CHANGE.
"""

import ctypes
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QAbstractNativeEventFilter, QCoreApplication

from app.adapters.desktop.hotkey_windows import Message
from app.adapters.desktop.session import Lock

WM_WTSSESSION_CHANGE = 0x02B1
NOTIFY_FOR_THIS_SESSION = 0
CONSOLE_CONNECT, CONSOLE_DISCONNECT = 1, 2
REMOTE_CONNECT, REMOTE_DISCONNECT = 3, 4
SESSION_LOCK, SESSION_UNLOCK = 7, 8
AWAY = {
    CONSOLE_CONNECT: False,
    CONSOLE_DISCONNECT: True,
    REMOTE_CONNECT: False,
    REMOTE_DISCONNECT: True,
    SESSION_LOCK: True,
    SESSION_UNLOCK: False,
}


def system_wtsapi() -> Any:
    """wtsapi32.dll. Only on Windows."""
    wtsapi = vars(ctypes)["WinDLL"]("wtsapi32")
    wtsapi.WTSRegisterSessionNotification.argtypes = (ctypes.c_void_p, ctypes.c_uint32)
    wtsapi.WTSUnRegisterSessionNotification.argtypes = (ctypes.c_void_p,)
    return wtsapi


class WindowsSession(QAbstractNativeEventFilter):
    def __init__(self, window: int, lock: Lock, wtsapi: Callable[[], Any] = system_wtsapi) -> None:
        super().__init__()
        self._window = window
        self._lock = lock
        self._wtsapi = wtsapi()
        self.tells = bool(self._wtsapi.WTSRegisterSessionNotification(window, NOTIFY_FOR_THIS_SESSION))
        application = QCoreApplication.instance()
        assert application  # noqa: S101  a window has one
        self._application = application
        application.installNativeEventFilter(self)

    def close(self) -> None:
        self._application.removeNativeEventFilter(self)
        self._wtsapi.WTSUnRegisterSessionNotification(self._window)

    def nativeEventFilter(self, kind: Any, at: int) -> tuple[bool, int]:
        if bytes(kind) == b"windows_generic_MSG":
            message = Message.from_address(int(at))
            if message.message == WM_WTSSESSION_CHANGE and message.number in AWAY:
                self._lock.tell(AWAY[message.number])
        return False, 0
