"""The tray icon in a real XEmbed tray (trayer): it is drawn there, a click reaches us, late and restarted trays too."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.desktop.screen import Screen, child, until
from tests.session.children import Child, start


@pytest.fixture
def tray(desktop: Screen, tmp_path: Path) -> Iterator[Child]:
    """The icon on a desktop that has no tray yet, and no session bus at all."""
    env = desktop.env | {"DBUS_SESSION_BUS_ADDRESS": f"unix:path={tmp_path}/none"}
    with start("tray_child", env=env, folder=tmp_path) as started:
        yield started


@contextlib.contextmanager
def trayer(on: Screen) -> Iterator[None]:
    place = ("--edge", "bottom", "--align", "right", "--widthtype", "request", "--height", "32")
    with child("trayer", *place, env=on.env):
        yield


def icon(on: Screen) -> str:
    """The number of the icon's window, once it is in the tray."""
    found = ""

    def embedded() -> bool:
        nonlocal found
        tree = on.run("xwininfo", "-root", "-tree")
        lines = [line.split() for line in tree.splitlines() if '("tray_child' in line or '"MaskBar"' in line]
        sized = [words for words in lines if "-" not in words[-1] and "1x1" not in " ".join(words)]
        found = sized[-1][0] if sized else ""
        return bool(found) and "IsViewable" in on.run("xwininfo", "-id", found)

    until(embedded, "the icon is in the tray")
    return found


def click(on: Screen, window: str) -> None:
    on.run("xdotool", "mousemove", "--window", window, "10", "10", "click", "1")


def test_the_icon_comes_with_the_tray_and_again_when_that_is_started_anew(
    desktop: Screen, tray: Child
) -> None:
    assert "visible False" in tray.order("visible")
    for _ in range(2):
        before = len(tray.lines)
        with trayer(desktop):
            tray.expect("changed True", since=before)
            assert "visible True" in tray.order("visible")
            tray.order("view masked")
            click(desktop, icon(desktop))
            tray.expect("show", since=before)
        tray.expect("changed False", since=before)
        assert "visible False" in tray.order("visible")


def test_each_state_is_drawn_in_the_tray(desktop: Screen, tray: Child) -> None:
    with trayer(desktop):
        tray.expect("changed True")
        icon(desktop)
        pictures: set[str] = set()
        for view in ("unmasked", "masked", "unknown", "masking"):
            tray.order(f"view {view}")

            before = len(pictures)

            def drawn(before: int = before) -> bool:
                pictures.update(line for line in tray.order("picture") if line.startswith("picture"))
                return len(pictures) > before

            until(drawn, f"the picture of {view} is another")
