"""What every test stands on: a home of its own, one loop, a log that may not warn, and nothing left behind.

The one rule: a test that passes has left no task, thread, connection or file of its own anywhere.

Reproducible: without MASKBAR_THOROUGH hypothesis derives its examples from the tests themselves, so a red run is red
again. With it (`dev.py test --thorough`) the search is long and random; its seed stands in the header of the run, and
`--hypothesis-seed N` brings it back.
"""

import asyncio
import gc
import logging
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from hypothesis import HealthCheck, settings
from PySide6.QtCore import QEvent
from PySide6.QtWidgets import QApplication
from qasync import QEventLoop

from app.adapters.loop import Loop

THOROUGH = os.environ.get("MASKBAR_THOROUGH") == "1"
PATIENCE = 5.0
"""Seconds for a thread or a connection that is being closed to be gone."""

_SLOW = [HealthCheck.too_slow, HealthCheck.filter_too_much]
settings.register_profile(
    "quick", max_examples=50, deadline=None, derandomize=True, print_blob=True, suppress_health_check=_SLOW
)
settings.register_profile(
    "thorough", max_examples=2_000, deadline=None, print_blob=True, suppress_health_check=_SLOW
)

LOUD = ("tests/journal/",)
"""Folders whose tests break disks and files all the time: they ask for the warnings that they want themselves."""

MARKERS = [
    "warns(logger, text): the logger `maskbar.…` is expected to warn with a message that contains the text",
    "mutant(id): a client that is broken on purpose is caught by the test of this guarantee",
    "leaves(what): why this test may leave threads or connections behind",
]


# A home of its own.

_homes: list[Path] = []


def _isolate() -> None:
    """Nothing is read from or written into the real home, and no locale of the machine's gets in."""
    old = Path.home()
    home = Path(tempfile.mkdtemp(prefix="maskbar-home-"))
    _homes.append(home)
    display_key = old / ".Xauthority"
    if "XAUTHORITY" not in os.environ and display_key.exists():
        os.environ["XAUTHORITY"] = str(display_key)
    places = {
        "HOME": "",
        "USERPROFILE": "",
        "APPDATA": "roaming",
        "LOCALAPPDATA": "local",
        "XDG_CONFIG_HOME": ".config",
        "XDG_DATA_HOME": ".local/share",
        "XDG_STATE_HOME": ".local/state",
        "XDG_CACHE_HOME": ".cache",
        "XDG_RUNTIME_DIR": "run",
    }
    for name, place in places.items():
        folder = home / place
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.environ[name] = str(folder)
    for name in [n for n in os.environ if n.startswith(("LC_", "MASKBAR_ACCESS", "SSLKEYLOG"))]:
        del os.environ[name]
    os.environ |= {"LC_ALL": "C.UTF-8", "LANG": "C.UTF-8", "LANGUAGE": "", "TZ": "UTC", "NO_AT_BRIDGE": "1"}
    os.environ["DBUS_SESSION_BUS_ADDRESS"] = (
        f"unix:path={home}/no-bus"  # tests that want a bus start their own
    )
    os.environ.pop("WAYLAND_DISPLAY", None)  # its socket was in the runtime folder that is hidden now
    if hasattr(time, "tzset"):
        time.tzset()


# A screen of its own for each of several workers: two windows on one screen take the focus from each other.

_screens: list[subprocess.Popen[bytes]] = []


