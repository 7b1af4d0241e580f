"""The window by itself, given Views: all of them drawn, nothing cut off, everything within reach of mouse and keyboard.

The one rule: a View comes from the core, and what the agent did is told by what the window called.
"""

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, fields, replace

import pytest
from PySide6.QtCore import QEvent, QObject, QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication, QLabel, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from app.core.failures import Failure
from app.core.picture import STARTING
from app.core.ports import Wish
from app.core.reminders import Level
from app.core.states import Phase
from app.core.view import Choice, Message, View, view
from app.ui import theme
from app.ui.theme import TARGET
from app.ui.window import Calls, Window
from tests.ui.views import NOW, drawn, failed, pending, settled, without_failure


@dataclass
class Called:
    """What the window called, in order."""

    calls: list[str] = field(default_factory=list)

    def take(self) -> list[str]:
        """What was called, but for what goes before and after each press of the button."""
        taken, self.calls = self.calls, []
        return [call for call in taken if call not in ("foretell", "withdraw")]

    def all(self) -> Calls:
        def note(name: str) -> object:
            return lambda *values: self.calls.append(" ".join([name, *(value.value for value in values)]))

        return Calls(**{each.name: note(each.name) for each in fields(Calls)})  # type: ignore[arg-type]


@pytest.fixture
def called() -> Called:
    return Called()


@pytest.fixture
def window(qtbot: QtBot, called: Called) -> Window:
    window = Window(called.all())
    qtbot.addWidget(window)
    window.show_view(view(settled(Phase.UNMASKED), NOW))
    with qtbot.waitExposed(window):
        window.show()
    return window


def show(window: Window, shown: View) -> None:
    """Show it, and wait until the X server agrees about the height: its word on an earlier one may come late."""
    window.show_view(shown)
    until = time.monotonic() + 5.0
    agreed = 0
    while agreed < 3 and time.monotonic() < until:
        QTest.qWait(3)
        panel = 0 if window.panel.isHidden() else window.panel.height()
        fits = window.height() == window.minimumHeight() == theme.BAR_HEIGHT + 2 + panel
        agreed = agreed + 1 if fits else 0
    assert agreed == 3, (window.height(), window.minimumHeight(), window.panel.height())


# It draws all of a View.

PLAIN = view(settled(Phase.UNMASKED), NOW)
OTHERS: dict[str, View] = {
    "phase": replace(PLAIN, phase=Phase.UNKNOWN),
    "word": replace(PLAIN, word="OTHER"),
    "guidance": replace(PLAIN, guidance="Other."),
    "detail": replace(PLAIN, detail="Other"),
    "button": replace(PLAIN, button=Choice("Other", Wish.MASK)),
    "second": replace(PLAIN, second=Choice("Unmask", Wish.UNMASK)),
    "clock": replace(PLAIN, clock="0:42"),
    "progress": replace(PLAIN, progress=0.5),
    "reminding": replace(PLAIN, reminding=Level.SAY),
    "alarm": replace(PLAIN, alarm=True),
    "snooze": replace(PLAIN, snooze="Later"),
    "message": replace(PLAIN, message=Message("Happened.", "No card.", "Do.", "CODE")),
    "notice": replace(PLAIN, notice="One moment."),
    "leaving": replace(PLAIN, leaving="Really?"),
    "starting": replace(PLAIN, starting=True),
    "fault": replace(PLAIN, fault="The journal."),
}
FOLLOW_THE_PHASE = {"icon", "card"}
"""The shape and the words are chosen by the phase, so these are not drawn for themselves."""


def test_no_field_of_a_view_is_forgotten() -> None:
    assert {each.name for each in fields(View)} == set(OTHERS) | FOLLOW_THE_PHASE


@pytest.mark.parametrize("name", OTHERS)
def test_it_draws_every_field_of_a_view(window: Window, name: str) -> None:
    plain = drawn(window)
    show(window, OTHERS[name])
    assert drawn(window) != plain
    show(window, PLAIN)
    assert drawn(window) == plain


def test_a_button_that_is_off_calls_nothing(window: Window, called: Called) -> None:
    show(window, view(pending(Phase.MASKING), NOW))
    QTest.mouseClick(window.button, Qt.MouseButton.LeftButton)
    QTest.keyClick(window.button, Qt.Key.Key_Space)
    assert called.take() == []


