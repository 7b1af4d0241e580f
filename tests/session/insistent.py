"""Somebody else's topmost window, over most of the screen. With an argument it is full-screen."""

import sys

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QWidget

if __name__ == "__main__":
    application = QApplication([])
    window = QWidget(None, Qt.WindowType.Window | Qt.WindowType.WindowStaysOnTopHint)
    window.setWindowTitle("insistent")
    window.setGeometry(100, 100, 600, 400)
    if len(sys.argv) > 1:
        window.showFullScreen()
    else:
        window.show()
    application.exec()
