"""The whole program, every rule, whatever the agent, the service, the network and the calls do; and the broken ones.

The one rule: a broken client is caught by the very machine that the real one survives.
"""

import gc

import pytest
from PySide6.QtWidgets import QApplication
from qasync import QEventLoop

from app import controller
from app.simulator.server import Simulator
from tests.conftest import THOROUGH, Warnings
from tests.stories.broken import BROKEN, Step
from tests.stories.shift import House

SHIFTS = 300 if THOROUGH else 6
STEPS = 30 if THOROUGH else 10
LONGEST_SEARCH = 40
"""Shifts within which each broken client must be caught."""


@pytest.fixture
def house(loop: QEventLoop, qapp: QApplication, sim: Simulator) -> House:
    gc.collect()
    return House(loop, qapp, sim)


@pytest.mark.guarantee("G01")
@pytest.mark.guarantee("G02")
@pytest.mark.guarantee("G03")
@pytest.mark.guarantee("G04")
@pytest.mark.guarantee("G05")
@pytest.mark.guarantee("G06")
@pytest.mark.guarantee("G07")
@pytest.mark.guarantee("G08")
@pytest.mark.guarantee("G09")
@pytest.mark.guarantee("G10")
def test_all_rules_hold_over_the_whole_program(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    house.explore(SHIFTS, STEPS)
    with capsys.disabled():
        print(f" [{house.shifts} shifts, {house.steps} steps] ", end="")


@pytest.mark.parametrize(
    "step",
    [
        pytest.param(step, id=name, marks=pytest.mark.mutant(guarantee))
        for name, (step, guarantee) in BROKEN.items()
    ],
)
def test_broken_clients_are_caught(
    house: House,
    monkeypatch: pytest.MonkeyPatch,
    step: Step,
    capsys: pytest.CaptureFixture[str],
    log_warnings: Warnings,
) -> None:
    monkeypatch.setattr(controller, "step", step)
    house.enough = True
    try:
        house.explore(LONGEST_SEARCH, STEPS)
    except Exception:  # noqa: BLE001  hypothesis wraps what it finds in errors of its own
        # Hypothesis plays it again; in real time it need not fail a second time. `found` is what counts.
        assert house.found
    log_warnings.records.clear()  # a broken client may well be warned of, too
    with capsys.disabled():
        print(f" [{house.shifts} shifts, {house.steps} steps: {house.found[:1]}] ", end="")
    assert house.found, "a broken client was not caught"
