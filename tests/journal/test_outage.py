"""G29: a disk that is gone for a day loses no record, and its return brings them in the order in which they came."""

import asyncio
from pathlib import Path

import pytest

from app.core.audit import Kind
from tests.journal.desk import Desk, entry, until

DAY = 24 * 60
"""Minutes; a record for each."""


def in_order_and_all(amounts: list[object]) -> bool:
    """Each at least once, and none after a later one."""
    first_seen = list(dict.fromkeys(amounts))
    return first_seen == list(range(DAY))


def written_through_an_outage(desk: Desk) -> list[object]:
    desk.path.parent.write_text("a file stands where the journal's folder should be")

    async def run() -> None:
        async with desk.journal() as journal:
            for minute in range(DAY):
                journal.put(entry(Kind.REMINDER, desk.clock, amount=minute))
                desk.clock.move(60.0)
                await asyncio.sleep(0)
            assert journal.trouble is not None
            desk.path.parent.unlink()
            await until(lambda: journal.trouble is None)

    asyncio.run(run())
    return [record["amount"] for record in desk.records() if record["kind"] == "reminder"]


@pytest.mark.guarantee("G29")
def test_24_hours_without_a_disk_lose_no_record(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "journal" / "journal.sqlite")
    assert in_order_and_all(written_through_an_outage(desk))
    assert desk.verdict().bad is None


@pytest.mark.guarantee("G29")
def test_a_journal_with_too_little_room_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The broken client: it forgets what does not fit."""
    monkeypatch.setattr("app.adapters.journal.ROOM", 100)
    assert not in_order_and_all(written_through_an_outage(Desk(tmp_path / "journal" / "journal.sqlite")))
