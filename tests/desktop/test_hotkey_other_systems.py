"""The Windows and macOS hotkeys against a recorded contract: fakes with the systems' signatures and answers.

Not a proof that they work there; that they ask for the right thing, and understand what they are told.
"""

import asyncio
import ctypes
import sys
from collections.abc import Callable
from typing import Any, NoReturn

import pytest
from PySide6.QtWidgets import QApplication

from app.adapters.desktop import hotkey_macos, hotkey_windows
from app.adapters.desktop.hotkey import Bound, Code, NoWayError, Unavailable
from app.adapters.desktop.hotkey_macos import EventType, HotKeyId, MacosHotkeys, four
from app.adapters.desktop.hotkey_windows import Filter, Message, WindowsHotkeys, virtual_key
from app.core.shortcut import KEYS, Action, parse

MASK, UNMASK, TOGGLE, SHOW = Action
ONE = {TOGGLE: parse("Ctrl+Alt+M")}


def never(_: object) -> NoReturn:
    raise AssertionError


# Windows.


class User32:
    """RegisterHotKey(hWnd, id, fsModifiers, vk), UnregisterHotKey(hWnd, id)."""

    def __init__(self, taken: set[int] | None = None, error: int = 1409) -> None:
        self.taken = taken or set()
        self.error = error
        self.calls: list[tuple[Any, ...]] = []

    def RegisterHotKey(self, window: None, number: int, modifiers: int, key: int) -> int:
        self.calls.append((window, number, modifiers, key))
        return int(key not in self.taken)

    def UnregisterHotKey(self, window: None, number: int) -> int:
        self.calls.append((window, number))
        return 1


def windows(user32: User32) -> WindowsHotkeys:
    return WindowsHotkeys(lambda: (user32, lambda: user32.error))


def post(hotkeys: WindowsHotkeys, message: Message, kind: bytes = b"windows_generic_MSG") -> tuple[bool, int]:
    """As Windows does through Qt."""
    return hotkeys._filter.nativeEventFilter(kind, ctypes.addressof(message))


def test_windows_is_asked_for_the_combination_without_repeats(qapp: QApplication) -> None:
    user32, pressed = User32(), list[Action]()

    async def story() -> None:
        ours = windows(user32)
        results = await ours.start({**ONE, SHOW: parse("Win+Shift+F13")}, pressed.append, never)
        assert results == {TOGGLE: Bound("Ctrl+Alt+M"), SHOW: Bound("Shift+Win+F13")}
        assert user32.calls == [(None, 1, 0x4000 | 1 | 2, 0x4D), (None, 2, 0x4000 | 4 | 8, 0x7C)]
        assert post(ours, Message(message=0x0312, number=2)) == (True, 0)
        assert post(ours, Message(message=0x0312, number=1), b"windows_dispatcher_MSG") == (True, 0)
        assert pressed == [SHOW, TOGGLE]
        for other in (
            Message(message=0x0312, number=7),  # somebody else's
            Message(message=0x0312, number=1, window=4711),  # a window's
            Message(message=0x0100, number=1),  # WM_KEYDOWN
        ):
            assert post(ours, other) == (False, 0)
        assert post(ours, Message(message=0x0312, number=1), b"xcb_generic_event_t") == (False, 0)
        assert pressed == [SHOW, TOGGLE]
        assert not await ours.configure()
        await ours.close()
        assert user32.calls[2:] == [(None, 1), (None, 2)]

    asyncio.run(story())


def test_windows_1409_is_taken_by_another_program(qapp: QApplication) -> None:
    async def story() -> None:
        user32 = User32({0x59})
        ours = windows(user32)
        await ours.start(ONE, never, never)
        refused = (await ours.change({TOGGLE: parse("Ctrl+Alt+Y")}))[TOGGLE]
        reason = "Ctrl+Alt+Y is taken by another program: choose another."
        assert refused == Unavailable(reason, Code.TAKEN, kept=ONE[TOGGLE])
        user32.error = 87
        refused = (await ours.change({TOGGLE: parse("Ctrl+Alt+Y")}))[TOGGLE]
        assert isinstance(refused, Unavailable)
        assert refused.code is Code.REFUSED
        assert "error 87" in refused.reason
        assert await ours.change({TOGGLE: parse("Ctrl+Alt+X")}) == {TOGGLE: Bound("Ctrl+Alt+X")}
        assert [call for call in user32.calls if len(call) == 2] == [(None, 1)]  # the old one, at last
        await ours.close()

    asyncio.run(story())


@pytest.mark.skipif(sys.platform == "win32", reason="there it works")
def test_elsewhere_windows_hotkeys_are_no_way(qapp: QApplication) -> None:
    with pytest.raises(NoWayError, match="not Windows"):
        asyncio.run(WindowsHotkeys().start(ONE, never, never))


def test_every_key_has_a_number_on_windows() -> None:
    numbers = [virtual_key(key) for key in KEYS]
    assert len(set(numbers)) == len(KEYS)
    assert [virtual_key(key) for key in ("A", "0", "F1", "F24", "Space", "Pause")] == [
        *(0x41, 0x30, 0x70, 0x87),
        *(0x20, 0x13),
    ]


