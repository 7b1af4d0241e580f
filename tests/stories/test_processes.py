"""The program as a process of its own: how it begins, how it ends, what it leaves, and what it says of bad settings.

The one rule: an end is clean when the exit code is right, nothing stands on stderr and no child is left.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from PySide6.QtGui import QImage

from app.core.states import Phase
from app.core.view import WORDS
from app.ui.theme import BLOCK_WIDTH, COLOURS
from tests.pages import Page, Pages, Seen

ROOT = Path(__file__).resolve().parents[2]
START = 20.0
"""Seconds for a process to come up on a busy machine."""
CLEAN = ["-W", "error", "-X", "faulthandler"]

unix = pytest.mark.skipif(sys.platform == "win32", reason="there are no such signals on Windows")


def own_home(folder: Path, **more: str) -> dict[str, str]:
    """An environment with nothing of another test's in it: the journal of a killed program speaks to the next."""
    places = (
        "HOME",
        "XDG_CONFIG_HOME",
        "XDG_DATA_HOME",
        "XDG_STATE_HOME",
        "XDG_RUNTIME_DIR",
        "APPDATA",
        "LOCALAPPDATA",
    )
    for place in places:
        (folder / place).mkdir(mode=0o700, exist_ok=True)
    return {
        **os.environ,
        **{place: str(folder / place) for place in places},
        "PYTHONUNBUFFERED": "1",
        "DBUS_SESSION_BUS_ADDRESS": f"unix:path={folder}/no-bus",
        **more,
    }


def coming(reached: Callable[[], bool], within: float = START) -> None:
    until = time.monotonic() + within
    while not reached():
        assert time.monotonic() < until, "it did not come"
        time.sleep(0.02)


