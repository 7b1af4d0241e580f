"""MaskBar beside the form that the agent types into: only when it is asked for does the keyboard go there."""

from tests.desktop.screen import Form, until
from tests.e2e.desk import SHOW, Desk


def test_a_click_leaves_keyboard_and_caret_in_the_form(agent: Desk, customer: Form) -> None:
    bar = agent.start()
    agent.fingers.type("ab")
    agent.fingers.keys("Left")
    bar.click()
    agent.fingers.type("x")
    agent.expect("MASKED", "masked")
    agent.fingers.type("y")
    customer.expect("axyb")
    assert not agent.is_active(bar.window)


def test_shown_by_hotkey_or_command_it_has_the_keyboard_until_escape(agent: Desk, customer: Form) -> None:
    bar = agent.start()
    agent.fingers.type("a")
    agent.fingers.keys(*SHOW)
    until(lambda: agent.is_active(bar.window), "it has the keyboard")
    agent.fingers.keys("space")
    agent.expect("MASKED", "masked")
    agent.fingers.keys("Escape")
    until(lambda: not agent.is_active(bar.window), "Escape gives it back")
    agent.fingers.type("b")
    customer.expect("ab")

    agent.screen.run("xdotool", "windowminimize", "--sync", bar.window)
    assert agent.command("show")[0] == 0
    until(lambda: agent.is_active(bar.window), "it comes with the keyboard")
    agent.fingers.keys("Escape")
    until(lambda: not agent.is_active(bar.window), "Escape gives it back")
    agent.fingers.type("c")
    customer.expect("abc")
    assert agent.asked == ["mask"]
