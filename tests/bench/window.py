"""A child of the bench: MaskBar as `maskbar --settings FILE` opens it, or the bare window that it is measured beside.

    python tests/bench/window.py paint|idle bare
    python tests/bench/window.py paint|idle ours SETTINGS

The one rule: both are told of their first picture in the same way, and nothing of the bench is loaded before it.

The bare window is what anybody would write first: always on top, one label, one button, PySide6's own loop.

`paint` prints when (ns, monotonic) the first picture was drawn, and ends. `idle` prints that and stays until its input
closes; each further line of input makes it print how often its event loop has come round.
"""

import sys
import time

TYPE_CHECKING = False  # typing is not loaded before the first picture
if TYPE_CHECKING:
    from typing import Any

    from PySide6.QtCore import QEvent, QObject
    from PySide6.QtWidgets import QApplication, QWidget

STAYS = sys.argv[1] == "idle"


def first_picture(window: "QWidget", app: "QApplication") -> None:
    """Calls back once the whole window is painted and handed to the screen."""
    from PySide6.QtCore import QEvent, QObject, QTimer

    class Watch(QObject):
        def eventFilter(self, _watched: "QObject", event: "QEvent") -> bool:
            if event.type() == QEvent.Type.Paint:
                window.removeEventFilter(self)
                QTimer.singleShot(0, lambda: drawn(app))  # the paint itself comes first
            return False

    watch = Watch(window)
    window.installEventFilter(watch)


def drawn(app: "QApplication") -> None:
    print(time.monotonic_ns(), flush=True)
    if STAYS:
        _answer(app)
        return
    import os

    os._exit(0)


def _answer(app: "QApplication") -> None:
    """Counts the rounds of the event loop; tells them, and ends, as the input says."""
    import os

    from PySide6.QtCore import QAbstractEventDispatcher, QSocketNotifier

    rounds = 0

    def count() -> None:
        nonlocal rounds
        rounds += 1

    def told() -> None:
        if os.read(0, 100):
            print(rounds, flush=True)
        else:
            os._exit(0)

    dispatcher = QAbstractEventDispatcher.instance()
    assert dispatcher is not None
    dispatcher.awake.connect(count)
    notifier = QSocketNotifier(0, QSocketNotifier.Type.Read, app)
    notifier.activated.connect(told)


def bare() -> None:
    from PySide6.QtCore import Qt
    from PySide6.QtWidgets import QApplication, QLabel, QPushButton, QVBoxLayout, QWidget

    app = QApplication([])
    window = QWidget(None, Qt.WindowType.WindowStaysOnTopHint)
    layout = QVBoxLayout(window)
    layout.addWidget(QLabel("NOT MASKED"))
    layout.addWidget(QPushButton("Mask"))
    first_picture(window, app)
    window.show()
    app.exec()


def ours(settings: str) -> None:
    from app import cli, opening  # noqa: F401  in the program's own order; what it paints first loads no more
    from app.ui import window as ui

    def build(window: ui.Window, *arguments: "Any") -> None:
        init(window, *arguments)
        from PySide6.QtWidgets import QApplication

        app = QApplication.instance()
        assert isinstance(app, QApplication)
        first_picture(window, app)

    init = ui.Window.__init__
    ui.Window.__init__ = build  # type: ignore[assignment,method-assign]
    sys.exit(cli.main(["--settings", settings]))


if __name__ == "__main__":
    if sys.argv[2] == "bare":
        bare()
    else:
        sys.path.insert(0, __file__.rpartition("/tests/")[0])
        ours(sys.argv[3])
