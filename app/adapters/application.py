"""The application, which the desktop may ask to end.

The one rule: it loads no more than Qt: it is made before the first picture.
"""

from collections.abc import Callable

from PySide6.QtCore import QEvent
from PySide6.QtWidgets import QApplication


class Application(QApplication):
    """`quit`, by whomever, only asks: it would stop the loop under the coroutines' `finally`.

    An event filter would do the same for any application. But it would see every event of every object, and PySide6
    makes what it hands over known to Python: Qt's own widgets and 190 classes that nobody uses, 3 MB.
    """

    asked: Callable[[], None] | None = None

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Quit and self.asked:
            self.asked()
            return True
        return super().event(event)
