"""The window: a bar with the state and the one button, and below it a message when something went wrong.

The one rule: `show_view` draws the View it is given, all of it, each time; the window remembers nothing else.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from PySide6.QtCore import QPoint, Qt, QTimer
from PySide6.QtGui import QAction, QCloseEvent, QContextMenuEvent, QResizeEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QMenu,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from app.core.picture import STARTING, Message, View
from app.core.terms import Level, Wish
from app.ui import theme
from app.ui.handle import Handle
from app.ui.icons import window_icon


def _nothing(*_: object) -> None:
    pass


@dataclass(frozen=True, slots=True)
class Calls:
    """What the window calls when the agent does something. By default nothing."""

    foretell: Callable[[], None] = _nothing
    """The button went down: what its release will ask for can be written down already."""
    withdraw: Callable[[], None] = _nothing
    """It came up again; if that was no click, nothing is asked."""
    press: Callable[[], None] = _nothing
    choose: Callable[[Wish], None] = _nothing
    acknowledge: Callable[[], None] = _nothing
    put_off: Callable[[], None] = _nothing
    """Still taking the card."""
    incident: Callable[[], None] = _nothing
    """Card data may have been recorded."""
    close: Callable[[], None] = _nothing
    """The window was closed; it is hidden now."""
    leave: Callable[[], None] = _nothing
    """Quit, or ask first."""
    unmask_and_leave: Callable[[], None] = _nothing
    leave_masked: Callable[[], None] = _nothing
    stay: Callable[[], None] = _nothing


class Window(QWidget):
    """Always on top, without a frame, moved by its coloured block, shown without taking the focus."""

    def __init__(self, calls: Calls) -> None:
        super().__init__(
            None,
            Qt.WindowType.Window | Qt.WindowType.FramelessWindowHint | Qt.WindowType.WindowStaysOnTopHint,
        )
        self._calls = calls
        self._second_wish = Wish.UNMASK
        self._deposed = False
        self._stand_in: QWidget | None = None
        self._style = ""
        self._insists = 0
        self._colours = theme.colours(STARTING)
        self._bright = True
        self._pulsing = QTimer(self)
        self._pulsing.setInterval(theme.PULSE_MS)
        self._pulsing.timeout.connect(self._turn_pulse)
        self.setAttribute(Qt.WidgetAttribute.WA_ShowWithoutActivating)
        self.setFixedWidth(theme.WIDTH)
        self.setObjectName("window")

        self.handle = Handle(self)
        self.word = _label("word")
        self.clock = _label("clock")
        self.guidance = _label("guidance")
        self.detail = _label("detail")
        self.button = _button("button", lambda: self._calls.press())
        self.button.pressed.connect(lambda: self._calls.foretell())
        # After the click that the same release may be.
        self.button.released.connect(lambda: QTimer.singleShot(0, self, lambda: self._calls.withdraw()))
        self.progress = QProgressBar()
        self.happened = _label("happened", wrap=True)
        self.card = _label("card", wrap=True)
        self.todo = _label("todo", wrap=True)
        self.second = _button("second", lambda: self._calls.choose(self._second_wish))
        self.dismiss = _button("dismiss", lambda: self._calls.acknowledge())
        self.dismiss.setText("OK")
        self.dismiss.setAccessibleName("OK, I have read it")
        self.snooze = _button("snooze", lambda: self._calls.put_off())
        self.fault = _label("fault", wrap=True)
        self.leaving = _label("leaving", wrap=True)
        self.leave_choices = (
            _button("unmaskAndLeave", lambda: self._calls.unmask_and_leave(), "Unmask, then quit"),
            _button("leaveMasked", lambda: self._calls.leave_masked(), "Quit anyway"),
            _button("stay", lambda: self._calls.stay(), "Stay"),
        )
        self._sentences = (self.fault, self.leaving, self.happened, self.card, self.todo)
        self._choices = (self.snooze, self.second, self.dismiss, *self.leave_choices)
        self.panel = QFrame()
        self.panel.setObjectName("panel")
        self._lay_out()
        self.button.setFocus()  # what the keyboard reaches first when the window is asked for

        self._minimise = QAction("Minimise", self)
        self._minimise.triggered.connect(self.showMinimized)
        self._quit = QAction("Quit MaskBar", self)
        self._quit.triggered.connect(lambda: self._calls.leave())
        self._incident = QAction("Card data may have been recorded…", self)
        self._incident.triggered.connect(lambda: self._calls.incident())
        self._menu = QMenu(self)
        self._menu.addActions([self._incident, self._minimise, self._quit])
        self.handle.clicked.connect(lambda: self._menu.popup(self.mapToGlobal(QPoint(0, theme.BAR_HEIGHT))))

    def obey(self, calls: Calls) -> None:
        """From now on these are called."""
        self._calls = calls

    def show_view(self, view: View) -> None:
        """Draw it."""
        self._paint_colours(view)
        self.handle.show_shape(view.icon, self._colours.block)
        self.word.setText(view.word)
        self.clock.setText(view.clock)
        self.guidance.setText(view.guidance)
        self.detail.setText(view.notice or view.detail)
        self.button.setText(view.button.label)
        self._enable(view.button.enabled)
        self.button.setAccessibleDescription(view.spoken)
        self.progress.setVisible(view.progress is not None)
        self.progress.setValue(round(1000 * (view.progress or 0)))
        self._incident.setEnabled(not view.starting)
        self._show_panel(view)
        self._pulse(view.alarm or view.reminding >= Level.ALERT)
        self.setWindowTitle(f"{view.word} · MaskBar")
        self.setWindowIcon(window_icon(view.icon, self._colours.block))
        self.setAccessibleName(view.spoken)
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        # WORKAROUND: on X11 the server's word on an earlier height can come after a newer one was asked for, and Qt
        # believes it. Asked for again; a few times, since a tiling desktop may never give it.
        if event.size().height() != self.minimumHeight() and self._insists:
            self._insists -= 1
            QTimer.singleShot(0, self, lambda: self.resize(self.minimumWidth(), self.minimumHeight()))

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        self._menu.popup(event.globalPos())

    def closeEvent(self, event: QCloseEvent) -> None:
        # Accepted, never refused: a window that refuses to close blocks the log-out on some desktops.
        event.accept()
        self._calls.close()

    def _lay_out(self) -> None:
        self.progress.setTextVisible(False)
        self.progress.setRange(0, 1000)
        self.progress.setFixedHeight(4)
        self.progress.setAccessibleName("Time passed")
        policy = self.progress.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self.progress.setSizePolicy(policy)

        top = QHBoxLayout()
        top.setSpacing(theme.GAP)
        top.addWidget(self.word)
        top.addWidget(self.clock)
        top.addStretch()
        texts = QVBoxLayout()
        texts.setSpacing(1)
        texts.addStretch()
        texts.addLayout(top)
        texts.addWidget(self.guidance)
        texts.addWidget(self.detail)
        texts.addStretch()

        self.button.setFixedWidth(theme.BUTTON_WIDTH)
        inner = QHBoxLayout()
        inner.setContentsMargins(theme.GAP, 4, theme.GAP, 0)
        inner.addLayout(texts, 1)
        inner.addWidget(self.button)
        right = QVBoxLayout()
        right.setSpacing(0)
        right.addLayout(inner, 1)
        right.addWidget(self.progress)
        bar = QWidget()
        bar.setFixedHeight(theme.BAR_HEIGHT)
        row = QHBoxLayout(bar)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addWidget(self.handle)
        row.addLayout(right, 1)

        choices = QHBoxLayout()
        choices.setSpacing(6)
        choices.addStretch()
        for button in self._choices:
            choices.addWidget(button)
        self._message = message = QVBoxLayout(self.panel)
        message.setContentsMargins(theme.GAP + 2, theme.GAP, theme.GAP, theme.GAP)
        message.setSpacing(theme.LINE_GAP)
        for sentence in self._sentences:
            message.addWidget(sentence)
        message.addLayout(choices)

        whole = QVBoxLayout(self)
        whole.setContentsMargins(1, 1, 1, 1)
        whole.setSpacing(0)
        whole.addWidget(bar)
        whole.addWidget(self.panel)

    def _enable(self, enabled: bool) -> None:
        """Qt takes the keyboard's focus from a button that is off, for the menu. It comes back with the button, unless
        the agent has moved it meanwhile: who masked with the space bar unmasks with it."""
        if enabled == self.button.isEnabled():
            return
        before = self.focusWidget()
        self.button.setEnabled(enabled)
        if not enabled:
            self._deposed = before is self.button
            self._stand_in = self.focusWidget()
        elif self._deposed and before is self._stand_in:
            self.button.setFocus()

    def _show_panel(self, view: View) -> None:
        """Below the bar: the question before leaving, or else what went wrong and what can be chosen."""
        asking = bool(view.leaving)
        message = None if asking else view.message
        second = None if asking else view.second
        snooze = "" if asking else view.snooze
        _say(self.fault, view.fault)
        _say(self.leaving, view.leaving)
        _say(self.happened, _happened(message) if message else "")
        _say(self.card, message.card if message else "")
        _say(self.todo, message.todo if message else "")
        self.dismiss.setVisible(message is not None)
        self.snooze.setVisible(bool(snooze))
        self.snooze.setText(snooze)
        self.second.setVisible(second is not None)
        if second:
            self._second_wish = second.wish
            self.second.setText(second.label)
        for button in self.leave_choices:
            button.setVisible(asking)
        self.panel.setVisible(asking or bool(message or second or snooze or view.fault))

    def _fit(self) -> None:
        """As high as what is shown, and no higher. The borders are one pixel each."""
        high = theme.BAR_HEIGHT + 2
        if not self.panel.isHidden():
            # By hand: a layout of wrapped labels goes on reckoning with the sentences that stood there before.
            edge = self._message.contentsMargins()
            room = self.width() - 2 - edge.left() - edge.right()
            parts = [label.heightForWidth(room) for label in self._sentences if not label.isHidden()]
            if any(not button.isHidden() for button in self._choices):
                parts.append(theme.TARGET)
            border = 1  # the panel's, above
            high += sum(parts) + theme.LINE_GAP * (len(parts) - 1) + edge.top() + edge.bottom() + border
        if high != self.minimumHeight():
            self._insists = 5
            self.setFixedHeight(high)

    def _pulse(self, wanted: bool) -> None:
        """A change of colour once a second: half of what counts as flashing."""
        if wanted and not self._pulsing.isActive():
            self._pulsing.start()
        elif not wanted:
            self._pulsing.stop()
            self._bright = True

    def _turn_pulse(self) -> None:
        self._bright = not self._bright
        self._apply(self._colours)

    def _paint_colours(self, view: View) -> None:
        self._colours = theme.colours(view)
        self._apply(self._colours)

    def _apply(self, colours: theme.Colours) -> None:
        style = _style(colours if self._bright else replace(colours, ground=theme.PULSE))
        if style != self._style:  # setting a style sheet is the dearest thing here
            self._style = style
            self.setStyleSheet(style)


def _happened(message: Message) -> str:
    return f"{message.happened} ({_breakable(message.words)})" if message.words else message.happened


def _breakable(words: str) -> str:
    """The service's words may hold an id without a space, longer than a line: it may be broken, and is not cut off."""
    return re.sub(r"\S{30}(?=\S)", "\\g<0>\u200b", words)


