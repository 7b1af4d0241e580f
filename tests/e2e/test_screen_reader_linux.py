"""What is heard over a real accessibility bus is what window, tray and `status` say, in each state."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.desktop.screen import child, until
from tests.e2e.desk import MASK, UNMASK, Desk

LAUNCHER = Path("/usr/libexec/at-spi-bus-launcher")
PYTHON = "/usr/bin/python3"
READER = """
import json, gi
gi.require_version("Atspi", "2.0")
from gi.repository import Atspi

def listen(thing):
    if thing.get_state_set().contains(Atspi.StateType.SHOWING):
        said.append((thing.get_name(), thing.get_description()))
        for number in range(thing.get_child_count()):
            listen(thing.get_child_at_index(number))

said, desktop = [], Atspi.get_desktop(0)
for number in range(desktop.get_child_count()):
    program = desktop.get_child_at_index(number)
    if program and program.get_name() == "MaskBar":
        listen(program)
print(json.dumps(said))
"""
"""For the system's Python, which has the bindings: name and description of each thing of ours that is shown."""


def there() -> bool:
    has_bindings = (PYTHON, "-c", "import gi; gi.require_version('Atspi', '2.0')")
    return LAUNCHER.exists() and subprocess.run(has_bindings, capture_output=True).returncode == 0


@pytest.fixture
def listening(agent: Desk) -> Iterator[Desk]:
    if not there():
        pytest.skip("no at-spi2-core, gir1.2-atspi-2.0 or python3-gi on this machine")
    agent.env["QT_LINUX_ACCESSIBILITY_ALWAYS_ON"] = "1"
    with child(str(LAUNCHER), "--launch-immediately", env=agent.env):
        until((agent.folder / "XDG_RUNTIME_DIR" / "at-spi").exists, "the accessibility bus is there")
        yield agent


def heard(agent: Desk) -> list[tuple[str, str]]:
    """The program, its window, and what is in it."""
    command = (PYTHON, "-c", READER)
    said = subprocess.run(
        command, env=agent.env, capture_output=True, text=True, timeout=30, check=True
    ).stdout
    return [(name, description) for name, description in json.loads(said.splitlines()[-1])]


def compare(agent: Desk, word: str, button: str) -> None:
    """The clock may tick between two readings; not each time."""
    tried = []
    for _ in range(3):
        spoken = agent.command("status")[1].splitlines()[0]
        _program, (window, _), *things = heard(agent)
        names = {name for name, _ in things}
        tooltip = agent.tray.tooltip().splitlines()
        said = {spoken, window, dict(things)[button], tooltip[0], agent.tray.lines()[0]}
        if said == {spoken} and spoken.startswith(word) and {word, *tooltip[1:]} <= names:
            return
        tried.append((said, tooltip, names))
    raise AssertionError(tried)


@pytest.mark.guarantee("G21")
def test_what_is_heard_is_what_is_shown(listening: Desk) -> None:
    agent = listening
    agent.start()
    compare(agent, "NOT MASKED", "Mask")
    agent.fingers.keys(*MASK)
    agent.expect("MASKED", "masked")
    compare(agent, "MASKED", "Unmask")
    agent.fingers.keys(*UNMASK)
    agent.expect("NOT MASKED", "recorded")
    agent.sim.world.turn(
        {"script": {"mask": [{"status": 400, "effect": False, "message": "Not now, please."}]}}
    )
    agent.tray.click("Mask")
    until(lambda: "Not now" in agent.tray.tooltip(), "the refusal is told")
    compare(agent, "NOT MASKED", "Mask")
