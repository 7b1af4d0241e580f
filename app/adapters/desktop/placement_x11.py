"""X11: a window whose button can be pressed without taking the keyboard, and which takes it when it is asked for.

The one rule: the window is what ICCCM calls globally active. The window manager may only offer it the keyboard
(WM_TAKE_FOCUS), and it takes the offer unless a mouse press goes with it. So a click leaves the caret in the
customer's form, while Alt+Tab, the taskbar and `come` bring the keyboard.

Qt's WindowDoesNotAcceptFocus alone refuses every offer, so that MaskBar could not be reached by keyboard at all.
"""

import ctypes
import struct

from PySide6.QtCore import (
    QAbstractNativeEventFilter,
    QByteArray,
    QCoreApplication,
    QEvent,
    QObject,
    Qt,
    QTimer,
)
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QWidget

from app.adapters.desktop.placement import bring, is_escape
from app.adapters.desktop.placement_x11_wire import CLIENT_MESSAGE, FROM_A_PAGER, Event, Wire
from app.adapters.desktop.topmost_x11 import Topmost

PRESS_FOLLOWS = 80
"""Milliseconds in which the press arrives that made the window manager offer the keyboard. It handles both at once."""
ALL_DESKTOPS = 0xFFFFFFFF
ABOVE = 0


class X11Placement(QObject):
    holds_topmost = True
    leaves_focus = True
    all_desktops = True

    def __init__(self, window: QWidget) -> None:
        """Raises ServerGoneError."""
        super().__init__()
        self._window = window
        self._number = int(window.winId())
        self._handle = window.windowHandle()
        self._handle.setFlag(Qt.WindowType.WindowDoesNotAcceptFocus, True)
        self._wire = Wire(self._heard)
        self._topmost = Topmost(self._wire, self._number, self._raise)
        self._before = 0
        self._coming = False
        self._pressed = False
        self._offered = QTimer(self)
        self._offered.setSingleShot(True)
        self._offered.setInterval(PRESS_FOLLOWS)
        self._offered.timeout.connect(self._take)
        self._offered_at = 0
        self._offers = _Offers(self)
        QCoreApplication.instance().installNativeEventFilter(self._offers)  # type: ignore[union-attr]
        window.installEventFilter(self)
        self._handle.installEventFilter(self)

    def bring(self) -> None:
        bring(self._window)
        self._raise()

    def come(self) -> None:
        self._coming = True
        self.bring()
        if self._handle.isExposed():
            self._ask_for_focus()

    def give_back(self) -> None:
        if self._before and self._window.isActiveWindow():
            self._wire.tell_manager(self._before, "_NET_ACTIVE_WINDOW", FROM_A_PAGER, 0, self._number)

    def close(self) -> None:
        QCoreApplication.instance().removeNativeEventFilter(self._offers)  # type: ignore[union-attr]
        self._window.removeEventFilter(self)
        self._handle.removeEventFilter(self)
        self._offered.stop()
        self._topmost.close()
        self._wire.close()

    def offered(self, window: int, message: int, protocol: int, time: int) -> None:
        """The window manager offers the keyboard (or says something else)."""
        if window != self._number or message != self._wire.atom("WM_PROTOCOLS"):
            return
        if protocol == self._wire.atom("WM_TAKE_FOCUS"):
            self._offered_at = time
            self._offered.start()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        kind = event.type()
        if watched is self._handle:
            if kind == QEvent.Type.MouseButtonPress:
                self._offered.stop()
            elif kind == QEvent.Type.Expose and self._handle.isExposed():
                self._on_screen()
        elif kind == QEvent.Type.Show:
            # A hidden window's property is read when it is shown, a shown window's manager wants a message.
            self._wire.set_cardinal(self._number, "_NET_WM_DESKTOP", ALL_DESKTOPS)
        elif is_escape(event):
            self.give_back()
        return False

    def _on_screen(self) -> None:
        if self._wire.property(self._number, "_NET_WM_DESKTOP") != (ALL_DESKTOPS,):
            self._wire.tell_manager(self._number, "_NET_WM_DESKTOP", ALL_DESKTOPS, FROM_A_PAGER)
        self._topmost.look()
        if self._coming:
            self._ask_for_focus()

    def _ask_for_focus(self) -> None:
        """As a pager asks for the user: a program's own wish is refused by window managers that prevent stealing."""
        self._coming = False
        if not self._window.isActiveWindow():
            self._wire.tell_manager(self._number, "_NET_ACTIVE_WINDOW", FROM_A_PAGER, 0, 0)

    def _take(self) -> None:
        if QGuiApplication.mouseButtons() != Qt.MouseButton.NoButton:
            return
        active = self._wire.property(self._wire.root, "_NET_ACTIVE_WINDOW")
        if active and active[0] != self._number:
            self._before = active[0]
        self._wire.focus(self._number, self._offered_at)

    def _raise(self) -> None:
        # As a pager, for the agent: what a window asks for itself is not always heard (openbox lets the one in use
        # stay in front).
        if self._window.isVisible() and not self._window.isMinimized():
            self._wire.tell_manager(self._number, "_NET_RESTACK_WINDOW", FROM_A_PAGER, 0, ABOVE)

    def _heard(self, event: Event) -> None:
        self._topmost.heard(event)


class _Offers(QAbstractNativeEventFilter):
    """Sees the window manager's messages, which Qt answers or drops by itself."""

    def __init__(self, placement: X11Placement) -> None:
        super().__init__()
        self._placement = placement

    def nativeEventFilter(
        self, kind: QByteArray | bytes | bytearray | memoryview, message: int
    ) -> tuple[bool, int]:
        if kind == b"xcb_generic_event_t":
            head = ctypes.string_at(int(message), 32)
            if head[0] & 0x7F == CLIENT_MESSAGE:
                self._placement.offered(*struct.unpack_from("=IIII", head, 4))
        return False, 0
