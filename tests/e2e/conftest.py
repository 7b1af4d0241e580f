"""One display with a window manager and one simulator for all of them; a session bus with a panel for each test."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.simulator.server import Simulator, serve_in_thread

if sys.platform == "linux":
    from tests.desktop.screen import Form, Screen, form, screen
    from tests.e2e.desk import Desk, desk
    from tests.e2e.fingers import Fingers
else:
    collect_ignore_glob = ["test_*"]


@pytest.fixture(scope="session")
def whole_screen() -> "Iterator[Screen]":
    with screen() as made:
        yield made


@pytest.fixture(scope="session")
def fingers(whole_screen: "Screen") -> "Iterator[Fingers]":
    with Fingers(whole_screen.display) as made:
        yield made


@pytest.fixture(scope="session")
def _served() -> Iterator[Simulator]:
    with serve_in_thread() as sim:
        yield sim


@pytest.fixture
def sim(_served: Simulator) -> Simulator:
    """With a recorded call, and nothing asked yet."""
    _served.world.reset()
    _served.world.start_call()
    return _served


@pytest.fixture
def agent(whole_screen: "Screen", fingers: "Fingers", sim: Simulator, tmp_path: Path) -> "Iterator[Desk]":
    """An agent's desk, without a program on it."""
    with desk(whole_screen, fingers, sim, tmp_path) as made:
        yield made


@pytest.fixture
def customer(agent: "Desk", tmp_path: Path) -> "Iterator[Form]":
    """The customer's form, which has the keyboard."""
    with form(agent.screen, tmp_path) as opened:
        yield opened
