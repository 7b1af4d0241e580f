"""Hotkeys under a real X server and window manager, with real keys and somebody else's window in the focus."""

import asyncio
import contextlib
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from qasync import QEventLoop

from app.adapters.desktop import hotkey_x11
from app.adapters.desktop.hotkey import Bound, Code, NoWayError, Unavailable, choose
from app.adapters.desktop.hotkey_x11 import X11Hotkeys
from app.adapters.desktop.hotkey_x11_wire import ASYNC, GRAB_KEY, Wire
from app.adapters.desktop.hotkey_x11_xcb import RequestError, ServerGoneError
from app.core.shortcut import Action, parse
from tests.desktop.screen import Form, Screen, screen, until
from tests.desktop.station import TOGGLE, NotingWire, station

Desk = tuple[Screen, Form]
MASK, UNMASK, SHOW = Action.MASK, Action.UNMASK, Action.SHOW
M = 58  # its keycode on the English keyboard


class OtherProgram(Wire):
    """Grabs as most programs do: XGrabKey of the core protocol."""

    def take(self, keycode: int, modifiers: int) -> None:
        """Raises RequestError when somebody else has it."""
        body = struct.pack("=IHBBBBH", self.connection.root, modifiers, keycode, ASYNC, ASYNC, 0, 0)
        self.connection.do(GRAB_KEY, 0, body)


@pytest.fixture
def other(desk: Desk) -> Iterator[OtherProgram]:
    with contextlib.closing(OtherProgram(desk[0].display)) as wire:
        yield wire


def test_each_press_is_told_once(desk: Desk) -> None:
    on, form = desk

    async def story() -> None:
        async with station(on) as ours:
            assert ours.results == {Action.TOGGLE: Bound("Ctrl+Alt+M")}
            for n in range(10):
                on.keys("key", "ctrl+alt+m")
                await ours.expect(*[Action.TOGGLE] * (n + 1))

    asyncio.run(story())
    form.expect("")


def test_each_action_has_its_own(desk: Desk) -> None:
    on, form = desk
    bindings = {
        MASK: parse("Ctrl+Alt+M"),
        UNMASK: parse("Ctrl+Alt+Shift+M"),
        Action.TOGGLE: parse("Meta+F9"),
        SHOW: parse("Ctrl+Alt+1"),
    }

    async def story() -> None:
        async with station(on, bindings) as ours:
            assert [getattr(result, "words", "") for result in ours.results.values()] == [
                "Ctrl+Alt+M",
                "Ctrl+Alt+Shift+M",
                "Super+F9",
                "Ctrl+Alt+1",
            ]
            on.keys("key", "super+F9", "key", "ctrl+alt+shift+m", "key", "ctrl+alt+1", "key", "ctrl+alt+m")
            await ours.expect(Action.TOGGLE, UNMASK, SHOW, MASK)
            on.keys("key", "ctrl+m", "key", "alt+m", "key", "ctrl+alt+super+m", "key", "m")
            until(lambda: form.text.endswith("m"), "a letter without modifiers is the form's")
            await ours.expect(Action.TOGGLE, UNMASK, SHOW, MASK)

    asyncio.run(story())


def test_held_keys_do_not_repeat(desk: Desk) -> None:
    on, _ = desk

    async def story() -> None:
        async with station(on) as ours:
            on.keys("keydown", "ctrl", "keydown", "alt", "keydown", "m", "sleep", "1.2", "keyup", "m")
            assert ours.keycodes.count(M) > 5  # the server did repeat it
            await ours.expect(Action.TOGGLE)
            on.keys("keydown", "m", "keyup", "m")  # the modifiers were held all the time
            await ours.expect(Action.TOGGLE, Action.TOGGLE)
            on.keys("keyup", "alt", "keyup", "ctrl")

    asyncio.run(story())


@pytest.mark.parametrize("locks", [["Num_Lock"], ["Caps_Lock"], ["Num_Lock", "Caps_Lock"]])
def test_it_works_with_num_lock_and_caps_lock_on(desk: Desk, locks: list[str]) -> None:
    on, form = desk

    async def story() -> None:
        async with station(on) as ours:
            on.keys("key", *locks)
            try:
                on.keys("key", "ctrl+alt+m", "key", "x")
                await ours.expect(Action.TOGGLE)
                form.expect("X" if "Caps_Lock" in locks else "x")
            finally:
                on.keys("key", *locks)

    asyncio.run(story())


