"""G25: no keystroke but our own combination ever reaches us, and no program of ours could listen for one.

Each check is also made on clients that do listen, which it must catch: a check that cannot fail proves nothing.
"""

import ast
import asyncio
import re
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.adapters.desktop.hotkey_x11_wire import ASYNC, GRAB_KEY, UNGRAB_KEY, Wire
from app.core.shortcut import Action
from tests.desktop.screen import Form, Screen, child, until
from tests.desktop.station import NotingWire, Station, station

Desk = tuple[Screen, Form]
ROOT = Path(__file__).resolve().parents[2]
CANARY = "my card is 4111 1111 1111 1111 thanks"
LETTERS = "abcdefghijklnopqrstu"  # twenty, without the m of the combination
M = 58

# Clients that are broken on purpose.


class RawListener(NotingWire):
    """Asks for every key of every program: XInput's raw events, what modern key loggers use."""

    def __init__(self, display: str | None = None) -> None:
        super().__init__(display)
        all_masters, raw_press = 1, 1 << 13
        body = struct.pack("=IHHHHI", self.connection.root, 1, 0, all_masters, 1, raw_press)
        self.connection.do(self.xinput, 46, body)  # XISelectEvents


class WholeKeyboard(NotingWire):
    """Grabs the whole keyboard when it starts."""

    def __init__(self, display: str | None = None) -> None:
        super().__init__(display)
        self.connection.ask(31, 0, struct.pack("=IIBBH", self.connection.root, 0, ASYNC, ASYNC, 0))

    def let_go(self, time: int) -> None:
        pass


class PlainGrab(NotingWire):
    """XGrabKey as most programs use it: the grab lasts for as long as the keys are held."""

    def grab(self, keycode: int, modifiers: list[int]) -> bool:
        for held in modifiers:
            body = struct.pack("=IHBBBBH", self.connection.root, held, keycode, ASYNC, ASYNC, 0, 0)
            self.connection.do(GRAB_KEY, 0, body)
        return True

    def ungrab(self, keycode: int, modifiers: list[int]) -> None:
        for held in modifiers:
            self.connection.do(UNGRAB_KEY, keycode, struct.pack("=IHH", self.connection.root, held, 0))

    def let_go(self, time: int) -> None:
        pass


# The checks.

HOLD = ("keydown", "ctrl", "keydown", "alt", "keydown", "m", "keyup", "alt", "keyup", "ctrl")
"""The M stays down: a plain grab lasts until it is up."""
WHILE_HELD = (*HOLD, "key", "--delay", "12", *LETTERS, "keyup", "m")


def calm(on: Screen) -> None:
    on.keys(*WHILE_HELD)


def busy_in_python(on: Screen) -> None:
    """Our loop does not get a turn, and the thread of the hotkeys every few ms only."""
    with subprocess.Popen(["xdotool", *WHILE_HELD], env=on.env) as typing:
        while typing.poll() is None:
            pass


def busy_in_c(on: Screen) -> None:
    """The thread of the hotkeys does not get a turn either, for some 50 ms at a time."""
    with subprocess.Popen(["xdotool", *WHILE_HELD], env=on.env) as typing:
        while typing.poll() is None:
            sum(range(2_000_000))


async def what_reaches_us(
    desk: Desk,
    wire: Callable[[str | None], Wire] = NotingWire,
    type_while_held: Callable[[Screen], None] = calm,
) -> tuple[str, list[int], list[Action]]:
    """What arrives in the customer's form of a sentence, and of letters typed while the combination is held; the keys
    that reached us besides our own; what was pressed."""
    on, form = desk
    async with station(on, wire=wire) as ours:
        on.keys("type", "--delay", "12", CANARY)
        type_while_held(on)
        await _settle(form, ours)
        return form.text, [code for code in ours.keycodes if code != M], ours.presses


async def _settle(form: Form, ours: Station) -> None:
    """Until nothing has arrived anywhere for a while."""
    seen, since = (form.text, len(ours.keycodes)), time.monotonic()
    while time.monotonic() - since < 0.25:
        await asyncio.sleep(0.02)
        if (now := (form.text, len(ours.keycodes))) != seen:
            seen, since = now, time.monotonic()


def eavesdrops(text: str, foreign: list[int]) -> bool:
    return text != CANARY + LETTERS or bool(foreign)


@pytest.mark.guarantee("G25")
@pytest.mark.parametrize("type_while_held", [calm, busy_in_python, busy_in_c])
def test_no_key_but_our_own_reaches_us(desk: Desk, type_while_held: Callable[[Screen], None]) -> None:
    text, foreign, pressed = asyncio.run(what_reaches_us(desk, type_while_held=type_while_held))
    assert text == CANARY + LETTERS
    assert foreign == []
    assert not eavesdrops(text, foreign)
    assert pressed == [Action.TOGGLE]


@pytest.mark.mutant("G25")
@pytest.mark.parametrize("wire", [RawListener, WholeKeyboard, PlainGrab])
def test_a_client_that_listens_is_caught(desk: Desk, wire: type[NotingWire]) -> None:
    text, foreign, _ = asyncio.run(what_reaches_us(desk, wire))
    assert eavesdrops(text, foreign)
    assert len(foreign) >= len(LETTERS)


