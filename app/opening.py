"""The first picture: the window is painted before the program behind it is loaded.

The one rule: until that program knows better, the window says STARTING… and nothing else: the run before may have
ended while the call was masked. Whoever closes it, or ends the program, by then is heard.

Loaded before the first picture, so nothing is imported here that is not in it: no asyncio, no network, no journal.
"""

import logging
import signal
import sys
from collections.abc import Callable
from types import FrameType, TracebackType

from PySide6.QtCore import QEvent, QEventLoop, QObject, QTimer, QtMsgType, qInstallMessageHandler
from PySide6.QtWidgets import QApplication

import app.adapters.pyside  # noqa: F401  before anything else of ours
from app import APP_ID, NAME, __version__
from app.adapters.application import Application
from app.adapters.desktop.placement import choose as choose_placement
from app.core.picture import STARTING
from app.ui.window import Calls, Window

LONGEST = 500
"""Milliseconds to wait for the first picture. Some windows are not painted: those on another desktop, for example."""
GOES_ON = 1
"""What the first event loop ends with. Whoever quits ends it with 0."""
SIGNALS = (signal.SIGINT, signal.SIGTERM)


def application() -> QApplication:
    """The one there is."""
    qInstallMessageHandler(_log_qt)
    QApplication.setApplicationName(NAME)
    QApplication.setApplicationVersion(__version__)
    QApplication.setDesktopFileName(APP_ID)
    existing = QApplication.instance()
    app = existing if isinstance(existing, QApplication) else Application(sys.argv[:1])
    app.setQuitOnLastWindowClosed(False)  # hiding the window must not end the loop under our tasks
    return app


class Opening:
    """The window, and whether it is to end. A context manager: with it, the window ends."""

    def __init__(self) -> None:
        self.app = application()
        self.ended = False
        """Somebody has ended the program."""
        self._end: Callable[[], None] = lambda: None
        self._signals = {number: signal.signal(number, self._signalled) for number in SIGNALS}
        self.window = Window(Calls(close=self.end, leave=self.end))
        self.window.show_view(STARTING)
        self.place = choose_placement(self.window)
        self._there = True

    def paint(self) -> None:
        """Show the window, and handle events until it is painted, or ended."""
        waiting = QEventLoop()

        def go_on() -> None:
            waiting.exit(GOES_ON)

        # After the paint event itself: the picture is handed to the screen by then.
        first_paint(self.window, lambda: QTimer.singleShot(0, waiting, go_on))
        QTimer.singleShot(LONGEST, waiting, go_on)
        self.window.show()
        self._end = waiting.quit
        if self.ended or waiting.exec() != GOES_ON:  # the desktop's wish to quit ends this loop, too
            self.ended = True
        self._end = lambda: None

    def end(self) -> None:
        self.ended = True
        self._end()

    def listen(self, end: Callable[[], None]) -> None:
        """`end` is called, in place of the one before, when somebody ends the program; at once when it was ended."""
        self._end = end
        if self.ended:
            end()

    def hide(self) -> None:
        """The window ends. Again is no harm."""
        if self._there:
            self._there = False
            self.place.close()
            self.window.hide()
            self.window.deleteLater()

    def __enter__(self) -> "Opening":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.hide()
        for number, handler in self._signals.items():
            signal.signal(number, handler)
        qInstallMessageHandler(None)

    def _signalled(self, _number: int, _frame: FrameType | None) -> None:
        self.end()


def first_paint(window: Window, seen: Callable[[], None]) -> None:
    """Call `seen` when the window is painted next, before the painting itself."""

    def painting() -> bool:
        window.removeEventFilter(watcher)
        seen()
        return False

    watcher = Filter(QEvent.Type.Paint, painting)
    watcher.setParent(window)
    window.installEventFilter(watcher)
    window.update()


class Filter(QObject):
    """Calls `seen` when an event of the given type passes; swallows the event if `seen` returns True."""

    def __init__(self, kind: QEvent.Type, seen: Callable[[], bool]) -> None:
        super().__init__()
        self._kind = kind
        self._seen = seen

    def eventFilter(self, _watched: QObject, event: QEvent) -> bool:
        return event.type() == self._kind and self._seen()


_LEVELS = {
    QtMsgType.QtDebugMsg: logging.DEBUG,
    QtMsgType.QtInfoMsg: logging.INFO,
    QtMsgType.QtWarningMsg: logging.WARNING,
}


def _log_qt(kind: QtMsgType, _context: object, message: str) -> None:
    logging.getLogger("maskbar.qt").log(_LEVELS.get(kind, logging.ERROR), "%s", message)