def _own_screen() -> None:
    if "PYTEST_XDIST_WORKER" not in os.environ or "DISPLAY" not in os.environ or not shutil.which("Xvfb"):
        return
    told, tell = os.pipe()
    server = ["Xvfb", "-displayfd", str(tell), "-screen", "0", "1280x800x24", "-nolisten", "tcp"]
    _screens.append(subprocess.Popen(server, pass_fds=[tell], stderr=subprocess.DEVNULL))
    os.close(tell)
    with open(told, "rb") as number:  # noqa: PTH123  a descriptor, not a path
        os.environ["DISPLAY"] = f":{number.readline().decode().strip()}"
    os.environ.pop("XAUTHORITY", None)
    if shutil.which("openbox"):
        _screens.append(subprocess.Popen(["openbox"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    _isolate()
    _own_screen()
    for marker in MARKERS:
        config.addinivalue_line("markers", marker)
    settings.load_profile("thorough" if THOROUGH else "quick")
    if THOROUGH and config.getoption("hypothesis_seed", None) is None:
        config.option.hypothesis_seed = str(random.SystemRandom().randrange(2**32))


def pytest_report_header(config: pytest.Config) -> str:
    if THOROUGH:
        return f"maskbar: thorough; again with MASKBAR_THOROUGH=1 --hypothesis-seed={config.getoption('hypothesis_seed')}"
    return "maskbar: quick and derandomized: a red run is red again"


def pytest_unconfigure() -> None:
    while _screens:
        screen = _screens.pop()
        screen.terminate()
        screen.wait()
    while _homes:
        shutil.rmtree(_homes.pop(), ignore_errors=True)


# A log that may not warn.


class Warnings(logging.Handler):
    """Collects what `maskbar` warns of."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)

    def take(self, logger: str, text: str) -> bool:
        """Forget the expected ones. Whether there were any."""
        found = [r for r in self.records if r.name.startswith(logger) and text in r.getMessage()]
        self.records = [r for r in self.records if r not in found]
        return bool(found)


@pytest.fixture(autouse=True)
def log_warnings(request: pytest.FixtureRequest) -> Iterator[Warnings]:
    """A warning that nobody expects fails the test; one that is expected (marker `warns`) and does not come, too."""
    logger = logging.getLogger("maskbar")
    level, propagate, handlers = logger.level, logger.propagate, list(logger.handlers)
    warnings = Warnings()
    logger.addHandler(warnings)
    yield warnings
    # A test may have called `cli.main`, which sets the logger up for a whole program.
    for handler in [h for h in logger.handlers if h not in handlers]:
        logger.removeHandler(handler)
        handler.close()
    logger.setLevel(level)
    logger.propagate = propagate
    if request.node.nodeid.startswith(LOUD):
        return
    missing = [mark.args for mark in request.node.iter_markers("warns") if not warnings.take(*mark.args)]
    said = [f"{r.levelname} {r.name}: {r.getMessage()}" for r in warnings.records]
    assert not missing, f"expected in the log and not there: {missing}"
    assert not said, f"not expected in the log: {said}"


# Nothing left behind.


def _threads() -> set[threading.Thread]:
    # Python gives a stand-in to each foreign thread (Qt's) that ever called it, and never takes it back.
    return {t for t in threading.enumerate() if not isinstance(t, threading._DummyThread)}


_SELF = psutil.Process()


def _sockets() -> set[tuple[int, str]]:
    """Every socket of this process, the cheap way where there is one (psutil takes 13 ms a time)."""
    folder = Path("/proc/self/fd")
    if not folder.is_dir():
        return _connections()
    found = set()
    for entry in folder.iterdir():
        try:
            link = str(entry.readlink())
        except OSError:
            continue  # closed meanwhile: the list's own, too
        if link.startswith("socket:"):
            found.add((int(entry.name), link))
    return found


def _connections() -> set[tuple[int, str]]:
    return {(c.fd, str(c.laddr)) for c in _SELF.net_connections("inet")}


@pytest.fixture(autouse=True)
def nothing_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """No thread and no connection that was not there before. Servers of a whole session were."""
    threads, sockets = _threads(), _sockets()
    yield
    if request.node.get_closest_marker("leaves"):
        return

    def left() -> list[object]:
        fresh = {number for number, _ in _sockets() - sockets}
        # Qt opens sockets of its own when it likes, to the display and to the bus: only the network's count.
        connections = [c for c in _connections() if c[0] in fresh] if fresh else []
        return [*(_threads() - threads), *connections]

    wait_until(lambda: not left(), PATIENCE)
    assert not left(), f"left behind: {left()}"


def wait_until(reached: Callable[[], bool], within: float) -> bool:
    """Poll what cannot tell by itself, for at most `within` s. Whether it came about."""
    until = time.monotonic() + within
    while not reached():
        if time.monotonic() > until:
            return False
        time.sleep(0.01)
    return True


# One loop.

# WORKAROUND: when Python's collector finds a loop of qasync's, or a window, in a cycle while another thread (a server's)
# happens to run, it destroys Qt objects in that thread, their timers stay registered, and Qt crashes when one fires. So loops are kept, and in tests with a loop garbage is collected
# by hand. The program has one loop and one window, both kept to its end.
_loops: list[QEventLoop] = []
_make_loop = QEventLoop.__init__


def _make_and_keep(self: QEventLoop, *args: object, **kwargs: object) -> None:
    _make_loop(self, *args, **kwargs)
    _loops.append(self)


QEventLoop.__init__ = _make_and_keep


@pytest.fixture
def loop(qapp: QApplication) -> Iterator[QEventLoop]:
    """asyncio on Qt's loop, as the program has it. Synchronous tests drive it: `loop.run_until_complete(story())`.

    Once per test: after it qasync handles waiting events without being the running loop, and a controller that is still
    alive could not set its timer there. An error in a callback, or a task that is left, fails the test.
    """
    qapp.setQuitOnLastWindowClosed(False)
    gc.disable()
    gc.freeze()  # so that collecting looks only at what this test has made
    loop = Loop(qapp)
    asyncio.set_event_loop(loop)
    errors: list[str] = []
    loop.set_exception_handler(lambda _loop, context: errors.append(_told(context)))
    try:
        yield loop
        left = [task.get_name() for task in asyncio.all_tasks(loop)]
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.run_until_complete(loop.shutdown_default_executor())
    finally:
        loop.close()
        asyncio.set_event_loop(None)
        collect(qapp)
        gc.unfreeze()
        gc.enable()
    assert not left, f"tasks left behind: {left}"
    assert not errors, f"errors in callbacks: {errors}"


def collect(app: QApplication) -> None:
    """Destroy what is done with, here and now, in the thread that it lives in."""
    app.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    gc.collect()


def _told(context: dict[str, object]) -> str:
    return f"{context.get('message')}: {context.get('exception')!r}"


if sys.platform == "linux" and not (os.environ.get("DISPLAY") or os.environ.get("QT_QPA_PLATFORM")):
    os.environ["QT_QPA_PLATFORM"] = "offscreen"  # a plain `pytest` on a machine without a display
