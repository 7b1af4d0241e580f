"""The process ends at any point of the writing: what was said to be durable is there, and the end is seen."""

import asyncio
import re
import shutil
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from app.adapters.journal_last_run import Ended, LastRun
from tests.journal.desk import Desk

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL there")


def child(folder: Path, kill_at: int, broken: str = "") -> tuple[int, list[tuple[int, str]], int]:
    """Its exit code, what it said is durable (sequence, phase), and how many points it passed if it lived."""
    folder.mkdir()
    command = [sys.executable, "-m", "tests.journal.child", str(folder), str(kill_at), *broken.split()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    said = [(int(n), phase) for n, phase in re.findall(r"durable (\d+) (\S+)", done.stdout)]
    points = re.search(r"points (\d+)", done.stdout)
    return done.returncode, said, int(points[1]) if points else 0


def lost(folder: Path, said: list[tuple[int, str]]) -> list[int]:
    """What was said to be durable and is not there (or not as it was said)."""
    desk = Desk(folder / "journal.sqlite")
    kept = {sequence: record for (sequence, *_), record in zip(desk.rows(), desk.records(), strict=True)}
    cut = desk.anchor().sequence
    return [
        sequence
        for sequence, phase in said
        if sequence > cut and (sequence not in kept or kept[sequence].get("phase", "-") != phase)
    ]


def reopened(folder: Path) -> tuple[LastRun, Desk]:
    desk = Desk(folder / "journal.sqlite")

    async def run() -> LastRun:
        async with desk.journal(run="run-after") as journal:
            return journal.last_run

    return asyncio.run(run()), desk


@pytest.mark.guarantee("G13")
@pytest.mark.guarantee("G27")
def test_killed_at_every_point_of_the_writing(tmp_path: Path) -> None:
    code, all_said, points = child(tmp_path / "whole", 0)
    assert code == 0
    assert len(all_said) == 15
    assert points > 50
    assert (
        Desk(tmp_path / "whole" / "journal.sqlite").anchor().sequence > 10
    )  # retention's cut is among the points

    def one(at: int) -> str:
        folder = tmp_path / f"at-{at}"
        code, said, _ = child(folder, at)
        assert code == -signal.SIGKILL, at
        if said:
            assert lost(folder, said) == [], at
        last, desk = reopened(folder)
        assert desk.verdict().bad is None, at
        if said:
            assert last.ended is Ended.UNCLEAN or at >= points - 1, at  # after the stop record's commit
            # What was told last, or what was written after it and could not be told any more.
            told = max(sequence for sequence, _ in said)
            possible = [phase for sequence, phase in sorted(all_said) if sequence >= told]
            before = [phase for sequence, phase in sorted(all_said) if sequence <= told and phase != "-"]
            assert last.phase is not None, at
            assert last.phase.value in [*possible, *before[-1:], "masking"], at  # an intent is a pending mask
            if possible[0] not in ("-", "unmasked"):
                assert not last.settled, at
        shutil.rmtree(folder)
        return "unclean" if last.ended is Ended.UNCLEAN else last.ended.value

    with ThreadPoolExecutor(3) as pool:
        ends = list(pool.map(one, range(1, points + 1)))
    print(f"\nkilled at {points} points; runs found unclean: {ends.count('unclean')}")


@pytest.mark.guarantee("G27")
def test_a_journal_that_tells_before_the_commit_is_caught(tmp_path: Path) -> None:
    """The broken client of the test above."""
    caught = 0
    for at in (8, 12, 16, 20):
        folder = tmp_path / f"eager-{at}"
        _, said, _ = child(folder, at, "eager")
        caught += bool(said and lost(folder, said))
    assert caught > 0


# A killed process loses nothing that the operating system has: only its calls show whether the disk was asked.


def told_before_the_disk_was_asked(folder: Path, broken: str = "") -> tuple[int, int]:
    """How many records were told as durable, and how many of them without an fsync of the -wal file before."""
    folder.mkdir()
    trace = folder / "trace"
    command = ["strace", "-f", "-y", "-e", "trace=pwrite64,fdatasync,fsync,write", "-o", str(trace)]
    command += [sys.executable, "-m", "tests.journal.child", str(folder), "0", *broken.split()]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    told = early = 0
    dirty = False
    for line in trace.read_text().splitlines():
        if "pwrite64(" in line and "journal.sqlite-wal>" in line:
            dirty = True
        elif re.search(r"f(data)?sync(\(| resumed).*= 0", line) and "journal" in line + "journal" * (
            "resumed" in line
        ):
            dirty = False
        elif '"durable ' in line:
            told += 1
            early += dirty
    return told, early


@pytest.mark.guarantee("G27")
@pytest.mark.skipif(shutil.which("strace") is None, reason="strace sees the calls")
def test_the_disk_was_asked_before_a_record_is_called_durable(tmp_path: Path) -> None:
    assert told_before_the_disk_was_asked(tmp_path / "whole") == (15, 0)
    told, early = told_before_the_disk_was_asked(tmp_path / "off", "off")
    assert told == 15
    assert early > 10  # the broken client: without synchronous=FULL the same look finds it
