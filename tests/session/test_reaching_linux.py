"""G12: a reminder reaches the agent without a tray, without notifications, and wherever the window is."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, QRect

from app.adapters.desktop.placement_screens import seen_at
from tests.desktop.screen import Screen, form, until
from tests.session.children import Child, start
from tests.session.test_focus_linux import other


@pytest.fixture
def masked(desktop: Screen, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Child]:
    """MaskBar with a masked call, on a desktop without tray and without any bus."""
    nowhere = f"unix:path={tmp_path}/none"
    env = desktop.env | {"DBUS_SESSION_BUS_ADDRESS": nowhere, "DBUS_SYSTEM_BUS_ADDRESS": nowhere}
    deaf = ("deaf",) if request.node.get_closest_marker("mutant") else ()
    arguments = (str(tmp_path / "journal.sqlite"), "0.5", *deaf)
    with start("program_child", *arguments, env=env, folder=tmp_path) as program:
        program.order("press")
        program.expect("masked")
        yield program


def number(program: Child) -> int:
    (line,) = [said for said in program.order("state") if said.startswith("window")]
    return int(line.split()[1])


def in_sight(on: Screen, window: int) -> bool:
    """On the screen, whole, and above all other windows."""
    tree = on.run("xwininfo", "-id", str(window))
    if "IsViewable" not in tree:
        return False
    facts = dict(line.strip().split(":", 1) for line in tree.splitlines() if line.count(":") == 1)
    x, y, wide, high = (
        int(facts[key]) for key in ("Absolute upper-left X", "Absolute upper-left Y", "Width", "Height")
    )
    stacking = on.run("xprop", "-root", "_NET_CLIENT_LIST_STACKING").split()
    return int(stacking[-1], 16) == window and x >= 0 and y >= 0 and x + wide <= 800 and y + high <= 600


@pytest.mark.guarantee("G12")
@pytest.mark.parametrize("trouble", ["minimise", "hide", "away"])
def test_a_window_out_of_sight_comes_back(desktop: Screen, masked: Child, trouble: str) -> None:
    window = number(masked)
    masked.order(trouble)
    assert not in_sight(desktop, window)
    masked.expect("attention ALERT")
    until(lambda: in_sight(desktop, window), f"the window is in sight again after {trouble}")
    assert "Still masked. Card done? Unmask." in " ".join(masked.order("state"))


@pytest.mark.mutant("G12")
def test_a_program_that_reminds_in_its_window_alone_would_be_seen(desktop: Screen, masked: Child) -> None:
    window = number(masked)
    masked.order("minimise")
    masked.expect("attention SOUND")
    assert not in_sight(desktop, window)


@pytest.mark.guarantee("G12")
def test_a_covered_window_comes_to_the_front_and_leaves_the_keyboard(
    desktop: Screen, tmp_path: Path, masked: Child
) -> None:
    window = number(masked)
    with form(desktop, tmp_path) as opened, other(desktop) as insistent:
        desktop.run("xdotool", "windowactivate", "--sync", insistent)
        masked.expect("attention ALERT")
        until(lambda: in_sight(desktop, window), "the window is in front")
        focus = desktop.run("xdotool", "getwindowfocus").strip()
        assert focus != str(window)
        assert opened.text == ""


@pytest.mark.guarantee("G12")
def test_under_a_full_screen_program_the_reminder_is_heard(desktop: Screen, masked: Child) -> None:
    with other(desktop, "full-screen"):
        masked.expect("attention SOUND")


@pytest.mark.guarantee("G12")
def test_a_screen_that_is_gone() -> None:
    """Xvfb has one screen that cannot be unplugged: so this is asked of what decides where the window goes."""
    left, right = QRect(0, 0, 1920, 1080), QRect(1920, 0, 1280, 1024)
    bar = QRect(2500, 900, 420, 82)
    assert seen_at(bar, [left, right]) == bar.topLeft()
    assert seen_at(bar, [left]) == QPoint(1500, 900)
    assert seen_at(bar, [QRect(0, 40, 800, 560)]) == QPoint(380, 518)  # below the panel
    assert seen_at(bar, [QRect(0, 0, 300, 60)]) == QPoint(0, 0)  # it does not fit
    assert seen_at(bar, []) == bar.topLeft()  # all screens off: it stays, and is moved when one is there
    between = QRect(1800, 100, 420, 82)
    assert seen_at(between, [left, right]) in (QPoint(1500, 100), QPoint(1920, 100))
