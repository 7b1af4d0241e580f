"""The start: what is painted first, before anything is known; what follows; and an end that comes in between.

The one rule: a start is watched from inside its own process, by what was painted, and ended at a named moment of it.
"""

import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.core.picture import STARTING
from tests.pages import Page, Pages, Seen
from tests.stories.test_processes import START, Running, own_home, running, unix

WATCHED = """
import os, signal, sys
from PySide6.QtCore import QEvent, QObject, QTimer
from PySide6.QtWidgets import QApplication
from app import cli
from app.ui import window as ui

moment, *arguments = sys.argv[1:]

def terminate():
    os.kill(os.getpid(), signal.SIGTERM)

def desktop_quits():  # as macOS does, or the end of a session
    QApplication.sendEvent(QApplication.instance(), QEvent(QEvent.Type.Quit))

class Paints(QObject):
    def eventFilter(self, window, event):
        if event.type() == QEvent.Type.Paint:
            print("painted", window.word.text(), window.button.isEnabled(), "app.compose" in sys.modules, sep="|", flush=True)
            if moment == "SIGTERM while painting":
                terminate()
        return False

def build(window, *given):
    make(window, *given)
    window.installEventFilter(Paints(window))
    at_once = {"closed at once": window.close, "quit at once": desktop_quits, "SIGTERM at once": terminate}
    if moment in at_once:
        QTimer.singleShot(0, at_once[moment])

make, ui.Window.__init__ = ui.Window.__init__, build

class Loading:
    def find_spec(self, name, path, target=None):
        if moment == f"SIGTERM while {name} is loaded":
            terminate()

sys.meta_path.insert(0, Loading())
sys.exit(cli.main(arguments))
"""
MOMENTS = (
    "closed at once",
    "quit at once",
    "SIGTERM at once",
    "SIGTERM while painting",
    "SIGTERM while app.compose is loaded",
    "SIGTERM while app.controller is loaded",
    "SIGTERM while app.surfaces is loaded",
)


@pytest.fixture
def folder() -> Iterator[Path]:
    """With a short name: the window's socket lies in it."""
    with tempfile.TemporaryDirectory(prefix="mb-") as name:
        yield Path(name)


def signs_in_and_masks(request: Seen) -> Page:
    if request.target.startswith("/authentication"):
        return Page(200, b'{"access_token": "t", "expires_in": 3600}')
    return Page(403 if request.method == "GET" else 200)


@contextmanager
def started(folder: Path, url: str) -> Iterator[Running]:
    file = folder / "settings.toml"
    file.write_text(f'[connection]\nbase_url = "{url}"\nuser_id = "1"\n', encoding="utf-8")
    key = {"MASKBAR_ACCESS_KEY_ID": "id", "MASKBAR_ACCESS_KEY_SECRET": "secret"}
    with running(folder, "-c", WATCHED, "", "--settings", str(file), **key) as program:
        yield program


def painted(program: Running) -> Iterator[tuple[str, bool, bool]]:
    """The word of each picture, whether the button could be pressed, and whether more than the window was loaded."""
    assert program.process.stdout
    for line in program.process.stdout:
        said, *values = line.rstrip("\n").split("|")
        if said == "painted":
            word, enabled, loaded = values
            yield word, enabled == "True", loaded == "True"


def known(program: Running) -> tuple[list[tuple[str, bool, bool]], str]:
    """The pictures until something was known, and the first word of what was."""
    starting: list[tuple[str, bool, bool]] = []
    for picture in painted(program):
        if picture[0] != STARTING.word:
            return starting, picture[0]
        starting.append(picture)
    raise AssertionError("it ended")


def maskbar(folder: Path, verb: str) -> int:
    command = [sys.executable, "-m", "app", verb]
    return subprocess.run(command, env=own_home(folder), capture_output=True, timeout=START).returncode


@unix
def test_the_first_picture_claims_nothing_and_waits_for_nothing(folder: Path) -> None:
    with Pages(signs_in_and_masks) as pages, started(folder, pages.url) as program:
        starting, word = known(program)
        assert starting[0] == (STARTING.word, False, False)
        assert word == "NOT MASKED"
        program.process.send_signal(signal.SIGTERM)
        assert program.ends(START) == (0, "")


@unix
@pytest.mark.guarantee("G14")
def test_a_run_that_ended_masked_is_never_followed_by_not_masked(folder: Path) -> None:
    with Pages(signs_in_and_masks) as pages:
        with started(folder, pages.url) as program:
            known(program)
            until = time.monotonic() + START
            while maskbar(folder, "mask"):  # it opens its door a moment after its first picture
                assert time.monotonic() < until
            program.process.kill()
            program.process.communicate()
        with started(folder, pages.url) as program:
            starting, word = known(program)
            assert starting[0] == (STARTING.word, False, False)
            assert word == "UNKNOWN"


@unix
@pytest.mark.parametrize("moment", MOMENTS)
def test_an_end_during_the_start_is_a_clean_end(folder: Path, moment: str) -> None:
    with running(folder, "-c", WATCHED, moment, "demo") as program:
        assert program.ends(START) == (0, "")  # stderr is the simulator's, too: it ends when that has ended
