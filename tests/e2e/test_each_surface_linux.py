"""Each way to MaskBar drives a whole call: mask, masked, unmask. After each step all of them say the same, and the
recorder agrees.
"""

import time

from tests.desktop.screen import Form
from tests.e2e.desk import MASK, TOGGLE, UNMASK, Desk

GUARD = 0.55
"""Seconds: a click on Unmask sooner than that is the second half of a double-click."""


def test_the_button_by_mouse(agent: Desk) -> None:
    bar = agent.start()
    agent.expect("NOT MASKED", "recorded")
    bar.click()
    agent.expect("MASKED", "masked")
    time.sleep(GUARD)
    bar.click()
    agent.expect("NOT MASKED", "recorded")
    assert agent.asked == ["mask", "unmask"]


def test_the_hotkeys_from_the_customer_s_form(agent: Desk, customer: Form) -> None:
    agent.start()
    agent.fingers.type("ab")
    agent.fingers.keys(*MASK)
    agent.expect("MASKED", "masked")
    agent.fingers.type("cd")
    agent.fingers.keys(*UNMASK)
    agent.expect("NOT MASKED", "recorded")
    agent.fingers.keys(*TOGGLE)
    agent.expect("MASKED", "masked")
    agent.fingers.type("ef")
    time.sleep(GUARD)
    agent.fingers.keys(*TOGGLE)
    agent.expect("NOT MASKED", "recorded")
    assert agent.asked == ["mask", "unmask"] * 2
    customer.expect("abcdef")


def test_the_tray_s_menu(agent: Desk) -> None:
    agent.start()
    assert "Unmask" not in agent.tray.lines()
    agent.tray.click("Mask")
    agent.expect("MASKED", "masked")
    assert "Mask" not in agent.tray.lines()
    agent.tray.click("Unmask")
    agent.expect("NOT MASKED", "recorded")
    assert agent.asked == ["mask", "unmask"]


def test_the_command_line(agent: Desk) -> None:
    agent.start()
    assert agent.command("mask") == (0, "MASKED 0:00. You can take the card now.")
    agent.expect("MASKED", "masked")
    assert agent.status()["card"] is True
    assert agent.command("unmask") == (0, "NOT MASKED. Do not take card details.")
    agent.expect("NOT MASKED", "recorded")
    assert agent.status()["card"] is False
    assert agent.asked == ["mask", "unmask"]