def test_the_filter_lets_qts_own_messages_through(qapp: QApplication) -> None:
    watcher = Filter(never)
    qapp.installNativeEventFilter(watcher)
    qapp.processEvents()
    qapp.removeNativeEventFilter(watcher)


# macOS.


class Carbon:
    """The five functions of Carbon, with the layouts of CarbonEvents.h."""

    def __init__(self, taken: set[int] | None = None, error: int = -9878, install: int = 0) -> None:
        self.taken = taken or set()
        self.error = error
        self.install = install
        self.calls: list[tuple[Any, ...]] = []
        self.handler: Callable[[Any, int, Any], int] | None = None
        self._event = HotKeyId()

    def GetApplicationEventTarget(self) -> int:
        return 77

    def InstallEventHandler(
        self, target: int, handler: Any, count: int, kinds: Any, data: None, into: Any
    ) -> int:
        kind = ctypes.cast(kinds, ctypes.POINTER(EventType)).contents
        assert (target, count, kind.group, kind.kind, data) == (77, 1, four("keyb"), 5, None)
        self.handler = handler
        ctypes.cast(into, ctypes.POINTER(ctypes.c_void_p)).contents.value = 99
        return self.install

    def RemoveEventHandler(self, installed: ctypes.c_void_p) -> int:
        self.calls.append(("remove", installed.value))
        return 0

    def RegisterEventHotKey(
        self, key: int, modifiers: int, which: HotKeyId, target: int, options: int, into: Any
    ) -> int:
        assert (target, options, which.signature) == (77, 0, four("MskB"))
        self.calls.append((key, modifiers, which.number))
        ctypes.cast(into, ctypes.POINTER(ctypes.c_void_p)).contents.value = 1000 + which.number
        return self.error if key in self.taken else 0

    def UnregisterEventHotKey(self, reference: ctypes.c_void_p) -> int:
        self.calls.append(("unregister", reference.value))
        return 0

    def GetEventParameter(
        self, event: int, name: int, kind: int, _actual: None, size: int, _got: None, into: Any
    ) -> int:
        assert (name, kind, size) == (four("----"), four("hkid"), 8)
        if not event:
            return -9870
        ctypes.memmove(into, ctypes.byref(self._event), size)
        return 0

    def press(self, number: int, signature: str = "MskB", event: int = 1) -> int:
        assert self.handler is not None
        self._event = HotKeyId(four(signature), number)
        return self.handler(None, event, None)


def test_macos_is_asked_for_the_combination_and_tells_of_it() -> None:
    carbon, pressed = Carbon(), list[Action]()

    async def story() -> None:
        ours = MacosHotkeys(lambda: carbon)
        results = await ours.start({**ONE, SHOW: parse("Cmd+Shift+F13")}, pressed.append, never)
        assert results == {TOGGLE: Bound("Ctrl+Option+M"), SHOW: Bound("Shift+Command+F13")}
        assert carbon.calls == [(46, 0x1800, 1), (105, 0x0300, 2)]
        assert carbon.press(2) == 0
        assert carbon.press(1) == 0
        assert carbon.press(3) == hotkey_macos.NOT_HANDLED
        assert carbon.press(1, "Othr") == hotkey_macos.NOT_HANDLED
        assert carbon.press(1, event=0) == hotkey_macos.NOT_HANDLED
        assert pressed == [SHOW, TOGGLE]
        assert not await ours.configure()
        await ours.close()
        assert carbon.calls[2:] == [("unregister", 1001), ("unregister", 1002), ("remove", 99)]

    asyncio.run(story())


def test_macos_says_no() -> None:
    async def story() -> None:
        carbon = Carbon({16})
        ours = MacosHotkeys(lambda: carbon)
        results = await ours.start({MASK: parse("Ctrl+Alt+Y"), SHOW: parse("Ctrl+Alt+Insert")}, never, never)
        taken, missing = results[MASK], results[SHOW]
        assert isinstance(taken, Unavailable)
        assert isinstance(missing, Unavailable)
        assert (taken.code, missing.code) == (Code.TAKEN, Code.NO_KEY)
        assert missing.reason == "A Mac's keyboard has no key Insert for Ctrl+Option+Insert."
        carbon.error = -50
        refused = (await ours.change({MASK: parse("Ctrl+Alt+Y")}))[MASK]
        assert isinstance(refused, Unavailable)
        assert refused.code is Code.REFUSED
        await ours.close()
        with pytest.raises(NoWayError, match="error -50"):
            await MacosHotkeys(lambda: Carbon(install=-50)).start(ONE, never, never)

    asyncio.run(story())


@pytest.mark.skipif(sys.platform == "darwin", reason="there it works")
def test_elsewhere_macos_hotkeys_are_no_way() -> None:
    with pytest.raises(NoWayError, match="Carbon"):
        asyncio.run(MacosHotkeys().start(ONE, never, never))


def test_keys_have_places_of_their_own_on_a_mac() -> None:
    places = list(hotkey_macos.KEYS.values())
    assert len(set(places)) == len(places)
    assert set(hotkey_macos.KEYS) <= KEYS
    assert KEYS - set(hotkey_macos.KEYS) == {"Insert", "Pause", "F21", "F22", "F23", "F24"}
    assert hotkey_windows.MOD_NOREPEAT == 0x4000
