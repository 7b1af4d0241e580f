"""Shapes by name, in any colour and size: the one loader of `resources/icons`."""

from functools import cache
from pathlib import Path

from PySide6.QtCore import QByteArray, QRectF, Qt
from PySide6.QtGui import QIcon, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

import resources


@cache
def _source(name: str) -> str:
    return (Path(resources.__path__[0]) / "icons" / f"{name}.svg").read_text(encoding="utf-8")


@cache
def shape(name: str, colour: str) -> QSvgRenderer:
    """The shape, drawn in `colour` (#RRGGBB). Raises FileNotFoundError for a name that is not there."""
    return QSvgRenderer(QByteArray(_source(name).replace("#000000", colour).encode()))


@cache
def window_icon(name: str, colour: str) -> QIcon:
    """The shape as an icon for the taskbar and the window list."""
    icon = QIcon()
    for size in (16, 24, 32, 48, 64):
        pixmap = QPixmap(size, size)
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        shape(name, colour).render(painter, QRectF(0, 0, size, size))
        painter.end()
        icon.addPixmap(pixmap)
    return icon
