"""Where the window stands and who has the keyboard: what every desktop's way has in common, and which way is taken.

The one rule: only the agent's own wish (`come`) moves the keyboard to MaskBar. Showing, raising, reminding and a
press on its button leave it where it is: in the customer's form.
"""

import sys
from collections.abc import MutableMapping
from typing import Protocol

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QGuiApplication, QKeyEvent
from PySide6.QtWidgets import QWidget

from app.adapters.desktop.placement_screens import Screens


class Placement(Protocol):
    """One desktop's way for one window. Used from the loop's thread, made before the window is first shown."""

    holds_topmost: bool
    """It comes back on top by itself when another topmost window covers it."""
    leaves_focus: bool
    """A press on it leaves the keyboard where it was."""
    all_desktops: bool
    """It is seen on every virtual desktop."""

    def bring(self) -> None:
        """Show it in front of everything, without the keyboard: for reminders."""
        ...

    def come(self) -> None:
        """The agent asked for MaskBar: show it, raise it, give it the keyboard."""
        ...

    def give_back(self) -> None:
        """Give the keyboard to whoever had it before `come`."""
        ...

    def close(self) -> None:
        """Before the window is closed."""
        ...


class PlainPlacement:
    """What Qt does alone; for desktops (native Wayland, offscreen) that let a program place nothing."""

    holds_topmost = False
    leaves_focus = False
    all_desktops = False

    def __init__(self, window: QWidget) -> None:
        self._window = window

    def bring(self) -> None:
        bring(self._window)

    def come(self) -> None:
        bring(self._window)
        self._window.activateWindow()

    def give_back(self) -> None:
        pass

    def close(self) -> None:
        pass


def bring(window: QWidget) -> None:
    """On a screen and in front, without the keyboard."""
    for screens in window.findChildren(Screens):
        screens.look()
    if window.isMinimized() or not window.isVisible():
        window.showNormal()
    window.raise_()


def prefer_x11(environ: MutableMapping[str, str]) -> bool:
    """On Wayland, have Qt show the window through XWayland, where topmost is possible. Before Qt is loaded.

    False: there is no XWayland, or somebody has chosen Qt's platform already.
    """
    if not environ.get("WAYLAND_DISPLAY") or not environ.get("DISPLAY") or "QT_QPA_PLATFORM" in environ:
        return False
    environ["QT_QPA_PLATFORM"] = "xcb"
    return True


def is_escape(event: QEvent) -> bool:
    """The key that gives the keyboard back: it came to the window because nothing in it wanted it."""
    return (
        event.type() == QEvent.Type.KeyPress
        and isinstance(event, QKeyEvent)
        and event.key() == Qt.Key.Key_Escape
    )


def choose(window: QWidget, platform: str = sys.platform) -> Placement:
    """This desktop's way. Call it before `window.show()`."""
    Screens(window)
    qt = QGuiApplication.platformName()
    if platform == "win32" and qt == "windows":
        from app.adapters.desktop.placement_windows import WindowsPlacement

        return WindowsPlacement(window)
    if platform == "darwin" and qt == "cocoa":
        from app.adapters.desktop.placement_macos import MacosPlacement

        return MacosPlacement(window)
    if qt == "xcb":
        from app.adapters.desktop.hotkey_x11_xcb import ServerGoneError
        from app.adapters.desktop.placement_x11 import X11Placement

        try:
            return X11Placement(window)
        except ServerGoneError:
            pass
    return PlainPlacement(window)
