"""All surfaces pressed at random, on a service that is slow and fails now and then: never two requests at once, and
when a press has settled, window, tray, tooltip, `status` and accessible text say the same, and the truth.
"""

import contextlib
import os

import pytest

from tests.e2e.desk import Desk
from tests.e2e.mixed import DifferentError, mixed

THOROUGH = os.environ.get("MASKBAR_THOROUGH") == "1"
PRESSES, SECONDS = (10_000, 3_600.0) if THOROUGH else (1_000, 10.0)


@pytest.mark.guarantee("G05")
@pytest.mark.guarantee("G21")
def test_random_presses_on_all_surfaces(agent: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    with mixed(agent) as program:
        program.play(PRESSES, SECONDS)
    overlaps, requests = agent.sim.world.truth()["overlaps_total"], agent.sim.world.truth()["requests_total"]
    each = ", ".join(f"{count} by {surface}" for surface, count in program.presses.most_common())
    with capsys.disabled():
        print(
            f"\n{program.presses.total()} presses ({each}), {requests} requests, {program.compared} comparisons"
        )
    assert overlaps == 0
    assert len(program.presses) >= 4
    assert program.compared >= program.presses.total() / 4
    if THOROUGH:
        assert program.presses.total() >= PRESSES


@pytest.mark.mutant("G21")
@pytest.mark.parametrize(
    ("broken", "seen"),
    [
        ("caching tray", "tooltip: "),
        ("caching menu", "the menu's state: "),
        ("caching status", "status: "),
        ("caching name", "accessible name: "),
    ],
    ids=["tray", "menu", "status", "name"],
)
def test_a_surface_that_keeps_its_words_is_caught(agent: Desk, broken: str, seen: str) -> None:
    with mixed(agent, broken) as program, pytest.raises(DifferentError, match=f"^{seen}[^;]*$"):
        program.mask_and_stay()


@pytest.mark.mutant("G05")
def test_a_client_that_does_not_wait_for_its_answer_is_caught(agent: Desk) -> None:
    with mixed(agent, "two at once") as program, contextlib.suppress(AssertionError):
        program.play(60, 5.0)
    assert agent.sim.world.truth()["overlaps_total"] > 0
