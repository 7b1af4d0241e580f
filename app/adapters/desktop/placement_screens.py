"""Keeps a window where it can be seen when a screen is unplugged, turned or made smaller.

The one rule: the whole window is inside what one screen has free, or as much of it as fits, at its upper left.
"""

from collections.abc import Sequence

from PySide6.QtCore import QObject, QPoint, QRect, QTimer
from PySide6.QtGui import QGuiApplication, QScreen
from PySide6.QtWidgets import QWidget


def seen_at(window: QRect, screens: Sequence[QRect]) -> QPoint:
    """Where the window should stand: where it is, or the nearest place on the screen that it is nearest to."""
    if not screens:
        return window.topLeft()
    return min((_inside(window, screen) for screen in screens), key=lambda to: _far(window.topLeft(), to))


def _inside(window: QRect, screen: QRect) -> QPoint:
    x = max(screen.left(), min(window.x(), screen.x() + screen.width() - window.width()))
    y = max(screen.top(), min(window.y(), screen.y() + screen.height() - window.height()))
    return QPoint(x, y)


def _far(one: QPoint, other: QPoint) -> int:
    return (one - other).manhattanLength()


class Screens(QObject):
    """Watches from its making; it goes with the window."""

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._window = window
        # Together and a moment later: a change of screens is several signals, and windows are moved by Qt meanwhile.
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.timeout.connect(self.look)
        application = QGuiApplication.instance()
        assert isinstance(application, QGuiApplication)  # noqa: S101  a window has one
        application.screenRemoved.connect(self._changed)
        application.screenAdded.connect(self._follow)
        for screen in QGuiApplication.screens():
            self._follow(screen)

    def look(self) -> None:
        """Move the window if it cannot be seen whole where it is."""
        free = [screen.availableGeometry() for screen in QGuiApplication.screens()]
        frame = self._window.frameGeometry()
        to = seen_at(frame, free)
        if to != frame.topLeft():
            self._window.move(to)

    def _follow(self, screen: QScreen) -> None:
        screen.availableGeometryChanged.connect(self._changed)
        self._changed()

    def _changed(self, *_: object) -> None:
        self._soon.start(0)
