"""Says when the desktop's tray comes, goes or is started anew: both kinds, StatusNotifier (D-Bus) and XEmbed (X11).

The one rule: nothing is polled. The session bus tells of the watcher's name, and the X server of the tray's selection;
an idle MaskBar sleeps.

QtDBus, because Qt's own tray icon speaks through it anyway: no further connection, thread or library.
"""

import logging
import sys
from collections.abc import Callable

from PySide6.QtCore import QObject
from PySide6.QtDBus import QDBus, QDBusConnection, QDBusMessage, QDBusServiceWatcher
from PySide6.QtGui import QGuiApplication

from app.adapters.desktop.hotkey_x11_xcb import ServerGoneError
from app.adapters.desktop.placement_x11_wire import (
    CLIENT_MESSAGE,
    DESTROY_NOTIFY,
    STRUCTURE_NOTIFY,
    Event,
    Wire,
    screen_number,
)

log = logging.getLogger("maskbar.tray")

WATCHER = "org.kde.StatusNotifierWatcher"
"""Its name is the same on every desktop that has StatusNotifier items."""

NOTIFICATIONS = "org.freedesktop.Notifications"
BUS = "org.freedesktop.DBus"

Changed = Callable[[bool], None]
"""Called with whether there is a tray of the kind that changed, at each change, on the loop's thread."""


class TrayHost(QObject):
    """Watches from its making to `close`. `changed` is not called for what is there at the start."""

    def __init__(self, changed: Changed) -> None:
        super().__init__()
        self._changed = changed
        self._xembed = _xembed(changed)
        self._watcher: QDBusServiceWatcher | None = None
        bus = QDBusConnection.sessionBus()
        if not bus.isConnected():
            log.info("no session bus, so no StatusNotifier")
            return
        mode = QDBusServiceWatcher.WatchModeFlag.WatchForOwnerChange
        self._watcher = QDBusServiceWatcher(WATCHER, bus, mode, self)
        self._watcher.serviceOwnerChanged.connect(self._owner_changed)

    def close(self) -> None:
        if self._watcher:
            self._watcher.serviceOwnerChanged.disconnect(self._owner_changed)
            self._watcher = None
        if self._xembed:
            self._xembed.close()
            self._xembed = None

    def _owner_changed(self, _name: str, _old: str, new: str) -> None:
        log.info("%s", "a StatusNotifier watcher is there" if new else "the StatusNotifier watcher is gone")
        self._changed(bool(new))


class XEmbedTray:
    """The tray of the freedesktop.org System Tray Protocol: a window that owns the screen's selection."""

    def __init__(self, changed: Changed) -> None:
        self._changed = changed
        self._wire = Wire(self._heard)
        self._selection = f"_NET_SYSTEM_TRAY_S{screen_number()}"
        self._wire.listen(self._wire.root, STRUCTURE_NOTIFY)
        self._owner = 0
        self._find()

    def close(self) -> None:
        self._wire.close()

    def _find(self) -> None:
        owner = self._wire.owner(self._selection)
        self._owner = owner if owner and self._wire.listen(owner, STRUCTURE_NOTIFY) else 0

    def _heard(self, event: Event) -> None:
        came = event.kind == CLIENT_MESSAGE and event.atom == self._wire.atom("MANAGER")
        ours = came and event.data[1] == self._wire.atom(self._selection)
        gone = event.kind == DESTROY_NOTIFY and event.window == self._owner
        if ours or gone:
            self._find()
            log.info("%s", "an XEmbed tray is there" if self._owner else "the XEmbed tray is gone")
            self._changed(bool(self._owner))


def shows_notifications(platform: str = sys.platform) -> bool:
    """Whether somebody shows notifications, or is started when one is sent. Asks the session bus: some ms, 1 s at most."""
    if platform != "linux":
        return True  # the system itself does; whether the agent has switched it off, it does not tell
    bus = QDBusConnection.sessionBus()
    for question in ("ListNames", "ListActivatableNames"):
        call = QDBusMessage.createMethodCall(BUS, "/org/freedesktop/DBus", BUS, question)
        answer = bus.call(call, QDBus.CallMode.Block, 500)
        if answer.type() == QDBusMessage.MessageType.ReplyMessage and NOTIFICATIONS in answer.arguments()[0]:
            return True
    return False


def _xembed(changed: Changed) -> XEmbedTray | None:
    if QGuiApplication.platformName() != "xcb":
        return None
    try:
        return XEmbedTray(changed)
    except ServerGoneError as error:
        log.warning("XEmbed trays are not watched: %s", error)
        return None
