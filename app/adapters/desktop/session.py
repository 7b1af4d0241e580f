"""What the desktop's session tells: it is locked, unlocked, or ends. And which way it tells so here.

The one rule: a log-out is never held up. What must be done by then is done in the call that announces it.
"""

import logging
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from PySide6.QtGui import QGuiApplication, QSessionManager
from PySide6.QtWidgets import QWidget

log = logging.getLogger("maskbar.session")


class Session(Protocol):
    """Tells from its making until `close`."""

    tells: bool
    """Whether this desktop tells of locking at all, as far as is known."""

    def close(self) -> None: ...


class SilentSession:
    """A desktop that tells nothing."""

    tells = False

    def close(self) -> None:
        pass


class Lock:
    """Several sources tell of the same lock; each change is told once. Who sleeps sees nothing either."""

    def __init__(self, locked: Callable[[], None], unlocked: Callable[[], None]) -> None:
        self._calls = {True: locked, False: unlocked}
        self._locked = False
        self._asleep = False
        self.is_away = False
        """The agent cannot see the window."""

    def tell(self, locked: bool) -> None:
        """By one word of any source: some tell only of the locking, others only of the unlocking."""
        self._locked = locked
        self._follow()

    def sleep(self, asleep: bool) -> None:
        self._asleep = asleep
        self._follow()

    def _follow(self) -> None:
        is_away = self._locked or self._asleep
        if is_away is not self.is_away:
            self.is_away = is_away
            log.info("the session is %s", "away" if is_away else "back")
            self._calls[is_away]()


def choose(
    window: QWidget, locked: Callable[[], None], unlocked: Callable[[], None], platform: str = sys.platform
) -> Session:
    """`locked`: the agent cannot see the window (locked, disconnected, asleep). `unlocked`: and now can again."""
    lock = Lock(locked, unlocked)
    if platform == "win32":
        from app.adapters.desktop.session_windows import WindowsSession

        return WindowsSession(int(window.winId()), lock)
    if platform == "linux":
        from app.adapters.desktop.session_bus import BusSession

        return BusSession(lock)
    # macOS tells it by com.apple.screenIsLocked of the distributed notification centre, for which a program needs an
    # Objective-C object of its own: not worth a further library before somebody can run it there.
    return SilentSession()


@contextmanager
def ending(application: QGuiApplication, end: Callable[[], None]) -> Iterator[None]:
    """`end` is called at a log-off or shutdown, on the loop's thread. It must come back at once.

    Nothing is asked of the agent there: a program that asks holds up everybody's log-out, and Windows kills it.
    """

    def announced(manager: QSessionManager) -> None:
        log.info("the session ends")
        # Start at login is what the agent set, not what was open by chance.
        manager.setRestartHint(QSessionManager.RestartHint.RestartNever)
        end()

    application.commitDataRequest.connect(announced)
    try:
        yield
    finally:
        application.commitDataRequest.disconnect(announced)


@contextmanager
def hang_up_ignored() -> Iterator[None]:
    """The terminal that MaskBar was started from may be closed: the agent's call goes on."""
    number = getattr(signal, "SIGHUP", None)
    if number is None:  # Windows
        yield
        return
    before = signal.signal(number, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(number, before)