@pytest.mark.guarantee("G25")
def test_no_key_reaches_the_window_of_the_whole_program(desk: Desk, tmp_path: Path) -> None:
    on, form = desk
    seen = tmp_path / "keys.txt"
    program = (sys.executable, "-m", "tests.desktop.watched_program", str(seen))
    with child(*program, env=on.env | {"HOME": str(tmp_path)}, cwd=ROOT) as ours:
        until(lambda: on.windows(ours.pid) != [], "the program's window is there")
        on.keys("type", "--delay", "12", CANARY)
        form.expect(CANARY)
        time.sleep(0.2)
        assert not seen.exists()
        # The watcher does see keys: those of the window itself, when it has the focus.
        on.keys("windowfocus", "--sync", on.windows(ours.pid)[0], "key", "shift")
        until(seen.exists, "a key that is meant for the window reaches it")


# What is not there cannot listen.

BANNED_PACKAGES = {
    *("pynput", "keyboard", "mouse", "evdev", "python-xlib", "pyxhook", "pyhook", "pywinhook", "pyobjc"),
    *("pyobjc-framework-quartz", "uinput", "libevdev", "pyautogui", "system-hotkey", "global-hotkeys"),
    *("ahk", "pyglet", "xcffib"),
}
"""Each can see every key, or brings one that can."""
BANNED_NAMES = (
    *("SetWindowsHookEx", "GetAsyncKeyState", "GetKeyboardState", "RegisterRawInputDevices"),  # Windows
    *("CGEventTap", "NSEvent.addGlobalMonitor", "addGlobalMonitorForEvents", "IOHIDManager"),  # macOS
    *("XRecord", "xcb_record", "XISelectEvents", "XI_RawKey", "xcb_query_keymap", "XQueryKeymap"),  # X11
    *("XGrabKeyboard", "xcb_grab_keyboard", "libXi", "libXtst", "libevdev", "/dev/input", "/dev/uinput"),
    *("grabKeyboard", "EventMonitor", "DeviceEventListener", "registerKeystrokeListener"),  # Qt, AT-SPI
)
WIRE_REQUESTS = {32, 33, 34, 98, 101, 119, 47, 52, 54, 55}
"""Let go, grab and ungrab one key, ask which extensions and which layout there are: see hotkey_x11_wire.py."""


def sources() -> Iterator[Path]:
    yield from sorted((ROOT / "app").rglob("*.py"))


def imported(source: str) -> set[str]:
    """The packages that a file imports, wherever in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])
    return found


def locked(lock: str) -> set[str]:
    return {name.lower() for name in re.findall(r"^([A-Za-z0-9._-]+)==", lock, re.MULTILINE)}


def banned(source: str) -> set[str]:
    """What in a file could listen for keys."""
    modules = {name.replace("-", "_") for name in BANNED_PACKAGES} | {
        "Xlib",
        "Quartz",
        "AppKit",
        "HIServices",
    }
    return (imported(source) & modules) | {name for name in BANNED_NAMES if name in source}


@pytest.mark.guarantee("G25")
def test_no_source_of_ours_could_listen() -> None:
    assert {
        str(path): found for path in sources() if (found := banned(path.read_text(encoding="utf-8")))
    } == {}


@pytest.mark.guarantee("G25")
def test_no_dependency_of_ours_could_listen() -> None:
    pins = locked((ROOT / "packaging" / "requirements.lock").read_text(encoding="utf-8"))
    assert len(pins) > 30
    assert pins & BANNED_PACKAGES == set()


@pytest.mark.guarantee("G25")
def test_the_wire_has_no_request_that_listens() -> None:
    tree = ast.parse((ROOT / "app/adapters/desktop/hotkey_x11_wire.py").read_text(encoding="utf-8"))
    numbers = {
        node.targets[0].id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and isinstance(node.value, ast.Constant)
    }
    calls = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in ("ask", "do", "send")
    ]
    used = {
        numbers[argument.id]
        for call in calls
        for argument in call.args[:2]
        if isinstance(argument, ast.Name) and argument.id in numbers
    }
    assert len(calls) >= 9
    assert used <= WIRE_REQUESTS
    # An opcode is a name of the list above, XInput's own number, or nothing at all.
    assert {ast.unparse(argument) for call in calls for argument in call.args[:2]} <= {
        *numbers,
        *("0", "opcode", "self.xinput", "keycode"),
    }


@pytest.mark.mutant("G25")
@pytest.mark.parametrize(
    "source",
    [
        "import pynput",
        "def late():\n    from pynput import keyboard",
        "import evdev.device",
        "from Xlib.ext import record",
        "user32.SetWindowsHookExW(13, callback, None, 0)",
        "ctypes.CDLL('libXtst.so.6').XRecordCreateContext",
        "Quartz.CGEventTapCreate(1)",
        "open('/dev/input/event0')",
    ],
)
def test_a_source_that_listens_is_caught(source: str) -> None:
    assert banned(source)


@pytest.mark.mutant("G25")
def test_a_dependency_that_listens_is_caught() -> None:
    assert (
        locked("httpx==0.28.1 \\\n    --hash=sha256:0\npynput==1.8.1 ; sys_platform == 'linux' \\\n")
        & BANNED_PACKAGES
    )
