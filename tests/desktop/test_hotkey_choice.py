"""Which way is taken on which desktop, what is said where none works, and how combinations change hands."""

import asyncio
import re
import sys

import pytest

from app.adapters.desktop.hotkey import (
    Bindings,
    Bound,
    Changed,
    Code,
    FirstThatWorks,
    Hotkeys,
    NoWayError,
    Pressed,
    Results,
    Unavailable,
    choose,
    how_to_bind,
)
from app.adapters.desktop.hotkey_holdings import Holdings, NumberedHoldings
from app.core.shortcut import Action, Shortcut, Spelling, parse

MASK, UNMASK, TOGGLE, SHOW = Action
ONE = {TOGGLE: parse("Ctrl+Alt+M")}


def nothing(_: object) -> None:
    pass


class Way:
    """A way that works, or says why not."""

    def __init__(self, why_not: str = "") -> None:
        self.why_not = why_not
        self.log: list[str] = []

    async def start(self, bindings: Bindings, pressed: Pressed, changed: Changed) -> Results:
        self.log.append("start")
        if self.why_not:
            raise NoWayError(self.why_not)
        return dict.fromkeys(bindings, Bound("x"))

    async def change(self, bindings: Bindings) -> Results:
        self.log.append("change")
        return dict.fromkeys(bindings, Bound("y"))

    async def configure(self) -> bool:
        return True

    async def close(self) -> None:
        self.log.append("close")


def made(*ways: Way) -> FirstThatWorks:
    return FirstThatWorks([lambda way=way: way for way in ways], "Do this instead.")  # type: ignore[misc]


def test_the_first_way_that_works_is_used() -> None:
    broken, good, never = Way("Broken."), Way(), Way()

    async def story() -> None:
        hotkeys: Hotkeys = made(broken, good, never)
        assert await hotkeys.start(ONE, nothing, nothing) == {TOGGLE: Bound("x")}
        assert await hotkeys.change(ONE) == {TOGGLE: Bound("y")}
        assert await hotkeys.configure()
        await hotkeys.close()
        await hotkeys.close()

    asyncio.run(story())
    assert (broken.log, good.log, never.log) == (["start"], ["start", "change", "close"], [])


def test_where_none_works_it_says_why_and_what_works_instead() -> None:
    async def story() -> None:
        hotkeys = made(Way("This is broken."), Way("That is missing."))
        reason = "This is broken. That is missing. Do this instead."
        assert await hotkeys.start(ONE, nothing, nothing) == {TOGGLE: Unavailable(reason, Code.NO_WAY)}
        assert not await hotkeys.configure()
        await hotkeys.close()
        bare = made()
        result = (await bare.start(ONE, nothing, nothing))[TOGGLE]
        assert isinstance(result, Unavailable)
        assert result.reason.endswith("can use. Do this instead.")

    asyncio.run(story())


def test_nothing_is_started_before_a_combination_is_wanted() -> None:
    way = Way()

    async def story() -> None:
        hotkeys = made(way)
        assert await hotkeys.start({}, nothing, nothing) == {}
        assert way.log == []
        assert await hotkeys.change(ONE) == {TOGGLE: Bound("x")}

    asyncio.run(story())


def test_one_that_is_still_starting_is_closed_too() -> None:
    class Slow(Way):
        """The desktop asks the agent, who is in a call."""

        async def start(self, bindings: Bindings, pressed: Pressed, changed: Changed) -> Results:
            await asyncio.Event().wait()
            return {}

    async def story() -> None:
        for closes_first in (True, False):
            slow, never = Slow(), Way()
            hotkeys = made(slow, never)
            starting = asyncio.create_task(hotkeys.start(ONE, nothing, nothing))
            changing = asyncio.create_task(hotkeys.change(ONE))
            await asyncio.sleep(0.01)
            if closes_first:
                await hotkeys.close()
            for task in (changing, starting):
                task.cancel()
            await asyncio.gather(starting, changing, return_exceptions=True)
            await hotkeys.close()
            assert (slow.log, never.log) == (["close"], [])

    asyncio.run(story())


@pytest.mark.parametrize(
    ("platform", "environ", "ways"),
    [
        ("linux", {"DISPLAY": ":0"}, "x11 portal"),
        ("linux", {"DISPLAY": ":0", "XDG_SESSION_TYPE": "x11"}, "x11 portal"),
        ("linux", {"DISPLAY": ":0", "WAYLAND_DISPLAY": "wayland-0"}, "portal"),
        ("linux", {"DISPLAY": ":0", "XDG_SESSION_TYPE": "wayland"}, "portal"),
        ("linux", {}, "portal"),
        ("win32", {}, "windows"),
        ("darwin", {}, "macos"),
    ],
)
def test_each_desktop_has_its_ways(platform: str, environ: dict[str, str], ways: str) -> None:
    if platform == "linux" and sys.platform != "linux":
        pytest.skip("the portal's library is on Linux only")
    chosen = choose(platform, environ)
    assert isinstance(chosen, FirstThatWorks)
    names = [re.sub("Hotkeys$", "", type(way()).__name__).lower() for way in chosen._ways]
    assert names == ways.split()


