"""kill -9 while the call is masked, and a new start: everything is free again, and nothing is taken for granted."""

import pytest

from tests.desktop.screen import until
from tests.e2e.desk import MASK, UNMASK, Desk

NOT_RUNNING = 6


@pytest.mark.guarantee("G13")
def test_killed_while_masked_it_starts_unknown_on_every_surface_and_sends_nothing(agent: Desk) -> None:
    first = agent.start()
    agent.fingers.keys(*MASK)
    agent.expect("MASKED", "masked")
    first.kill()
    assert agent.command("status")[0] == NOT_RUNNING

    agent.start()  # the lock is free, and its item is in the tray again
    assert len(set(agent.tray.items)) == 2
    agent.expect("UNKNOWN", "masked")
    assert agent.status()["card"] is False
    assert {"Mask", "Unmask"} <= set(agent.tray.lines())
    assert agent.asked == ["mask"]
    agent.fingers.keys(*UNMASK)  # the combination is free again
    agent.expect("NOT MASKED", "recorded")
    # Twice, with a pause: the first run's mask might have been on its way still, and have come after the unmask.
    assert agent.asked == ["mask", "unmask", "unmask"]


def test_a_second_start_raises_the_first_and_is_no_second_window(agent: Desk) -> None:
    bar = agent.start()
    agent.screen.run("xdotool", "windowminimize", "--sync", bar.window)
    code, said = agent.command("--settings", str(agent.folder / "settings.toml"))
    assert (code, said) == (0, "NOT MASKED. Do not take card details.")
    until(lambda: agent.is_active(bar.window), "the first window comes, with the keyboard")
    assert len(agent.tray.items) == 1
