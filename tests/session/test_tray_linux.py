"""The tray icon on a real StatusNotifier panel: what it says, what a click in its menu asks for, and a panel that
comes late, is started anew, or is not there.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from app.ui.tray import reason
from tests.desktop.screen import Screen
from tests.session.children import Child, start
from tests.session.panel import Panel, panel, until
from tests.session.views import VIEWS

Open = Callable[[], contextlib.AbstractContextManager[Child]]
Story = Callable[[Panel, Child], Awaitable[None]]


@pytest.fixture
def tray(desktop: Screen, bus: str, tmp_path: Path) -> Open:
    env = desktop.env | {"DBUS_SESSION_BUS_ADDRESS": bus, "QT_FATAL_WARNINGS": "1"}
    return lambda: start("tray_child", env=env, folder=tmp_path)


def play(tray: Open, bus: str, story: Story, *, notifications: bool = False) -> None:
    """A panel, our icon on it, and the story."""

    async def played() -> None:
        async with panel(bus, notifications=notifications) as shown:
            # In threads: the child speaks to the panel, whose loop must go on.
            child = await asyncio.to_thread(opened.enter_context, tray())
            await shown.item()
            await story(shown, child)
            await asyncio.to_thread(opened.close)

    with contextlib.ExitStack() as opened:
        asyncio.run(played())


async def order(child: Child, words: str) -> list[str]:
    """While the panel's loop goes on."""
    return await asyncio.to_thread(child.order, words)


@pytest.mark.guarantee("G21")
def test_tooltip_and_menu_say_what_the_window_says(tray: Open, bus: str) -> None:
    async def story(shown: Panel, child: Child) -> None:
        for name, said in VIEWS.items():
            await order(child, f"view {name}")
            assert await shown.tooltip() == "\n".join(part for part in (said.spoken, reason(said)) if part)
            labels = await shown.labels()
            assert labels[:2] == [said.spoken, reason(said) or labels[1]]
            offered = {choice.label for choice in (said.button, said.second) if choice and choice.enabled}
            assert {"Mask", "Unmask"} & set(labels) == offered
            assert ("Wait…" in labels) == (not said.button.enabled)
            assert (said.snooze in labels) == bool(said.snooze)
            assert labels[-3:] == ["Card data may have been recorded…", "Show", "Quit MaskBar"]
            enabled = {entry.label for entry in await shown.menu() if entry.enabled}
            assert {said.spoken, *offered} <= enabled
            assert "Wait…" not in enabled

    play(tray, bus, story)


def test_each_state_has_its_own_picture(tray: Open, bus: str) -> None:
    async def story(shown: Panel, child: Child) -> None:
        pictures = {}
        for name in VIEWS:
            await order(child, f"view {name}")
            pixmaps = await shown.pixmaps()
            assert {16, 22, 24, 48} <= set(pixmaps)
            pictures[name] = pixmaps[22]
        assert len(set(pictures.values())) == len(VIEWS)

    play(tray, bus, story)


def test_a_click_in_the_menu_asks_for_what_it_says(tray: Open, bus: str) -> None:
    async def story(shown: Panel, child: Child) -> None:

        async def click(view: str, label: str, says: str) -> None:
            await order(child, f"view {view}")
            before = len(child.lines)
            await shown.click(label)
            await until(lambda: says in child.lines[before:], f"{says!r} after a click on {label!r}")

        await click("unmasked", "Mask", "choose mask")
        await click("masked", "Unmask", "choose unmask")
        await click("unknown", "Mask", "choose mask")
        await click("unknown", "Unmask", "choose unmask")
        await click("forgotten", "Still taking the card", "put_off")
        await click("masked", "Card data may have been recorded…", "incident")
        await click("masked", "Show", "show")
        await click("masked", "Quit MaskBar", "leave")
        before = len(child.lines)
        await shown.activate()
        await until(lambda: "show" in child.lines[before:], "a left click shows the window")

    play(tray, bus, story)


def test_an_old_picture_of_the_menu_still_does_what_it_says(tray: Open, bus: str) -> None:
    """The panel drew "Mask"; the call was masked meanwhile. A click there must not unmask it."""

    async def story(shown: Panel, child: Child) -> None:
        (mask,) = [entry for entry in await shown.menu() if entry.label == "Mask"]
        await order(child, "view masked")
        await shown.click_number(mask.number)
        await order(child, "visible")
        assert "choose unmask" not in child.lines

    play(tray, bus, story)


def test_a_panel_that_comes_late_and_one_that_starts_anew(tray: Open, bus: str) -> None:
    async def story() -> None:
        async with panel(bus) as shown:
            await shown.item()
            await order(child, "view masked")
            assert (await shown.labels())[0] == VIEWS["masked"].spoken
            assert (await shown.tooltip()).startswith("MASKED")
            assert "visible True" in await order(child, "visible")

    with tray() as child:
        assert "visible False" in child.order("visible")
        for _ in range(2):
            asyncio.run(story())
            child.expect("changed False")
            assert "visible False" in child.order("visible")


def test_a_reminder_is_a_notification_where_there_is_somebody_to_show_it(tray: Open, bus: str) -> None:
    async def story(shown: Panel, child: Child) -> None:
        assert "notifications True" in await order(child, "notifications")
        await order(child, "view forgotten")
        await order(child, "remind")
        await until(lambda: bool(shown.notifications), "a notification")
        title, words = shown.notifications[0]
        assert title == "MASKED 0:42"
        assert words.startswith("Still masked. Card done? Unmask.")

    play(tray, bus, story, notifications=True)


def test_without_tray_and_notifications_nothing_breaks(tray: Open) -> None:
    with tray() as child:
        assert "notifications False" in child.order("notifications")
        child.order("view forgotten")
        child.order("remind")
        assert "visible False" in child.order("visible")
