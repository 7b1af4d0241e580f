"""The tray as a program of its own, on whatever display and session bus its environment names.

Reads one order a line (`view NAME`, `remind`, `visible`, `notifications`, `picture`, `quit`), and writes what happened, one line each.
"""

import hashlib
import sys
from functools import partial

from PySide6.QtCore import QSocketNotifier
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication

from app.adapters.desktop.tray_host import TrayHost, shows_notifications
from app.core.ports import Wish
from app.ui.tray import Tray, TrayCalls
from tests.session.views import VIEWS


def say(*words: object) -> None:
    print(*words, flush=True)


def picture(tray: Tray) -> str:
    """What the screen shows where the icon is, in short."""
    icon = tray._icon
    assert icon
    where = icon.geometry()
    image = (
        QGuiApplication.primaryScreen()
        .grabWindow(0, where.x(), where.y(), where.width(), where.height())
        .toImage()
    )
    return hashlib.sha256(bytes(image.constBits())).hexdigest()[:12]


def main() -> None:
    application = QApplication(["maskbar"])
    application.setApplicationName("MaskBar")
    application.setQuitOnLastWindowClosed(False)

    def choose(wish: Wish) -> None:
        say("choose", wish.value)

    tray = Tray(
        TrayCalls(
            choose=choose,
            put_off=partial(say, "put_off"),
            incident=partial(say, "incident"),
            show=partial(say, "show"),
            leave=partial(say, "leave"),
        )
    )
    tray.show_view(VIEWS["unmasked"])

    def changed(present: bool) -> None:
        tray.start()
        say("changed", present)

    host = TrayHost(changed)
    tray.start()

    def obey() -> None:
        order, _, name = sys.stdin.readline().strip().partition(" ")
        match order:
            case "view":
                tray.show_view(VIEWS[name])
            case "remind":
                tray.remind()
            case "notifications":
                say("notifications", shows_notifications())
            case "visible":
                say("visible", tray.visible)
            case "picture":
                say("picture", picture(tray))
            case _:
                host.close()
                tray.close()
                application.quit()
        say("done", order)

    notifier = QSocketNotifier(sys.stdin.fileno(), QSocketNotifier.Type.Read)
    notifier.activated.connect(lambda *_: obey())
    say("ready")
    application.exec()


if __name__ == "__main__":
    main()
