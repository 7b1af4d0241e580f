"""The icon in the desktop's tray: the state as a shape, the View's words as its tooltip, the wishes as its menu.

The one rule: what a menu item asks for never changes while the menu is open. An item is shown or hidden, so an item
that stood there for a moment too long (a panel draws its own copy of the menu) still does what its words say.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QAction, QColor, QIcon, QPainter, QPixmap
from PySide6.QtWidgets import QMenu, QSystemTrayIcon

from app.core.ports import Wish
from app.core.reminders import Level
from app.core.view import View
from app.ui import theme
from app.ui.handle import WHITE
from app.ui.icons import shape

SIZES = (16, 20, 22, 24, 32, 48, 64)
BORDER = 0.1
"""Of the icon's size: from the ground's edge to the shape."""
MESSAGE_MS = 10_000


@dataclass(frozen=True, slots=True)
class TrayCalls:
    """What the tray calls when the agent does something there."""

    choose: Callable[[Wish], None]
    put_off: Callable[[], None]
    """Still taking the card."""
    incident: Callable[[], None]
    """Card data may have been recorded."""
    show: Callable[[], None]
    """Bring the window, with the keyboard."""
    leave: Callable[[], None]
    """Quit, or ask first."""
    settings: Callable[[], None] | None = None
    """None: there is no dialog for it."""


class Tray:
    """Lives from `start` to `close`. Without a tray on the desktop it waits for one and costs nothing."""

    def __init__(self, calls: TrayCalls) -> None:
        self._calls = calls
        self._icon: QSystemTrayIcon | None = None
        self._view: View | None = None
        self._drawn: object = None
        self.menu = QMenu()
        # Not greyed out, which could not be read (2.1:1 on white); a click there shows the window that says it, too.
        self.state = self._item("", calls.show)
        self.reason = self._item("", calls.show)
        self.menu.addSeparator()
        self.wait = self._item("")
        self.wait.setEnabled(False)
        self.wishes = {wish: self._item("", partial(calls.choose, wish)) for wish in Wish}
        self.snooze = self._item("", calls.put_off)
        self.incident = self._item("Card data may have been recorded…", calls.incident)
        self.menu.addSeparator()
        self.show = self._item("Show", calls.show)
        self.settings = self._item("Settings", calls.settings or (lambda: None))
        self.settings.setVisible(calls.settings is not None)
        self.leave = self._item("Quit MaskBar", calls.leave)

    @property
    def visible(self) -> bool:
        """Whether the icon can be seen, as far as the desktop says. Asks it each time (a call on the session bus)."""
        return self._icon is not None and QSystemTrayIcon.isSystemTrayAvailable()

    def start(self) -> None:
        """Show the icon; anew when it is shown already.

        Qt decides between StatusNotifierItem and XEmbed when the icon is made, so a desktop whose tray came, went or
        changed since needs a new one.
        """
        self._remove_icon()
        icon = QSystemTrayIcon()
        icon.setContextMenu(self.menu)
        icon.activated.connect(self._activated)
        icon.messageClicked.connect(self._calls.show)
        self._icon, self._drawn = icon, None
        if self._view:
            self._draw(icon, self._view)
        icon.show()

    def close(self) -> None:
        self._remove_icon()
        self.menu.deleteLater()

    def show_view(self, view: View) -> None:
        """Say it."""
        self._view = view
        self.state.setText(_plain(view.spoken))
        self.reason.setText(_plain(reason(view)))
        self.reason.setVisible(bool(self.reason.text()))
        offered = {choice.wish: choice for choice in (view.button, view.second) if choice and choice.enabled}
        self.wait.setText(_plain(view.button.label))
        self.wait.setVisible(not view.button.enabled)
        for wish, action in self.wishes.items():
            action.setVisible(wish in offered)
            if wish in offered:
                action.setText(_plain(offered[wish].label))
        self.snooze.setText(_plain(view.snooze))
        self.snooze.setVisible(bool(view.snooze))
        if self._icon:
            self._draw(self._icon, view)

    def remind(self) -> None:
        """Send the present View as a notification, where the desktop shows them. Nothing may rely on it."""
        view = self._view
        if self._icon and view:
            words = " ".join(part for part in (view.guidance, reason(view)) if part)
            said = f"{view.word} {view.clock}".strip()
            self._icon.showMessage(said, words, self._icon.icon(), MESSAGE_MS)

    def _draw(self, icon: QSystemTrayIcon, view: View) -> None:
        look = (view.icon, view.reminding > Level.QUIET, view.alarm)
        if look != self._drawn:
            self._drawn = look
            icon.setIcon(tray_icon(view))
        icon.setToolTip("\n".join(part for part in (view.spoken, reason(view)) if part))

    def _activated(self, how: QSystemTrayIcon.ActivationReason) -> None:
        if how in (QSystemTrayIcon.ActivationReason.Trigger, QSystemTrayIcon.ActivationReason.DoubleClick):
            self._calls.show()

    def _item(self, text: str, call: Callable[[], None] | None = None) -> QAction:
        action = QAction(text, self.menu)
        if call:
            action.triggered.connect(lambda _checked: call())
        self.menu.addAction(action)
        return action

    def _remove_icon(self) -> None:
        if self._icon:
            self._icon.hide()
            self._icon.deleteLater()
            self._icon = None


def reason(view: View) -> str:
    """Why it is so, in the words of the window: what went wrong, the answer to the last press, or the detail."""
    if view.message:
        said = f" ({view.message.words})" if view.message.words else ""
        return f"{view.message.happened}{said}"
    return view.notice or view.detail


def tray_icon(view: View, platform: str = sys.platform) -> QIcon:
    """The state's shape, white on the state's colour, so that it is seen on a light and on a dark panel.

    On macOS the bare shape, as a mask: the menu bar gives it its own colour.
    """
    icon = QIcon()
    mask = platform == "darwin"
    colours = theme.colours(view)
    loud = view.reminding > Level.QUIET or view.alarm
    ground, ink = (colours.ground, colours.text) if loud else (colours.block, WHITE)
    for size in SIZES:
        icon.addPixmap(_pixmap(size, view.icon, "#000000" if mask else ink, "" if mask else ground))
    icon.setIsMask(mask)
    return icon


def _pixmap(size: int, name: str, ink: str, ground: str) -> QPixmap:
    pixmap = QPixmap(size, size)
    pixmap.fill(Qt.GlobalColor.transparent)
    square = QRectF(0, 0, size, size)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    if ground:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(ground))
        painter.drawRoundedRect(square, size / 6, size / 6)
        edge = max(1.0, size * BORDER)
        square.adjust(edge, edge, -edge, -edge)
    shape(name, ink).render(painter, square)
    painter.end()
    return pixmap


def _plain(text: str) -> str:
    """Without a letter that Qt would take for a shortcut."""
    return text.replace("&", "&&")
