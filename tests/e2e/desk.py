"""An agent's desk: a display, a session bus with a panel, MaskBar as a process of its own, and the four ways to it.

The one rule: everything is done and read from outside, as the agent, the desktop and other programs do it.
"""

import asyncio
import contextlib
import json
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from app.simulator import tenant
from app.simulator.server import Simulator
from app.ui import theme
from tests.desktop.screen import PATIENCE, Screen, until
from tests.e2e.fingers import Fingers
from tests.session.conftest import private_bus
from tests.session.panel import Panel, panel

ROOT = Path(__file__).parents[2]
SETTINGS = """\
[connection]
base_url = "{url}"
user_id = "{user}"
[hotkeys]
mask = "Ctrl+Alt+M"
unmask = "Ctrl+Alt+U"
toggle = "Ctrl+Alt+T"
show = "Ctrl+Alt+S"
"""
MASK, UNMASK, TOGGLE, SHOW = (
    ("ctrl", "alt", "m"),
    ("ctrl", "alt", "u"),
    ("ctrl", "alt", "t"),
    ("ctrl", "alt", "s"),
)

BUTTON_X = theme.WIDTH - 1 - theme.GAP - theme.BUTTON_WIDTH // 2
BUTTON_Y = 1 + theme.BAR_HEIGHT // 2
"""Where the button is in the window."""

T = TypeVar("T")


