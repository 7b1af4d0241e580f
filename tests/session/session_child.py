"""Listens to the session's locks as the program does, on the buses that its environment names."""

import sys
from functools import partial

from PySide6.QtCore import QSocketNotifier
from PySide6.QtWidgets import QApplication, QWidget

from app.adapters.desktop.session import choose, ending, hang_up_ignored


def say(*words: object) -> None:
    print(*words, flush=True)


def main() -> None:
    application = QApplication(["maskbar"])
    window = QWidget()
    with hang_up_ignored(), ending(application, partial(say, "ending")):
        session = choose(window, partial(say, "locked"), partial(say, "unlocked"))

        def obey() -> None:
            order = sys.stdin.readline().strip()
            if order == "tells":
                say("tells", session.tells)
            else:
                session.close()
                application.quit()
            say("done", order)

        notifier = QSocketNotifier(sys.stdin.fileno(), QSocketNotifier.Type.Read)
        notifier.activated.connect(lambda *_: obey())
        say("ready")
        application.exec()


if __name__ == "__main__":
    main()
