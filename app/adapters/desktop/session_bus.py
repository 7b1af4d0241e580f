"""Linux: lock and unlock from logind (system bus) and from the screen saver (session bus), which desktops lock with.

The one rule: it only listens to signals, and one question (our own session's path) is asked without waiting.

QtDBus, which the tray icon uses anyway. Sources: org.freedesktop.login1(5), and the screen saver's interface as KDE,
GNOME, Cinnamon, MATE and Xfce have it.
"""

import logging
import os
from typing import Any

from PySide6.QtCore import SLOT, QObject, Slot
from PySide6.QtDBus import QDBusConnection, QDBusMessage, QDBusObjectPath, QDBusPendingCallWatcher

from app.adapters.desktop.session import Lock

log = logging.getLogger("maskbar.session")

LOGIND = "org.freedesktop.login1"
MANAGER = "org.freedesktop.login1.Manager"
SESSION = "org.freedesktop.login1.Session"
SAVERS = (
    "org.freedesktop.ScreenSaver",
    "org.gnome.ScreenSaver",
    "org.cinnamon.ScreenSaver",
    "org.mate.ScreenSaver",
    "org.xfce.ScreenSaver",
)


class BusSession(QObject):
    tells = True

    def __init__(self, lock: Lock) -> None:
        super().__init__()
        self._lock = lock
        self._session = ""
        """The path of our session at logind; empty: not known, and what it tells of others is not for us."""
        self._asking: QDBusPendingCallWatcher | None = None
        self._system, self._own = QDBusConnection.systemBus(), QDBusConnection.sessionBus()
        self._signals = [(self._own, "", saver, "ActiveChanged", "saver(bool)") for saver in SAVERS]
        self._signals += [
            (self._system, LOGIND, SESSION, "Lock", "locked(QDBusMessage)"),
            (self._system, LOGIND, SESSION, "Unlock", "unlocked(QDBusMessage)"),
            (self._system, LOGIND, MANAGER, "PrepareForSleep", "sleeps(bool)"),
        ]
        for bus, service, interface, name, slot in self._signals:
            if bus.isConnected():
                bus.connect(service, "", interface, name, self, _slot(slot))
        self.tells = self._own.isConnected() or self._system.isConnected()
        if self._system.isConnected():
            self._ask_for_session()

    def close(self) -> None:
        for bus, service, interface, name, slot in self._signals:
            if bus.isConnected():
                bus.disconnect(service, "", interface, name, self, _slot(slot))
        self._asking = None

    def _ask_for_session(self) -> None:
        question = QDBusMessage.createMethodCall(LOGIND, "/org/freedesktop/login1", MANAGER, "GetSession")
        # "auto" is the caller's own session, or else the one that its user sees.
        question.setArguments([os.environ.get("XDG_SESSION_ID") or "auto"])
        self._asking = QDBusPendingCallWatcher(self._system.asyncCall(question), self)
        self._asking.finished.connect(self._session_found)

    def _session_found(self, asked: QDBusPendingCallWatcher) -> None:
        if asked.isError():
            log.info("no session at logind: %s", asked.error().message())
            return
        (path,) = asked.reply().arguments()
        self._session = path.path() if isinstance(path, QDBusObjectPath) else str(path)

    @Slot(bool)
    def saver(self, active: bool) -> None:
        self._lock.tell(active)

    @Slot(QDBusMessage)
    def locked(self, message: QDBusMessage) -> None:
        if message.path() == self._session:
            self._lock.tell(True)

    @Slot(QDBusMessage)
    def unlocked(self, message: QDBusMessage) -> None:
        if message.path() == self._session:
            self._lock.tell(False)

    @Slot(bool)
    def sleeps(self, begins: bool) -> None:
        self._lock.sleep(begins)


def _slot(signature: str) -> Any:
    # PySide's types ask for bytes here; it takes nothing but the text that SLOT gives.
    return SLOT(signature)
