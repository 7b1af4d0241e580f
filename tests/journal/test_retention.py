"""Old records go from the old end only, by a record that says so, and never by a wrong clock."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from app.adapters import journal_retention, journal_writer
from app.core.audit import Head, Kind
from app.core.ports import Wish
from tests.journal.desk import DAY, NOON, Desk, entry, until


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_writer, "QUIET", 0.01)
    monkeypatch.setattr(journal_retention, "EACH", 20)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / "journal" / "journal.sqlite")


def write(desk: Desk, count: int, run: str = "run-a", **more: float) -> None:
    async def run_it() -> None:
        async with desk.journal(run=run) as journal:
            for number in range(count):
                await journal.put(
                    entry(Kind.ATTEMPT, desk.clock, run, operation=Wish.MASK, ticket=number, **more)
                )

    asyncio.run(run_it())


def tidy(desk: Desk, run: str, wanted: int) -> None:
    """A run that lives until its quiet moments have cut up to `wanted` (0: until they had the time to)."""

    async def run_it() -> None:
        async with desk.journal(run=run):
            if wanted:
                await until(lambda: desk.anchor().sequence >= wanted)
            else:
                await asyncio.sleep(0.3)

    asyncio.run(run_it())


@pytest.mark.guarantee("G28")
def test_twelve_months_are_kept_and_the_rest_is_cut_with_a_record(desk: Desk) -> None:
    write(desk, 30)  # 32 records
    head = Head(32, desk.rows()[-1][2])
    desk.clock.move(200 * DAY)
    write(desk, 10, "run-b")  # 12
    early = Head(44, desk.rows()[-1][2])
    desk.clock.move(170 * DAY)
    tidy(desk, "run-c", 32)
    said = [record for record in desk.records() if record["kind"] == "retention"]
    assert [record["amount"] for record in said] == [20, 12]
    assert desk.rows()[0][0] == 33
    assert desk.anchor() == head
    verdict = desk.verdict(early)
    assert (verdict.bad, verdict.head_seen) == (None, True)
    assert desk.verdict(head).head_seen is True
    # Whoever cuts more by hand is found.
    assert desk.rows()[0][0] == 33


def test_nothing_young_is_cut(desk: Desk) -> None:
    write(desk, 30)
    desk.clock.move(360 * DAY)
    tidy(desk, "run-b", 0)
    assert desk.anchor().sequence == 0


def test_a_clock_that_is_years_ahead_cuts_nothing(desk: Desk) -> None:
    """The service's Date says what time it is."""
    write(desk, 30, server_time=NOON)
    desk.clock.move(15 * 365 * DAY)
    tidy(desk, "run-b", 0)
    tidy(desk, "run-c", 0)
    assert desk.anchor().sequence == 0


def test_a_cut_stops_at_the_first_young_record_whatever_stands_behind_it(desk: Desk) -> None:
    write(desk, 5)
    desk.clock = replace(desk.clock, now=NOON + 300 * DAY)
    write(desk, 5, "run-b")
    desk.clock = replace(desk.clock, now=NOON)  # a clock that was put back
    write(desk, 5, "run-c")
    desk.clock = replace(desk.clock, now=NOON + 400 * DAY)
    tidy(desk, "run-d", 7)
    assert desk.anchor().sequence == 7
    assert desk.verdict().bad is None


def test_another_time_can_be_asked_for(desk: Desk) -> None:
    write(desk, 5)
    desk.clock.move(40 * DAY)

    async def run_it() -> None:
        async with desk.journal(run="run-b", keep_for=30 * DAY):
            await until(lambda: desk.anchor().sequence == 7)

    asyncio.run(run_it())