def test_the_button_has_the_focus_again_after_a_wait(window: Window) -> None:
    window.button.setFocus()
    show(window, view(pending(Phase.MASKING), NOW))
    assert window.focusWidget() is not window.button
    show(window, view(settled(Phase.MASKED), NOW))
    assert window.focusWidget() is window.button


def test_it_has_it_at_first_although_it_begins_with_a_wait(qtbot: QtBot, called: Called) -> None:
    window = Window(called.all())
    qtbot.addWidget(window)
    window.show_view(STARTING)
    window.show()
    window.show_view(PLAIN)
    assert window.focusWidget() is window.button


def test_the_focus_that_the_agent_moved_stays(window: Window) -> None:
    show(window, view(settled(Phase.UNKNOWN), NOW))
    window.second.setFocus()
    show(window, view(pending(Phase.MASKING), NOW))
    moved = window.focusWidget()
    show(window, view(settled(Phase.MASKED), NOW))
    assert window.focusWidget() is moved


# Nothing is cut off.


_BREAKS = re.compile("[\\s\u200b]+")


def cut_off(window: Window) -> Iterator[str]:
    """Each text that has less room than it needs, and each button outside the window or under another."""
    inside = window.rect()
    buttons = []
    for widget in window.findChildren(QWidget):
        if not widget.isVisible() or not isinstance(widget, QLabel | QAbstractButton):
            continue
        place = widget.rect().translated(widget.mapTo(window, QPoint(0, 0)))
        name = widget.objectName() or type(widget).__name__
        if not inside.contains(place) and widget.text():
            yield f"{name} is outside the window: {place}"
        metrics = widget.fontMetrics()
        if isinstance(widget, QLabel) and widget.wordWrap():
            wide = max((metrics.horizontalAdvance(word) for word in _BREAKS.split(widget.text())), default=0)
            if widget.heightForWidth(widget.width()) > widget.height():
                yield f"{name} is cut off below: {widget.text()!r}"
        else:
            wide = metrics.horizontalAdvance(widget.text())
        if wide > widget.width():
            yield f"{name} is cut off: {widget.text()!r} needs {wide} of {widget.width()}"
        if isinstance(widget, QPushButton):
            if place.width() < TARGET or place.height() < TARGET:
                yield f"{name} is smaller than {TARGET} pixels: {place}"
            buttons.append((name, place))
    for at, (name, place) in enumerate(buttons):
        for other, elsewhere in buttons[at + 1 :]:
            if place.intersects(elsewhere):
                yield f"{name} and {other} lie upon each other"


@pytest.mark.parametrize("failure", Failure, ids=lambda failure: failure.name)
def test_nothing_is_cut_off_whatever_went_wrong(window: Window, failure: Failure) -> None:
    for shown in failed(failure):
        show(window, shown)
        assert list(cut_off(window)) == [], shown


def test_nothing_is_cut_off_while_all_is_well(window: Window) -> None:
    for shown in without_failure():
        show(window, shown)
        assert list(cut_off(window)) == [], shown


def test_the_check_above_sees_what_is_cut_off(window: Window) -> None:
    show(
        window,
        replace(PLAIN, guidance="Do not take card details, and wait for somebody to come and help you."),
    )
    window.guidance.setFixedWidth(100)
    window.button.setFixedSize(40, 40)
    QApplication.processEvents()
    found = " ".join(cut_off(window))
    assert "guidance is cut off" in found
    assert "button is smaller" in found


def test_it_is_as_high_as_what_it_says(window: Window) -> None:
    low = window.height()
    show(window, OTHERS["message"])
    assert window.height() > low
    show(window, PLAIN)
    assert window.height() == low


# Mouse.


def test_the_buttons_call_what_they_say(window: Window, called: Called) -> None:
    problem = next(iter(failed(Failure.NO_ANSWER)))
    unknown = view(settled(Phase.UNKNOWN), NOW)
    show(window, replace(unknown, message=problem.message, snooze="Remind me later"))
    for button in (window.button, window.second, window.dismiss, window.snooze):
        QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    assert called.take() == ["press", "choose unmask", "acknowledge", "put_off"]
    show(window, replace(unknown, leaving="Really?"))
    for button in window.leave_choices:
        QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    assert called.take() == ["unmask_and_leave", "leave_masked", "stay"]