@dataclass
class Running:
    process: subprocess.Popen[str]
    log: Path

    def logged(self, text: str) -> bool:
        return self.log.exists() and text in self.log.read_text(encoding="utf-8")

    def children(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def ends(self, within: float) -> tuple[int, str]:
        """Exit code and what stands on stderr."""
        _, stderr = self.process.communicate(timeout=within)
        return self.process.returncode, stderr


@contextmanager
def running(folder: Path, *command: str, **more: str) -> Iterator[Running]:
    log = folder / "maskbar.log"
    process = subprocess.Popen(
        [sys.executable, *CLEAN, *command],
        cwd=ROOT,
        env=own_home(folder, **more),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield Running(process, log)
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()


@contextmanager
def demo(folder: Path) -> Iterator[Running]:
    """`maskbar demo`, from the moment that its window is there and it has signed in."""
    with running(folder, "-m", "app", "--log", str(folder / "maskbar.log"), "demo") as program:
        coming(lambda: program.logged("signed in"))
        yield program


def gone(children: list[psutil.Process]) -> None:
    _, alive = psutil.wait_procs(children, timeout=5)
    assert not alive, f"left behind: {alive}"


# How it ends.


@pytest.fixture(scope="module", autouse=True)
def _begin_the_tours(tours: "Tours") -> None:
    """They take 20 s, and wait for most of it: the other tests of this file run meanwhile."""


@unix
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_a_signal_ends_it_cleanly_and_its_simulator_with_it(tmp_path: Path, number: signal.Signals) -> None:
    with demo(tmp_path) as program:
        children = program.children()
        assert children
        program.process.send_signal(number)
        assert program.ends(5) == (0, "")
        gone(children)


@unix
def test_a_kill_ends_its_simulator_too(tmp_path: Path) -> None:
    with demo(tmp_path) as program:
        children = program.children()
        assert children
        program.process.kill()
        program.process.communicate()
        gone(children)


CLOSED = """
import sys
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
from app.cli import main
from app.ui.window import Window

def close():
    windows = [w for w in QApplication.topLevelWidgets() if isinstance(w, Window) and w.button.isEnabled()]
    if not windows:
        QTimer.singleShot(20, close)
    for window in windows:
        window.close()

app = QApplication([])
QTimer.singleShot(20, close)
sys.exit(main(["demo"]))
"""


def test_closing_the_window_of_an_unmasked_call_ends_it_cleanly(tmp_path: Path) -> None:
    with running(tmp_path, "-c", CLOSED) as program:
        assert program.ends(START) == (0, "")


def black_hole(request: Seen) -> Page:
    """Signs in everybody, and never answers a mask."""
    if request.target.startswith("/authentication"):
        return Page(200, b'{"access_token": "t", "expires_in": 3600}')
    return Page(hang=True) if request.method == "POST" else Page()


@unix
@pytest.mark.guarantee("G14")
def test_it_ends_within_3_s_while_a_mask_is_never_answered(tmp_path: Path) -> None:
    """Wished by a command in a second process, as another program would."""
    settings = tmp_path / "settings.toml"
    with Pages(black_hole) as pages:
        settings.write_text(f'[connection]\nbase_url = "{pages.url}"\nuser_id = "1"\n', encoding="utf-8")
        window = ["-m", "app", "--settings", str(settings), "--log", str(tmp_path / "maskbar.log")]
        keys = {"MASKBAR_ACCESS_KEY_ID": "id", "MASKBAR_ACCESS_KEY_SECRET": "secret"}
        with running(tmp_path, *window, **keys) as program:
            coming(lambda: program.logged("signed in"))
            coming(lambda: wished(tmp_path))
            coming(lambda: any("/mask?" in request.target for request in pages.seen))
            began = time.monotonic()
            program.process.send_signal(signal.SIGTERM)
            assert program.ends(10) == (0, "")
            assert time.monotonic() - began < 3.0


def wished(folder: Path) -> bool:
    """`maskbar mask --wait 0`. Whether a window heard it: its commands come some time after its first paint."""
    command = [sys.executable, *CLEAN, "-m", "app", "mask", "--wait", "0"]
    done = subprocess.run(command, cwd=ROOT, env=own_home(folder), capture_output=True, timeout=START)
    return done.returncode == 3  # pending


# Bad settings.

GOOD = '[connection]\nbase_url = "https://api.example"\nuser_id = "12345"\n'
BAD = {
    "not TOML": ("[connection\n", "", "is not TOML"),
    "not UTF-8": (b"\xff\xfe\x00", "", "is not UTF-8"),
    "empty": ("", "connection.base_url", "expected"),
    "an unknown section": ("[conection]\n", "conection", "unknown; expected one of connection"),
    "an unknown key": (
        '[connection]\nbase_ur = "x"\n',
        "connection.base_ur",
        "unknown; expected one of base_url",
    ),
    "a wrong type": ("[connection]\nuser_id = 5\n", "connection.user_id", "expected a text in quotes"),
    "a section that is a value": ("connection = 1\n", "connection", "expected a section"),
    "http outside loopback": (
        '[connection]\nbase_url = "http://api.example"\nuser_id = "1"\n',
        "connection.base_url",
        "must begin with https://",
    ),
    "no address at all": (
        '[connection]\nbase_url = "api.example"\nuser_id = "1"\n',
        "connection.base_url",
        "must begin with https://",
    ),
    "an empty user id": (
        '[connection]\narea = "na1"\nuser_id = ""\n',
        "connection.user_id",
        "expected a text in quotes",
    ),
    "no user id": ('[connection]\narea = "na1"\n', "connection.user_id", "expected"),
    "a number out of bounds": (
        GOOD + "[masking]\ndeadline = 1e9\n",
        "masking.deadline",
        "expected seconds from",
    ),
    "a number that is a text": (GOOD + '[masking]\ndeadline = "5"\n', "masking.deadline", "expected seconds"),
}


def refused(folder: Path, file: Path) -> str:
    done = subprocess.run(
        [sys.executable, *CLEAN, "-m", "app", "--settings", str(file)],
        cwd=ROOT,
        env=own_home(folder, MASKBAR_ACCESS_KEY_ID="id", MASKBAR_ACCESS_KEY_SECRET="secret"),
        capture_output=True,
        text=True,
        timeout=START,
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert str(file) in done.stderr
    return done.stderr


@pytest.mark.parametrize(("text", "key", "expected"), BAD.values(), ids=BAD.keys())
def test_bad_settings_are_one_line_and_the_file_is_not_touched(
    tmp_path: Path, text: str | bytes, key: str, expected: str
) -> None:
    file = tmp_path / "settings.toml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    before = (file.read_bytes(), file.stat().st_mtime_ns)
    line = refused(tmp_path, file)
    assert f"{file}: {key}" in line
    assert expected in line
    assert (file.read_bytes(), file.stat().st_mtime_ns) == before


def test_settings_that_are_not_there(tmp_path: Path) -> None:
    file = tmp_path / "nowhere.toml"
    assert "there is no such file; expected" in refused(tmp_path, file)
    assert not file.exists()


def test_a_folder_instead_of_settings(tmp_path: Path) -> None:
    assert "cannot be read" in refused(tmp_path, tmp_path)


# The tour.

BROKEN_TOUR = """
import sys
from pathlib import Path
from app.compose import open_tour
from tests.fakes import BelievesAccepted
sys.exit(open_tour(Path(sys.argv[1]), wrap=BelievesAccepted))
"""


@dataclass
class Tours:
    """Both at once, since they wait most of the time."""

    right: Running
    wrong: Running
    folder: Path


@pytest.fixture(scope="module")
def tours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tours]:
    folder = tmp_path_factory.mktemp("tours")
    for name in ("right", "wrong", "home-right", "home-wrong"):
        (folder / name).mkdir()
    right = running(folder / "home-right", "-m", "app", "demo", "--tour", str(folder / "right"))
    wrong = running(folder / "home-wrong", "-c", BROKEN_TOUR, str(folder / "wrong"))
    with right as one, wrong as other:
        yield Tours(one, other, folder)


def test_the_tour_is_safe_and_its_pictures_show_each_state(tours: Tours) -> None:
    said, stderr = tours.right.process.communicate(timeout=90)
    assert (tours.right.process.returncode, stderr) == (0, ""), said
    told = json.loads((tours.folder / "right" / "tour.json").read_text(encoding="utf-8"))
    assert told["lies"] == []
    assert len(told["steps"]) >= 8
    phases = {word: phase for phase, word in WORDS.items()}
    seen = set()
    for step in told["steps"]:
        assert step["safe"]
        assert not (step["card"] and step["truth"] == "recorded")
        phase = next(phase for word, phase in phases.items() if step["shown"].startswith(word))
        seen.add(phase)
        check_picture(tours.folder / "right" / step["picture"], phase)
    assert seen == set(Phase)


def check_picture(path: Path, phase: Phase) -> None:
    """Not of one colour; the block has the state's colour, with the white shape on it."""
    image = QImage(str(path))
    assert image.width() > 300
    assert image.height() > 60
    block = {image.pixelColor(x, y).name().upper() for x in range(2, BLOCK_WIDTH) for y in range(2, 78)}
    assert COLOURS[phase].block in block, f"{path.name}: {sorted(block)[:5]}"
    assert "#FFFFFF" in block
    right = {
        image.pixelColor(x, y).name()
        for x in range(BLOCK_WIDTH + 2, image.width(), 2)
        for y in range(2, 78, 2)
    }
    assert len(right) > 10, f"{path.name}: no words in it"


@pytest.mark.guarantee("G02")
@pytest.mark.mutant("G02")
def test_the_tour_fails_a_client_that_believes_a_202(tours: Tours) -> None:
    said, stderr = tours.wrong.process.communicate(timeout=90)
    assert (tours.wrong.process.returncode, stderr) == (1, ""), said
    told = json.loads((tours.folder / "wrong" / "tour.json").read_text(encoding="utf-8"))
    assert told["lies"] or not all(step["safe"] for step in told["steps"])
    assert "NOT TRUE" in said or " NO" in said
