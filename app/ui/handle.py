"""The coloured block at the window's left: the state's shape, the grip to move the window by, and the menu."""

from PySide6.QtCore import QPoint, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QApplication, QWidget

from app.ui import theme
from app.ui.icons import shape

WHITE = "#FFFFFF"


class Handle(QAbstractButton):
    """A click (or Space) is `clicked`; a drag moves the window."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._look = ("", "")
        self._pressed_at: QPoint | None = None
        self.setFixedWidth(theme.BLOCK_WIDTH)
        self.setToolTip("Drag to move. Click for the menu.")
        self.setAccessibleName("Menu")

    def show_shape(self, name: str, ground: str) -> None:
        """The name of the shape, and the block's colour (#RRGGBB)."""
        if (name, ground) != self._look:
            self._look = (name, ground)
            self.update()

    def sizeHint(self) -> QSize:
        return QSize(theme.BLOCK_WIDTH, theme.BAR_HEIGHT)

    def paintEvent(self, _event: QPaintEvent) -> None:
        name, ground = self._look
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(ground))
        square = QRectF(0, 0, theme.ICON, theme.ICON)
        square.moveCenter(QRectF(self.rect()).center())
        shape(name, WHITE).render(painter, square)
        if self.hasFocus():
            painter.setPen(QPen(QColor(WHITE), 2, Qt.PenStyle.DotLine))
            painter.drawRect(self.rect().adjusted(3, 3, -4, -4))
        painter.end()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._pressed_at = event.position().toPoint()
        super().mousePressEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        far = QApplication.startDragDistance()
        start = self._pressed_at
        if start is not None and (event.position().toPoint() - start).manhattanLength() >= far:
            self._pressed_at = None
            self.setDown(False)
            handle = self.window().windowHandle()
            if handle is not None:
                handle.startSystemMove()
            return
        super().mouseMoveEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._pressed_at is None:  # the press became a drag
            return
        self._pressed_at = None
        super().mouseReleaseEvent(event)
