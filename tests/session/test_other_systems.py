"""Windows and macOS, held to recorded contracts: what we call there, and what we make of what they say.

They are not run on those systems here; the contracts are those of the vendors' documentation.
"""

import ctypes
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QApplication, QWidget

from app.adapters.desktop.hotkey_windows import Message
from app.adapters.desktop.placement_macos import MacosPlacement
from app.adapters.desktop.placement_windows import (
    HWND_TOPMOST,
    MA_NOACTIVATE,
    WM_MOUSEACTIVATE,
    WindowsPlacement,
)
from app.adapters.desktop.session import Lock
from app.adapters.desktop.session_windows import (
    REMOTE_CONNECT,
    REMOTE_DISCONNECT,
    SESSION_LOCK,
    SESSION_UNLOCK,
    WM_WTSSESSION_CHANGE,
    WindowsSession,
)


class Recorded:
    """Any function of a system library: notes the call, and answers as told (1 without a word)."""

    def __init__(self, **answers: int) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self._answers = answers

    def __getattr__(self, name: str) -> Callable[..., int]:
        def call(*arguments: object) -> int:
            self.calls.append((name, *arguments))
            return self._answers.get(name, 1)

        return call

    def named(self, name: str) -> list[tuple[Any, ...]]:
        return [call[1:] for call in self.calls if call[0] == name]


class Plain(QWidget):
    """Qt without a display (offscreen) warns when a window is to come to the front."""

    def raise_(self) -> None: ...

    def activateWindow(self) -> None: ...


@pytest.fixture
def window(qapp: QApplication) -> Iterator[QWidget]:
    made = Plain()
    made.show()
    yield made
    made.close()


def press_escape(window: QWidget) -> None:
    QApplication.sendEvent(
        window, QKeyEvent(QKeyEvent.Type.KeyPress, Qt.Key.Key_Escape, Qt.KeyboardModifier.NoModifier)
    )


def message(window: int, kind: int, number: int = 0) -> Message:
    made = Message()
    made.window, made.message, made.number = window, kind, number
    return made


def test_windows_answers_a_click_without_activating(window: QWidget) -> None:
    user32 = Recorded()
    placement = WindowsPlacement(window, lambda: user32)
    ours, clicks = int(window.winId()), placement._clicks

    def asked(about: Message, kind: bytes = b"windows_generic_MSG") -> tuple[bool, int]:
        return clicks.nativeEventFilter(kind, ctypes.addressof(about))

    assert asked(message(ours, WM_MOUSEACTIVATE)) == (True, MA_NOACTIVATE)
    assert asked(message(ours + 1, WM_MOUSEACTIVATE)) == (False, 0)
    assert asked(message(ours, 0x0201)) == (False, 0)
    assert asked(message(ours, WM_MOUSEACTIVATE), b"xcb_generic_event_t") == (False, 0)
    placement.close()


def test_windows_stays_on_top_by_the_change_of_the_foreground_alone(window: QWidget) -> None:
    user32 = Recorded(SetWinEventHook=77)
    placement = WindowsPlacement(window, lambda: user32)
    (noticed,) = user32.named("SetWinEventHook")
    assert noticed[:2] == (3, 3)  # EVENT_SYSTEM_FOREGROUND, and nothing else
    noticed[3](None, 3, None, 0, 0, 0, 0)
    assert user32.named("SetWindowPos") == [(int(window.winId()), HWND_TOPMOST, 0, 0, 0, 0, 0x13)]
    window.hide()
    noticed[3](None, 3, None, 0, 0, 0, 0)
    assert len(user32.named("SetWindowPos")) == 1
    placement.close()
    assert user32.named("UnhookWinEvent") == [(77,)]


def test_windows_gives_the_keyboard_back_to_whoever_had_it(window: QWidget, monkeypatch: Any) -> None:
    user32 = Recorded(GetForegroundWindow=4711)
    placement = WindowsPlacement(window, lambda: user32)
    monkeypatch.setattr(window, "isActiveWindow", lambda: True)
    press_escape(window)
    assert user32.named("SetForegroundWindow") == []  # nobody had it
    placement.come()
    press_escape(window)
    assert user32.named("SetForegroundWindow") == [(4711,)]
    placement.close()


def test_windows_tells_of_locks_and_of_the_remote_desktop(qapp: QApplication) -> None:
    told: list[str] = []
    wtsapi = Recorded()
    lock = Lock(lambda: told.append("locked"), lambda: told.append("unlocked"))
    session = WindowsSession(42, lock, lambda: wtsapi)
    assert session.tells
    assert wtsapi.calls == [("WTSRegisterSessionNotification", 42, 0)]
    for change in (SESSION_LOCK, REMOTE_DISCONNECT, REMOTE_CONNECT, REMOTE_DISCONNECT, SESSION_UNLOCK, 5):
        said = message(42, WM_WTSSESSION_CHANGE, change)
        assert session.nativeEventFilter(b"windows_generic_MSG", ctypes.addressof(said)) == (False, 0)
    assert told == ["locked", "unlocked", "locked", "unlocked"]
    session.close()
    assert wtsapi.calls[1:] == [("WTSUnRegisterSessionNotification", 42)]


def test_macos_joins_all_spaces_and_gives_the_keyboard_back(window: QWidget, monkeypatch: Any) -> None:
    sent: list[tuple[Any, ...]] = []

    def send(receiver: int | str, selector: str, *numbers: int | None) -> int:
        sent.append((receiver, selector, *numbers))
        return 1000 + len(sent)

    placement = MacosPlacement(window, lambda: send)
    assert sent == [
        (int(window.winId()), "window"),
        (1001, "setCollectionBehavior:", 0x101),
        (1001, "setLevel:", 25),
    ]
    monkeypatch.setattr(window, "isActiveWindow", lambda: True)
    press_escape(window)
    assert sent[3:] == [("NSApplication", "sharedApplication"), (1004, "deactivate")]
    placement.close()