def _say(label: QLabel, words: str) -> None:
    label.setText(words)
    label.setVisible(bool(words))


class _Button(QPushButton):
    """Qt draws a released button before it says `clicked`: what the click asks for would wait for the drawing."""

    def nextCheckState(self) -> None:
        # Each kind of click passes here before it is drawn: with updates off, that drawing is put off.
        self.setUpdatesEnabled(False)
        QTimer.singleShot(theme.DRAW_AFTER, self, lambda: self.setUpdatesEnabled(True))


def _label(name: str, wrap: bool = False) -> QLabel:
    label = QLabel()
    label.setObjectName(name)
    label.setWordWrap(wrap)
    label.setTextFormat(Qt.TextFormat.PlainText)
    return label


def _button(name: str, call: Callable[[], None], text: str = "") -> QPushButton:
    button = _Button(text)
    button.setObjectName(name)
    button.setAutoDefault(True)  # else Enter presses only in dialogs
    button.setMinimumSize(theme.TARGET * 2, theme.TARGET)
    button.clicked.connect(lambda _checked: call())
    return button


def _style(c: theme.Colours) -> str:
    return f"""
    #window {{ background: {c.block}; }}
    #window > QWidget {{ background: {c.ground}; }}
    QLabel {{ color: {c.text}; font-size: {theme.TEXT_PX}px; }}
    #word, #clock {{ font-size: {theme.WORD_PX}px; font-weight: 700; }}
    #guidance {{ font-weight: 600; }}
    #detail {{ color: {c.quiet}; font-size: {theme.SMALL_PX}px; }}
    #panel {{ border-top: 1px solid {c.block}; }}
    #card, #leaving {{ font-weight: 700; }}
    #fault {{ color: {c.quiet}; }}
    QPushButton {{ font-size: 14px; font-weight: 600; border-radius: 6px; padding: 0 10px;
                   border: 2px solid {c.block}; color: {c.block}; background: #FFFFFF; }}
    #button {{ font-size: 15px; color: #FFFFFF; background: {c.block}; padding: 0 4px; }}
    QPushButton:hover {{ border-color: #111827; }}
    QPushButton:focus {{ border: 3px solid #111827; }}
    QPushButton:pressed {{ background: #111827; color: #FFFFFF; }}
    QPushButton:disabled, #button:disabled {{ color: {c.quiet}; background: #E5E7EB; border: 2px dashed #6B7280; }}
    QProgressBar {{ border: 0; background: #E5E7EB; }}
    QProgressBar::chunk {{ background: {c.block}; }}
    QMenu {{ font-size: {theme.TEXT_PX}px; }}
    """
