"""The window with its placement as a program of its own.

Orders: `show`, `come`, `back`, `minimise`, `hide`, `place`, `view NAME`, `quit`. It says each call of a button.
"""

import sys
from functools import partial

from PySide6.QtCore import QSocketNotifier
from PySide6.QtWidgets import QApplication

from app.adapters.desktop.placement import choose
from app.core.ports import Wish
from app.ui.window import Calls, Window
from tests.session.views import VIEWS


def say(*words: object) -> None:
    print(*words, flush=True)


def main() -> None:
    application = QApplication(["maskbar"])
    application.setQuitOnLastWindowClosed(False)

    def wished(wish: Wish) -> None:
        say("choose", wish.value)

    window = Window(
        Calls(
            foretell=partial(say, "foretell"),
            withdraw=partial(say, "withdraw"),
            press=partial(say, "press"),
            choose=wished,
            acknowledge=partial(say, "acknowledge"),
            put_off=partial(say, "put_off"),
            incident=partial(say, "incident"),
            close=partial(say, "close"),
            leave=partial(say, "leave"),
            unmask_and_leave=partial(say, "unmask_and_leave"),
            leave_masked=partial(say, "leave_masked"),
            stay=partial(say, "stay"),
        )
    )
    window.show_view(VIEWS["unmasked"])
    placement = choose(window)
    window.move(200, 300)
    window.show()

    def obey() -> None:
        order, _, name = sys.stdin.readline().strip().partition(" ")
        match order:
            case "show":
                window.show()
            case "come":
                placement.come()
            case "back":
                placement.give_back()
            case "minimise":
                window.showMinimized()
            case "hide":
                window.hide()
            case "view":
                window.show_view(VIEWS[name])
            case "place":
                button = window.button.mapTo(window, window.button.rect().center())
                say("place", int(window.winId()), button.x(), button.y(), int(window.isActiveWindow()))
            case _:
                placement.close()
                application.quit()
        say("done", order)

    notifier = QSocketNotifier(sys.stdin.fileno(), QSocketNotifier.Type.Read)
    notifier.activated.connect(lambda *_: obey())
    say("ready")
    application.exec()


if __name__ == "__main__":
    main()