@pytest.mark.parametrize(
    ("platform", "desktop", "words"),
    [
        ("linux", "ubuntu:GNOME", "Keyboard > View and Customize Shortcuts > Custom Shortcuts."),
        ("linux", "KDE", "Keyboard > Shortcuts > Add New"),
        ("linux", "sway", "bindsym"),
        ("linux", "", "the desktop's own settings."),
        ("win32", "", "Shortcut key"),
        ("darwin", "", "Shortcuts app"),
    ],
)
def test_what_always_works_is_told_for_each_desktop(platform: str, desktop: str, words: str) -> None:
    told = how_to_bind(platform, {"XDG_CURRENT_DESKTOP": desktop})
    assert words in told
    assert "“maskbar toggle”" in told
    assert told.endswith(".")


# Who holds what.


class System:
    """Registers combinations, but for those that somebody else has."""

    def __init__(self, *others: str) -> None:
        self.others = {parse(text) for text in others}
        self.held: list[Shortcut] = []
        self.most = 0

    def take(self, shortcut: Shortcut) -> Unavailable | None:
        if shortcut in self.others:
            return Unavailable("Taken.", Code.TAKEN)
        if shortcut not in self.held:
            self.held.append(shortcut)
        self.most = max(self.most, len(self.held))
        return None

    def let_go(self, shortcut: Shortcut) -> None:
        self.held.remove(shortcut)


A, B, C, T = (parse(f"Ctrl+Alt+{letter}") for letter in "ABCT")


def holdings(system: System) -> Holdings:
    return Holdings(system.take, system.let_go, Spelling.LINUX)


def test_the_new_one_is_taken_before_the_old_one_is_let_go() -> None:
    system = System()
    ours = holdings(system)
    ours.change({MASK: A})
    assert ours.change({MASK: B}) == {MASK: Bound("Ctrl+Alt+B")}
    assert (system.held, system.most) == ([B], 2)
    ours.close()
    assert system.held == []


def test_the_old_one_is_kept_when_the_new_one_is_taken() -> None:
    system = System("Ctrl+Alt+T")
    ours = holdings(system)
    ours.change({MASK: A})
    assert ours.change({MASK: T}) == {MASK: Unavailable("Taken.", Code.TAKEN, kept=A)}
    assert ours.action(A) is MASK
    assert system.held == [A]


def test_two_actions_swap() -> None:
    system = System()
    ours = holdings(system)
    ours.change({MASK: A, UNMASK: B})
    ours.change({MASK: B, UNMASK: A})
    assert (ours.action(A), ours.action(B), ours.action(C)) == (UNMASK, MASK, None)
    assert sorted(map(str, system.held)) == ["Ctrl+Alt+A", "Ctrl+Alt+B"]


def test_what_another_action_was_given_is_not_kept() -> None:
    system = System("Ctrl+Alt+T")
    ours = holdings(system)
    ours.change({MASK: A, UNMASK: B})
    results = ours.change({MASK: T, UNMASK: A})
    assert results[MASK] == Unavailable("Taken.", Code.TAKEN)
    assert ours.action(A) is UNMASK
    assert system.held == [A]


def test_one_combination_for_two_actions_is_told() -> None:
    system = System()
    ours = holdings(system)
    results = ours.change({MASK: A, TOGGLE: A})
    assert results[MASK] == Bound("Ctrl+Alt+A")
    reason = "Ctrl+Alt+A is already the hotkey for “Mask the recording”."
    assert results[TOGGLE] == Unavailable(reason, Code.TWICE)


def test_one_that_is_in_trouble_is_tried_again_and_not_said_to_work() -> None:
    system = System()
    ours = holdings(system)
    ours.change({MASK: A})
    trouble = Unavailable("No key.", Code.NO_KEY)
    assert ours.results({A: trouble}) == {MASK: trouble}
    system.others = {A}
    assert ours.change({MASK: A}) == {MASK: Unavailable("Taken.", Code.TAKEN)}
    assert ours.action(A) is MASK


def test_each_registration_has_a_number_of_its_own() -> None:
    registered: dict[int, Shortcut] = {}

    def register(number: int, shortcut: Shortcut) -> Unavailable | None:
        if shortcut == T:
            return Unavailable("Taken.", Code.TAKEN)
        assert number not in registered
        registered[number] = shortcut
        return None

    ours = NumberedHoldings(register, registered.__delitem__, Spelling.WINDOWS)
    ours.change({MASK: A, UNMASK: B, TOGGLE: T})
    numbers = {str(shortcut): number for number, shortcut in registered.items()}
    assert ours.action_of(numbers["Ctrl+Alt+A"]) is MASK
    ours.change({MASK: C, UNMASK: B})
    assert ours.action_of(numbers["Ctrl+Alt+A"]) is None
    assert ours.action_of(numbers["Ctrl+Alt+B"]) is UNMASK
    assert sorted(map(str, registered.values())) == ["Ctrl+Alt+B", "Ctrl+Alt+C"]
    ours.close()
    assert registered == {}
