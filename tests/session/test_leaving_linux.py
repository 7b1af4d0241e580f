"""G14: whoever ends MaskBar while the call may be masked, it ends within 3 s, network or not, and leaves a record."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.desktop.screen import Screen, screen
from tests.session.children import ROOT, Child, start

WITHIN = 3.0
"""Seconds."""


def environment(on: Screen, folder: Path) -> dict[str, str]:
    nowhere = f"unix:path={folder}/none"
    return on.env | {"DBUS_SESSION_BUS_ADDRESS": nowhere, "DBUS_SYSTEM_BUS_ADDRESS": nowhere}


def reach(program: Child, phase: str) -> None:
    """The call is masked, or on its way to it, and then the cable is pulled."""
    if phase == "masked":
        program.order("press")
        program.expect("masked")
        program.order("cable")
    else:
        program.order("cable")
        program.order("press")
        program.expect("masking")


def ended_after(program: Child, act: Callable[[], None]) -> float:
    began = time.monotonic()
    act()
    program.process.wait(10)
    return time.monotonic() - began


def records(journal: Path) -> list[dict[str, Any]]:
    """As `maskbar audit export` gives them to an auditor."""
    command = (sys.executable, "-m", "app", "audit", "export", "--journal", str(journal), "--format", "jsonl")
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [json.loads(line) for line in said.splitlines()]


@pytest.mark.guarantee("G14")
@pytest.mark.parametrize(
    ("phase", "number"),
    [("masked", signal.SIGTERM), ("masking", signal.SIGTERM), ("masking", signal.SIGINT)],
)
def test_a_signal_ends_it_in_time_and_leaves_a_record(
    desktop: Screen, tmp_path: Path, phase: str, number: signal.Signals
) -> None:
    journal = tmp_path / "journal.sqlite"
    env = environment(desktop, tmp_path)
    with start("program_child", str(journal), "60", env=env, folder=tmp_path) as program:
        reach(program, phase)
        took = ended_after(program, lambda: program.process.send_signal(number))
        assert took < WITHIN
    assert orderly(records(journal), phase)


@pytest.mark.mutant("G14")
def test_an_end_without_a_record_would_be_seen(desktop: Screen, tmp_path: Path) -> None:
    journal = tmp_path / "journal.sqlite"
    env = environment(desktop, tmp_path)
    with start("program_child", str(journal), "60", env=env, folder=tmp_path, killed=True) as program:
        reach(program, "masked")
        program.process.kill()
        program.process.wait(10)
    assert not orderly(records(journal), "masked")


def orderly(found: list[dict[str, Any]], phase: str) -> bool:
    """The last record says that MaskBar ended, and how it left the call."""
    last = found[-1]
    return (last["kind"], last.get("phase"), last.get("operation")) == ("stop", phase, "mask")


@pytest.mark.guarantee("G14")
def test_a_display_that_goes_away_leaves_what_was_known(tmp_path: Path) -> None:
    """A log-off under X11: the session takes the X server away, and Qt ends the process there and then."""
    journal = tmp_path / "journal.sqlite"
    with screen() as own:
        env = environment(own, tmp_path)
        with start("program_child", str(journal), "60", env=env, folder=tmp_path, killed=True) as program:
            reach(program, "masked")
            assert ended_after(program, own.server.terminate) < WITHIN
    found = records(journal)
    states = [record for record in found if record["kind"] == "state"]
    assert states[-1]["phase"] == "masked"


@pytest.mark.guarantee("G14")
def test_leaving_by_hand_asks_first(desktop: Screen, tmp_path: Path) -> None:
    journal = tmp_path / "journal.sqlite"
    env = environment(desktop, tmp_path)
    with start("program_child", str(journal), "60", env=env, folder=tmp_path) as program:
        reach(program, "masked")
        program.order("leave")
        program.expect("asked The call is still masked. Without MaskBar nobody reminds you to unmask it.")
        assert program.process.poll() is None
