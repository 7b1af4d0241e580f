"""The customer's form, run as a program of its own: writes what is typed into it to the file that it is given."""

import sys
from pathlib import Path

from PySide6.QtCore import QTimer
from PySide6.QtGui import QFocusEvent
from PySide6.QtWidgets import QApplication, QPlainTextEdit


class Field(QPlainTextEdit):
    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        self.textChanged.connect(self.write)
        self._timer = QTimer(self)
        self._timer.timeout.connect(self.look)
        self._timer.start(10)

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.write()

    def write(self) -> None:
        part = self._path.with_suffix(".part")
        part.write_text(self.toPlainText(), encoding="utf-8")
        part.replace(self._path)

    def look(self) -> None:
        order = self._path.with_suffix(".clear")
        if order.exists():
            order.unlink()
            self.clear()


if __name__ == "__main__":
    application = QApplication([])
    field = Field(Path(sys.argv[1]))
    field.show()
    application.exec()