def test_what_another_program_has_is_told_and_left_to_it(desk: Desk, other: OtherProgram) -> None:
    on, _ = desk
    other.take(M, 12)

    async def story() -> None:
        async with station(on, {**TOGGLE, SHOW: parse("Ctrl+Alt+Y")}) as ours:
            trouble = ours.results[Action.TOGGLE]
            assert isinstance(trouble, Unavailable)
            assert trouble.code is Code.TAKEN
            assert trouble.reason == "Ctrl+Alt+M is taken by another program: choose another."
            assert ours.results[SHOW] == Bound("Ctrl+Alt+Y")
            other.close()
            again = await ours.hotkeys.change({**TOGGLE, SHOW: parse("Ctrl+Alt+Y")})
            assert again[Action.TOGGLE] == Bound("Ctrl+Alt+M")
            on.keys("key", "ctrl+alt+m", "key", "ctrl+alt+y")
            await ours.expect(Action.TOGGLE, SHOW)

    asyncio.run(story())


@pytest.mark.parametrize("locks", [2, 16, 18])
def test_a_combination_that_another_program_has_only_with_a_lock_is_taken(
    desk: Desk, other: OtherProgram, locks: int
) -> None:
    on, _ = desk
    other.take(M, 12 | locks)

    async def story() -> None:
        async with station(on) as ours:
            assert isinstance(ours.results[Action.TOGGLE], Unavailable)
        other.close()
        with contextlib.closing(OtherProgram(on.display)) as third:
            for modifiers in (12, 14, 28, 30):  # we have let go of all four
                third.take(M, modifiers)

    asyncio.run(story())


def test_a_combination_that_another_program_has_by_xinput_is_taken(desk: Desk, other: OtherProgram) -> None:
    on, _ = desk
    assert other._grab_by_xinput(M, [12])

    async def story() -> None:
        async with station(on) as ours:
            assert isinstance(ours.results[Action.TOGGLE], Unavailable)

    asyncio.run(story())
    other.take(M, 12)  # nothing of ours is left


def test_what_we_have_is_taken_for_others(desk: Desk, other: OtherProgram) -> None:
    on, _ = desk

    async def story() -> None:
        async with station(on):
            with pytest.raises(RequestError):
                other.take(M, 12)
            async with station(on) as second:  # a second MaskBar on the same display
                assert isinstance(second.results[Action.TOGGLE], Unavailable)

    asyncio.run(story())


def test_the_old_one_is_kept_until_the_new_one_is_registered(desk: Desk, other: OtherProgram) -> None:
    on, _ = desk
    other.take(29, 12)  # Ctrl+Alt+Y

    async def story() -> None:
        async with station(on) as ours:
            refused = (await ours.hotkeys.change({Action.TOGGLE: parse("Ctrl+Alt+Y")}))[Action.TOGGLE]
            assert isinstance(refused, Unavailable)
            assert (refused.code, refused.kept) == (Code.TAKEN, parse("Ctrl+Alt+M"))
            on.keys("key", "ctrl+alt+m")
            await ours.expect(Action.TOGGLE)
            assert (await ours.hotkeys.change({MASK: parse("Ctrl+Alt+M"), SHOW: parse("Alt+F9")})) == {
                MASK: Bound("Ctrl+Alt+M"),
                SHOW: Bound("Alt+F9"),
            }
            on.keys("key", "ctrl+alt+m", "key", "alt+F9")
            await ours.expect(Action.TOGGLE, MASK, SHOW)
            assert await ours.hotkeys.change({}) == {}
            other.take(M, 12)

    asyncio.run(story())


