"""A display of the tests' own with a window manager, somebody else's window on it, and real keys."""

import contextlib
import os
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

FORM = Path(__file__).with_name("form.py")
PATIENCE = 10.0
"""Seconds: only a failing test waits that long."""


def until(true: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline, f"not within {PATIENCE} s: {what}"
        time.sleep(0.01)


@contextlib.contextmanager
def child(
    *command: str, env: dict[str, str], pass_fds: tuple[int, ...] = (), cwd: Path | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, pass_fds=pass_fds, cwd=cwd
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@dataclass(frozen=True, slots=True)
class Screen:
    display: str
    server: subprocess.Popen[bytes]

    @property
    def env(self) -> dict[str, str]:
        env = {k: v for k, v in os.environ.items() if k not in {"WAYLAND_DISPLAY", "XAUTHORITY"}}
        return env | {"DISPLAY": self.display, "QT_QPA_PLATFORM": "xcb", "LC_ALL": "C.UTF-8"}

    def run(self, *command: str) -> str:
        return subprocess.run(
            command, env=self.env, check=True, capture_output=True, text=True, timeout=30
        ).stdout

    def keys(self, *words: str) -> None:
        """Real key events (XTEST): `keys("keydown", "ctrl", "key", "m")`."""
        self.run("xdotool", *words)

    def windows(self, process: int) -> list[str]:
        """The numbers of the windows that a process shows."""
        found = subprocess.run(
            ("xdotool", "search", "--onlyvisible", "--pid", str(process)),
            env=self.env,
            capture_output=True,
            text=True,
            timeout=30,
        )
        return found.stdout.split()

    def layout(self, *words: str) -> None:
        self.run("setxkbmap", *words)


@contextlib.contextmanager
def screen(*more: str, manager: bool = True) -> Iterator[Screen]:
    reading, writing = os.pipe()
    plain = dict(os.environ)
    options = ("-displayfd", str(writing), "-screen", "0", "800x600x24", "-nolisten", "tcp", "-noreset")
    with contextlib.ExitStack() as stack:
        stack.callback(os.close, reading)
        server = stack.enter_context(child("Xvfb", *options, *more, env=plain, pass_fds=(writing,)))
        os.close(writing)
        assert select.select([reading], [], [], 30)[0], "Xvfb did not start"
        made = Screen(f":{os.read(reading, 16).decode().strip()}", server)
        made.layout("us")
        if manager:
            stack.enter_context(child("openbox", "--sm-disable", env=made.env))
            check = ("xprop", "-root", "_NET_SUPPORTING_WM_CHECK")
            until(lambda: "window id" in made.run(*check), "openbox manages the screen")
        yield made


class Form:
    """The customer's form: somebody else's window, which has the focus."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def text(self) -> str:
        return self._path.read_text(encoding="utf-8")

    def clear(self) -> None:
        self._path.with_suffix(".clear").touch()
        until(lambda: self.text == "", "the form is empty")

    def expect(self, text: str) -> None:
        until(lambda: self.text == text, f"{text!r} in the form, which has {self.text!r}")


@contextlib.contextmanager
def form(on: Screen, folder: Path) -> Iterator[Form]:
    path = folder / "form.txt"
    with child(sys.executable, str(FORM), str(path), env=on.env):
        until(path.exists, "the form has the focus")
        yield Form(path)
