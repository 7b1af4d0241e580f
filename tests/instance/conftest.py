"""Sessions: an environment of its own for each, with windows as processes and commands against them."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.adapters.instance_line import Line
from app.adapters.instance_place import Place, linux_place
from app.adapters.instance_words import Request

ROOT = Path(__file__).resolve().parents[2]


class Window:
    """A window as a process; see window.py."""

    def __init__(self, session: "Session", *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.instance.window", *arguments],
            cwd=ROOT,
            env=session.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def end(self) -> tuple[str, str]:
        """What it printed since, when it has ended by itself."""
        return self.process.communicate(timeout=10)

    def kill(self) -> None:
        """With the processes that it made."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        if self.process.stdout and not self.process.stdout.closed:
            self.process.communicate(timeout=10)


class Session:
    """One login: a runtime folder and a display."""

    def __init__(self, runtime: Path, display: str = ":0") -> None:
        self.runtime = runtime
        self.environ = {**os.environ, "XDG_RUNTIME_DIR": str(runtime), "DISPLAY": display}
        self.windows: list[Window] = []
        self.place: Place = linux_place(self.environ, os.geteuid(), "host")

    def close_for_others(self) -> None:
        """After a window has opened its folder for all: commands would look for it elsewhere."""
        self.runtime.chmod(0o700)
        Path(self.place.folder).chmod(0o700)

    def window(self, *arguments: str, says: str = "ready") -> Window:
        window = Window(self, *arguments)
        self.windows.append(window)
        said = window.line()
        assert said == says, (said, window.process.communicate())
        return window

    def maskbar(self, *arguments: str) -> tuple[int, str, str]:
        """Exit code, stdout, stderr."""
        done = subprocess.run(
            [sys.executable, "-m", "app", *arguments],
            cwd=ROOT,
            env=self.environ,
            capture_output=True,
            text=True,
            timeout=20,
        )
        return done.returncode, done.stdout, done.stderr


def ask(session: Session, request: Request) -> list[dict[str, object]]:
    """All that the window answers, without a process for the command."""
    with Line(session.place, request) as line:
        return list(line.answers())


def agent(session: Session) -> object:
    """The window of this session tells itself apart by its agent."""
    told = ask(session, Request("status"))[0]["status"]
    assert isinstance(told, dict)
    return told["agent"]


@pytest.fixture
def session() -> Iterator[Session]:
    """Under /tmp, and short: a socket's path has a length."""
    runtime = Path(tempfile.mkdtemp(prefix="mb-"))
    made = Session(runtime)
    yield made
    for window in made.windows:
        window.kill()
    shutil.rmtree(runtime, ignore_errors=True)