def test_the_keyboard_changes_under_us(desk: Desk) -> None:
    on, _ = desk

    async def story() -> None:
        async with station(on, {**TOGGLE, SHOW: parse("Ctrl+Alt+S")}) as ours:
            on.layout("dvorak")  # S is where O was on the English one: keycode 47
            await asyncio.sleep(0.3)
            on.keys("key", "--clearmodifiers", "ctrl+alt+s")
            on.keys(
                "keydown", "ctrl", "keydown", "alt", "key", "39", "key", "47", "keyup", "alt", "keyup", "ctrl"
            )
            await ours.expect(SHOW, SHOW)
            on.layout("us", "-option", "ctrl:swapcaps,altwin:swap_alt_win")  # Ctrl, Alt and Super move too
            await asyncio.sleep(0.3)
            on.keys("key", "ctrl+alt+m")
            await ours.expect(SHOW, SHOW, Action.TOGGLE)
            assert ours.changes == []

    asyncio.run(story())
    on.layout("us", "-option", "")


def test_a_layout_without_the_key_is_told_and_the_hotkey_comes_back_with_the_key(desk: Desk) -> None:
    on, _ = desk

    async def story() -> None:
        async with station(on) as ours:
            on.layout("ru")
            await ours.until(lambda: len(ours.changes) == 1, "told that the key is gone")
            trouble = ours.changes[0][Action.TOGGLE]
            assert isinstance(trouble, Unavailable)
            assert trouble.code is Code.NO_KEY
            assert trouble.reason == "The keyboard layout in use has no key M for Ctrl+Alt+M."
            on.layout("us,ru")
            await ours.until(lambda: len(ours.changes) == 2, "told that it is back")
            assert ours.changes[1] == {Action.TOGGLE: Bound("Ctrl+Alt+M")}
            on.keys("key", "ctrl+alt+m")
            await ours.expect(Action.TOGGLE)

    asyncio.run(story())


def test_digits_are_found_on_a_french_keyboard(desk: Desk) -> None:
    on, _ = desk
    on.layout("fr")

    async def story() -> None:
        async with station(on, {MASK: parse("Ctrl+Alt+1")}) as ours:
            on.keys("keydown", "ctrl", "keydown", "alt", "key", "10", "keyup", "alt", "keyup", "ctrl")
            await ours.expect(MASK)

    asyncio.run(story())


def test_a_burst_of_keyboard_changes_is_survived(desk: Desk) -> None:
    on, _ = desk

    async def story() -> None:
        async with station(on) as ours:
            for layout in ("de", "fr", "dvorak", "us") * 3:
                on.layout(layout)
            on.keys("key", "ctrl+alt+m")
            await ours.expect(Action.TOGGLE)

    asyncio.run(story())


