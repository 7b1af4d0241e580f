"""Real keys and clicks beside a customer's form: the keyboard stays there, and comes to MaskBar only when asked for."""

import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.desktop.screen import Form, Screen, child, form, until
from tests.session.children import Child, start


class Bar:
    """MaskBar's window, as it is seen from outside."""

    def __init__(self, program: Child, screen: Screen) -> None:
        self.program, self.screen = program, screen

    def place(self) -> tuple[int, int, int, bool]:
        """Its number, where its button is in it, and whether it has the keyboard."""
        (line,) = [said for said in self.program.order("place") if said.startswith("place")]
        number, x, y, active = map(int, line.split()[1:])
        return number, x, y, bool(active)

    def click(self) -> None:
        number, x, y, _ = self.place()
        self.screen.run("xdotool", "mousemove", "--window", str(number), str(x), str(y), "click", "1")

    @property
    def active(self) -> bool:
        return self.place()[3]

    def property(self, name: str) -> str:
        return self.screen.run("xprop", "-id", str(self.place()[0]), name)

    def on_top(self) -> bool:
        """Of all windows that the manager manages."""
        words = self.screen.run("xprop", "-root", "_NET_CLIENT_LIST_STACKING").split()
        return int(words[-1], 16) == self.place()[0]


@pytest.fixture
def beside(desktop: Screen, tmp_path: Path) -> Iterator[tuple[Bar, Form]]:
    env = desktop.env | {"DBUS_SESSION_BUS_ADDRESS": f"unix:path={tmp_path}/none"}
    with form(desktop, tmp_path) as opened, start("window_child", env=env, folder=tmp_path) as program:
        bar = Bar(program, desktop)
        until(lambda: "IsViewable" in desktop.run("xwininfo", "-id", str(bar.place()[0])), "the bar is there")
        yield bar, opened


def test_a_press_leaves_keyboard_and_caret_in_the_form(beside: tuple[Bar, Form]) -> None:
    bar, opened = beside
    bar.screen.keys("type", "ab")
    bar.screen.keys("key", "Left")
    bar.click()
    bar.program.expect("press")
    bar.screen.keys("type", "x")
    opened.expect("axb")
    assert not bar.active


def test_it_comes_with_the_keyboard_when_asked_and_gives_it_back(beside: tuple[Bar, Form]) -> None:
    bar, opened = beside
    for hidden in ("", "minimise", "hide"):
        if hidden:
            bar.program.order(hidden)
        bar.program.order("come")
        until(lambda: bar.active, f"it has the keyboard ({hidden or 'shown'})")
        before = len(bar.program.lines)
        bar.screen.keys("key", "space")
        bar.program.expect("press", since=before)
        bar.screen.keys("key", "Escape")
        until(lambda: not bar.active, "Escape gives it back")
        bar.screen.keys("type", "y")
    opened.expect("yyy")


def test_the_window_manager_s_own_keys_reach_it(beside: tuple[Bar, Form]) -> None:
    bar, opened = beside
    bar.screen.keys("key", "alt+Tab")
    until(lambda: bar.active, "Alt+Tab reaches it")
    bar.screen.keys("key", "Escape")
    until(lambda: not bar.active, "Escape gives it back")
    bar.screen.keys("type", "z")
    opened.expect("z")


def test_it_is_on_all_desktops_also_after_it_was_hidden(beside: tuple[Bar, Form]) -> None:
    bar, _ = beside
    for order in ("", "hide", "minimise"):
        if order:
            bar.program.order(order)
            bar.program.order("come")
        until(lambda: "4294967295" in bar.property("_NET_WM_DESKTOP"), f"all desktops {order}")
        assert "_NET_WM_STATE_ABOVE" in bar.property("_NET_WM_STATE")


def test_it_comes_back_on_top_of_another_topmost_window(beside: tuple[Bar, Form]) -> None:
    bar, _opened = beside
    with other(bar.screen) as window:
        for _ in range(2):
            bar.screen.run("xdotool", "windowactivate", "--sync", window)
            until(bar.on_top, "it is on top again")
            assert not bar.active


@contextlib.contextmanager
def other(on: Screen, *how: str) -> Iterator[str]:
    """Somebody else's topmost window that covers all of the screen's middle; its number."""
    with child(sys.executable, "-m", "tests.session.insistent", *how, env=on.env):
        number = ""

        def there() -> bool:
            nonlocal number
            found = subprocess.run(
                ("xdotool", "search", "--onlyvisible", "--name", "^insistent$"),
                env=on.env,
                capture_output=True,
                text=True,
            )
            number = found.stdout.strip()
            return bool(number)

        until(there, "the other window")
        time.sleep(0.2)
        yield number
