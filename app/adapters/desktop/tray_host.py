"""Says when the desktop's tray comes, goes or is started anew: both kinds, StatusNotifier (D-Bus) and XEmbed (X11).

The one rule: nothing is polled. The session bus tells of the watcher's name, and the X server of the tray's selection;
an idle MaskBar sleeps.

QtDBus, because Qt's own tray icon speaks through it anyway: no further connection, thread or library.
"""

import logging
from collections.abc import Callable

from PySide6.QtCore import QObject
from PySide6.QtDBus import QDBusConnection, QDBusServiceWatcher

log = logging.getLogger("maskbar.tray")

WATCHER = "org.kde.StatusNotifierWatcher"
"""Its name is the same on every desktop that has StatusNotifier items."""


class TrayHost(QObject):
    """`changed(present)` is called on the loop's thread at each change, not for what is there at the start."""

    def __init__(self, changed: Callable[[bool], None]) -> None:
        super().__init__()
        self._changed = changed
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

    def _owner_changed(self, _name: str, _old: str, new: str) -> None:
        log.info("%s", "a StatusNotifier watcher is there" if new else "the StatusNotifier watcher is gone")
        self._changed(bool(new))