def test_a_click_on_the_handle_opens_the_menu(window: Window, called: Called, qtbot: QtBot) -> None:
    QTest.mouseClick(window.handle, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(window._menu.isVisible)
    window._menu.close()
    for action in window._menu.actions():
        assert action.text()
    window._quit.trigger()
    window._incident.trigger()
    assert called.take() == ["leave", "incident"]


def test_dragging_the_handle_does_not_click_it(window: Window) -> None:
    handle = window.handle
    middle = handle.rect().center()
    QTest.mousePress(handle, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, middle)
    QTest.mouseMove(handle, middle + QPoint(30, 30))
    QTest.mouseRelease(
        handle, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, middle + QPoint(30, 30)
    )
    QApplication.processEvents()
    assert not window._menu.isVisible()
    assert not handle.isDown()


def test_closing_it_is_told_and_never_refused(window: Window, called: Called) -> None:
    assert window.close()
    assert called.take() == ["close"]
    assert not window.isVisible()


# Keyboard.


def in_order(window: Window) -> list[QWidget]:
    """What Tab reaches, from the button on until it comes round again."""
    window.button.setFocus()
    found: list[QWidget] = []
    while True:
        focused = window.focusWidget()
        if focused in found:
            return found
        found.append(focused)
        QTest.keyClick(focused, Qt.Key.Key_Tab)


def test_tab_reaches_all_that_can_be_pressed_and_nothing_else(window: Window) -> None:
    unknown = view(settled(Phase.UNKNOWN), NOW)
    show(window, replace(unknown, message=Message("Happened.", "No card.", "Do.", "CODE"), snooze="Later"))
    assert set(in_order(window)) == {
        window.handle,
        window.button,
        window.second,
        window.dismiss,
        window.snooze,
    }
    order = in_order(window)
    assert order[0] is window.button
    assert order.index(window.snooze) < order.index(window.dismiss), "as they stand, from left to right"
    show(window, replace(unknown, leaving="Really?"))
    assert set(in_order(window)) == {window.handle, window.button, *window.leave_choices}


@pytest.mark.parametrize(
    "key", [Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Enter], ids=["space", "return", "enter"]
)
def test_space_and_enter_press(window: Window, called: Called, key: Qt.Key) -> None:
    show(window, view(settled(Phase.UNKNOWN), NOW))
    for button in (window.button, window.second):
        button.setFocus()
        QTest.keyClick(button, key)
    assert called.take() == ["press", "choose unmask"]


# It does no more than it must.


class Events(QObject):
    """Counts what happens to the window and all in it."""

    def __init__(self, window: Window, *kinds: QEvent.Type) -> None:
        super().__init__(window)
        self._kinds = kinds
        self.seen: list[str] = []
        for widget in (window, *window.findChildren(QWidget)):
            widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in self._kinds:
            self.seen.append(f"{event.type().name} of {watched.objectName() or type(watched).__name__}")
        return False


@pytest.mark.parametrize("phase", [Phase.UNMASKED, Phase.MASKED, Phase.UNKNOWN])
def test_the_same_view_again_paints_and_lays_out_nothing(window: Window, phase: Phase, qtbot: QtBot) -> None:
    shown = view(settled(phase), NOW)
    show(window, shown)
    qtbot.wait(20)
    events = Events(window, QEvent.Type.Paint, QEvent.Type.LayoutRequest, QEvent.Type.Resize)
    show(window, replace(shown))
    QApplication.processEvents()
    assert events.seen == []


def test_the_style_sheet_is_set_only_when_the_colours_change(
    window: Window, monkeypatch: pytest.MonkeyPatch
) -> None:
    sheets: list[str] = []
    monkeypatch.setattr(window, "setStyleSheet", sheets.append)
    show(window, view(settled(Phase.MASKED, masked_for=1.0), NOW))
    assert len(sheets) == 1
    for seconds in range(2, 30):
        show(window, view(settled(Phase.MASKED, masked_for=float(seconds)), NOW))
    assert len(sheets) == 1
    show(window, view(settled(Phase.UNKNOWN), NOW))
    assert len(sheets) == 2