class Tray:
    """The panel, whose loop goes on in a thread while the test waits for something else."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._there = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._live()), name="panel", daemon=True)

    def __enter__(self) -> "Tray":
        self._thread.start()
        assert self._there.wait(PATIENCE), "the panel did not start"
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._closed.set)
        self._thread.join(PATIENCE)

    async def _live(self) -> None:
        self._loop, self._closed = asyncio.get_running_loop(), asyncio.Event()
        async with panel(self._address) as self._panel:
            self._there.set()
            await self._closed.wait()

    def do(self, work: Callable[[Panel], Awaitable[T]]) -> T:
        async def done() -> T:
            return await work(self._panel)

        return asyncio.run_coroutine_threadsafe(done(), self._loop).result(2 * PATIENCE)

    @property
    def items(self) -> list[str]:
        """All that ever registered."""
        return list(self._panel.items)

    def lines(self) -> list[str]:
        """What the menu says, line by line."""
        return self.do(lambda shown: shown.labels())

    def tooltip(self) -> str:
        return self.do(lambda shown: shown.tooltip())

    def click(self, label: str) -> None:
        self.do(lambda shown: shown.click(label))


@dataclass
class Desk:
    screen: Screen
    fingers: Fingers
    sim: Simulator
    tray: Tray
    folder: Path
    env: dict[str, str]
    starts: int = 0
    running: list["Bar"] = field(default_factory=list)

    def start(self) -> "Bar":
        """MaskBar, from the moment that it can be reached in each way."""
        self.starts += 1
        log = self.folder / f"maskbar-{self.starts}.log"
        settings = self.folder / "settings.toml"
        settings.write_text(SETTINGS.format(url=self.sim.url, user=tenant.USER_ID), encoding="utf-8")
        items, pings = len(self.tray.items), self.sim.world.log.keep_warm
        with (self.folder / f"maskbar-{self.starts}.trouble").open("w") as trouble:
            process = subprocess.Popen(
                (sys.executable, "-m", "app", "--settings", str(settings), "--log", str(log)),
                cwd=ROOT,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stderr=trouble,
            )
        bar = Bar(self, process)
        self.running.append(bar)

        def reachable() -> bool:
            assert process.poll() is None, f"it ended: {bar.trouble}"
            return (
                len(self.tray.items) > items
                and self.sim.world.log.keep_warm > pings
                and "hotkeys by" in log.read_text(encoding="utf-8")
            )

        until(reachable, "MaskBar can be reached in each way")
        until(lambda: "IsViewable" in self.screen.run("xwininfo", "-id", bar.window), "its window is shown")
        return bar

    def command(self, *words: str) -> tuple[int, str]:
        """`maskbar …` in a shell of this session: its exit code and what it printed."""
        done = subprocess.run(
            (sys.executable, "-m", "app", *words),
            cwd=ROOT,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=30,
        )
        return done.returncode, done.stdout.strip()

    def status(self) -> dict[str, Any]:
        """As other programs are told."""
        document: dict[str, Any] = json.loads(self.command("status", "--json")[1])
        return document

    @property
    def truth(self) -> str:
        return self.sim.world.recording()

    @property
    def asked(self) -> list[str]:
        """The masks and unmasks that reached the service."""
        requests = self.sim.world.truth()["requests"]
        return [request["op"] for request in requests if request["op"] in ("mask", "unmask")]

    def is_active(self, window: str) -> bool:
        """Whether it has the keyboard."""
        found = self.screen.run("xprop", "-root", "_NET_ACTIVE_WINDOW").split()[-1]
        return int(found, 16) == int(window)

    def expect(self, word: str, truth: str) -> None:
        """Each surface says this word, now or soon, and the recorder agrees."""
        (bar,) = [bar for bar in self.running if bar.process.poll() is None]
        until(lambda: bar.title == f"{word} · MaskBar", f"the window says {word}, not {bar.title!r}")
        assert self.truth == truth
        said = self.command("status")[1]
        assert said.startswith(word), said
        assert self.tray.tooltip().startswith(word)
        assert self.tray.lines()[0].startswith(word)


@dataclass
class Bar:
    """MaskBar, as it runs."""

    desk: Desk
    process: subprocess.Popen[bytes]
    _window: str = ""

    @property
    def window(self) -> str:
        """Its number."""

        def found() -> bool:
            titles = ((number, self._name(number)) for number in self.desk.screen.windows(self.process.pid))
            self._window = next((number for number, name in titles if name.endswith("· MaskBar")), "")
            return bool(self._window)

        if not self._window:
            until(found, "the window is there")
        return self._window

    def _name(self, window: str) -> str:
        return self.desk.screen.run("xdotool", "getwindowname", window).strip()

    @property
    def title(self) -> str:
        return self._name(self.window)

    @property
    def trouble(self) -> str:
        return (self.desk.folder / f"maskbar-{self.desk.starts}.trouble").read_text(encoding="utf-8")

    def click(self) -> None:
        """On the large button."""
        said = self.desk.screen.run("xdotool", "getwindowgeometry", "--shell", self.window)
        facts = dict(line.split("=") for line in said.split())
        self.desk.fingers.click(int(facts["X"]) + BUTTON_X, int(facts["Y"]) + BUTTON_Y)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@contextlib.contextmanager
def desk(screen: Screen, fingers: Fingers, sim: Simulator, folder: Path) -> Iterator[Desk]:
    """What MaskBar writes on stderr fails the test."""
    places = ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR")
    for place in places:
        (folder / place).mkdir(mode=0o700)
    with private_bus() as address, Tray(address) as tray:
        env = screen.env | {place: str(folder / place) for place in places}
        env |= {
            "DBUS_SESSION_BUS_ADDRESS": address,
            "DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={folder}/none",
            "MASKBAR_ACCESS_KEY_ID": tenant.ACCESS_KEY_ID,
            "MASKBAR_ACCESS_KEY_SECRET": tenant.ACCESS_KEY_SECRET,
        }
        env.pop("XDG_SESSION_TYPE", None)
        made = Desk(screen, fingers, sim, tray, folder, env)
        try:
            yield made
        finally:
            for bar in made.running:
                if bar.process.poll() is None:
                    bar.process.terminate()
                    bar.process.wait(10)
    for trouble in sorted(folder.glob("*.trouble")):
        assert trouble.read_text(encoding="utf-8") == ""