def test_killed_with_no_chance_to_clean_up_it_leaves_nothing_grabbed(desk: Desk, other: OtherProgram) -> None:
    on, form = desk
    program = (
        "import asyncio\n"
        "from app.adapters.desktop.hotkey import choose\n"
        "from app.core.shortcut import Action, parse\n"
        "async def main():\n"
        "    hotkeys = choose()\n"
        "    print(await hotkeys.start({Action.TOGGLE: parse('Ctrl+Alt+M')}, print, print), flush=True)\n"
        "    await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    env = on.env | {"XDG_SESSION_TYPE": "x11"}
    with subprocess.Popen(
        [sys.executable, "-c", program], env=env, stdout=subprocess.PIPE, text=True
    ) as ours:
        assert ours.stdout is not None
        assert "Bound(words='Ctrl+Alt+M'" in ours.stdout.readline()
        on.keys("keydown", "ctrl", "keydown", "alt", "keydown", "m")  # killed while it is held
        assert "TOGGLE" in ours.stdout.readline()
        ours.kill()
        ours.wait(10)
    on.keys("keyup", "m", "keyup", "alt", "keyup", "ctrl", "type", "still typing")
    form.expect("still typing")
    other.take(M, 12)


def test_a_stopped_thread_does_not_outlive_close(desk: Desk) -> None:
    on, _ = desk
    before = threading.active_count(), len(list(Path("/proc/self/fd").iterdir()))

    async def story() -> None:
        for _ in range(5):
            async with station(on):
                pass

    asyncio.run(story())
    assert (threading.active_count(), len(list(Path("/proc/self/fd").iterdir()))) == before


def test_no_processor_time_is_used_while_nothing_happens(desk: Desk) -> None:
    on, _ = desk

    async def story() -> None:
        async with station(on):
            await asyncio.sleep(0.2)
            before = time.process_time()
            await asyncio.sleep(1)
            assert time.process_time() - before < 0.02

    asyncio.run(story())


@pytest.mark.warns("maskbar.hotkey.x11", "hotkeys ended: The X server does not answer any more")
def test_the_x_server_goes_away() -> None:
    async def story() -> None:
        with screen(manager=False) as on:
            async with station(on) as ours:
                assert ours.results == {Action.TOGGLE: Bound("Ctrl+Alt+M")}
                on.server.kill()
                await ours.until(lambda: bool(ours.changes), "told that the server is gone")
                gone = ours.changes[0][Action.TOGGLE]
                assert isinstance(gone, Unavailable)
                assert gone.code is Code.GONE
                assert (await ours.hotkeys.change(TOGGLE))[Action.TOGGLE] == gone
                assert len(ours.changes) == 1

    asyncio.run(story())


def test_it_works_on_the_programs_own_loop(desk: Desk, loop: QEventLoop) -> None:
    on, _ = desk

    async def story() -> None:
        async with station(on) as ours:
            for n in range(5):
                on.keys("key", "ctrl+alt+m")
                await ours.expect(*[Action.TOGGLE] * (n + 1))

    loop.run_until_complete(story())


def test_the_root_window_of_a_second_screen_is_found() -> None:
    with screen("-screen", "1", "640x480x16", manager=False) as on:
        for number in (0, 1):
            told = on.run("xwininfo", "-root", "-display", f"{on.display}.{number}")
            with contextlib.closing(Wire(f"{on.display}.{number}")) as wire:
                assert f"Window id: {wire.connection.root:#x} " in told


def test_without_an_x_server_it_is_no_way() -> None:
    async def story() -> None:
        hotkeys = X11Hotkeys(lambda: Wire(":4711"))
        with pytest.raises(NoWayError, match="X server"):
            await hotkeys.start(TOGGLE, lambda _: None, lambda _: None)

    before = threading.active_count(), len(list(Path("/proc/self/fd").iterdir()))
    asyncio.run(story())
    assert (threading.active_count(), len(list(Path("/proc/self/fd").iterdir()))) == before
    with pytest.raises(ServerGoneError):
        Wire(":4711")


class Old(NotingWire):
    """An X server without XInput 2."""

    def _find_xinput(self) -> int:
        return 0


def test_without_xinput_2_a_held_key_does_not_repeat_either(desk: Desk) -> None:
    on, form = desk

    async def story() -> None:
        async with station(on, wire=Old) as ours:
            on.keys("keydown", "ctrl", "keydown", "alt", "keydown", "m", "sleep", "0.8")
            on.keys("keyup", "m", "keyup", "alt", "keyup", "ctrl", "type", "x")
            form.expect("x")
            await ours.expect(Action.TOGGLE)
            assert set(ours.keycodes) == {M}
            await asyncio.sleep(1)
            on.keys("key", "ctrl+alt+m")
            await ours.expect(Action.TOGGLE, Action.TOGGLE)

    asyncio.run(story())


def test_an_x_server_that_hangs_is_no_way_and_keeps_nobody(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    on, _ = desk
    monkeypatch.setattr(hotkey_x11, "ANSWER_WITHIN", 0.05)
    answers = threading.Event()

    def connect() -> Wire:
        answers.wait(5)
        return Wire(on.display)

    async def story() -> None:
        hotkeys = X11Hotkeys(connect)
        with pytest.raises(NoWayError, match="does not answer"):
            await hotkeys.start(TOGGLE, lambda _: None, lambda _: None)
        answers.set()  # too late: it is not to work behind our back
        await hotkeys.close()
        async with station(on) as ours:
            assert ours.results == {Action.TOGGLE: Bound("Ctrl+Alt+M")}

    asyncio.run(story())


def test_the_chosen_way_starts_nothing_while_no_combination_is_wanted() -> None:
    async def story() -> None:
        hotkeys = choose("linux", {"DISPLAY": ":4711"})
        assert await hotkeys.start({}, lambda _: None, lambda _: None) == {}
        await hotkeys.close()

    before = threading.active_count()
    asyncio.run(story())
    assert threading.active_count() == before
