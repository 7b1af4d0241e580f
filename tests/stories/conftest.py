"""One served simulator for all stories, as new for each, and the theatre that plays them."""

from collections.abc import Iterator

import pytest
from PySide6.QtWidgets import QApplication
from qasync import QEventLoop

from app.simulator.server import Simulator, serve_in_thread
from tests.stories.stage import Theatre


@pytest.fixture(scope="session")
def _served() -> Iterator[Simulator]:
    with serve_in_thread() as sim:
        yield sim


@pytest.fixture
def sim(_served: Simulator) -> Simulator:
    _served.world.reset()
    return _served


@pytest.fixture
def theatre(loop: QEventLoop, qapp: QApplication, sim: Simulator) -> Theatre:
    return Theatre(loop, qapp, sim)
