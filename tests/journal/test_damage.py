"""Bytes of the journal's files are torn, flipped or replaced: never a crash, never an overwritten byte, always seen."""

import asyncio
import os
import random
import shutil
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from app.adapters.journal_last_run import LastRun
from app.core.audit import Fault, Head, Kind
from app.core.ports import Wish
from app.core.states import Phase
from tests.journal.desk import NOON, Desk, entry, fill, in_the_file, state, until

TIMES = 400 if os.environ.get("MASKBAR_THOROUGH") else 60


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / "journal" / "journal.sqlite")


def masked_and_ended(desk: Desk) -> None:
    """A journal whose last run was masked; the folder's files as a killed process leaves them, -wal and all."""
    copy = desk.path.parent.with_name("as-killed")

    async def before() -> None:
        # These are in the database; what follows is in the -wal file.
        async with desk.journal(run="run-0") as journal:
            await asyncio.gather(
                *(journal.put(entry(Kind.REMINDER, run="run-0", amount=n)) for n in range(40))
            )

    async def run() -> None:
        async with desk.journal() as journal:
            for number in range(10):
                await journal.put(entry(Kind.REMINDER, amount=number))
            await journal.put(state(Phase.MASKED, masked_since=NOON - 60))
            shutil.copytree(desk.path.parent, copy)

    asyncio.run(before())
    asyncio.run(run())
    shutil.rmtree(desk.path.parent)
    copy.rename(desk.path.parent)


def again(desk: Desk) -> LastRun:
    async def run() -> LastRun:
        async with desk.journal(run="run-b") as journal:
            await journal.put(entry(Kind.INTENT, run="run-b", correlation="afterwards"))
            return journal.last_run

    return asyncio.run(run())


def aside(desk: Desk, why: str = "corrupt") -> list[Path]:
    return sorted(desk.path.parent.glob(f"journal-{why}-*"))


@pytest.mark.guarantee("G13")
@pytest.mark.parametrize(
    "junk", [b"this is no database", b"SQLite format 3\0" + bytes(4080), os.urandom(10_000)]
)
def test_what_is_no_journal_is_set_aside_with_its_bytes(desk: Desk, junk: bytes) -> None:
    masked_and_ended(desk)
    desk.path.write_bytes(junk)
    wal = desk.path.with_name("journal.sqlite-wal").read_bytes()
    last = again(desk)
    kept = {path.name.rpartition("sqlite")[2]: path.read_bytes() for path in aside(desk)}
    assert kept[""] == junk
    assert kept["-wal"] == wal
    assert last.doubtful
    assert not last.settled
    assert (last.phase, last.wish, last.masked_since) == (
        Phase.MASKED,
        Wish.MASK,
        NOON - 60,
    )  # out of the -wal file
    assert [trouble.fault for trouble in desk.troubles if trouble] == [Fault.CORRUPT]
    assert desk.kinds() == ["start", "fault", "intent", "stop"]
    assert desk.records()[0]["phase"] == "masked"
    assert desk.verdict().bad is None


@pytest.mark.guarantee("G13")
@pytest.mark.parametrize("what", ["emptied", "removed", "all removed", "another database"])
def test_a_journal_that_is_gone_is_never_a_clean_start(desk: Desk, what: str) -> None:
    masked_and_ended(desk)
    wal = desk.path.with_name("journal.sqlite-wal")
    match what:
        case "emptied":
            desk.path.write_bytes(b"")
        case "removed":
            desk.path.unlink()
        case "all removed":
            desk.path.unlink()
            wal.unlink()
        case _:
            wal.unlink()
            desk.path.unlink()
            with closing(sqlite3.connect(desk.path)) as database:
                database.execute("CREATE TABLE other (thing)")
    last = again(desk)
    assert last.doubtful
    assert not last.settled
    if what in ("emptied", "removed"):
        assert last.phase is Phase.MASKED
    assert desk.verdict().bad is None


def test_two_damages_in_one_second_are_both_kept(desk: Desk) -> None:
    for number in range(3):
        desk.path.parent.mkdir(exist_ok=True)
        desk.path.write_bytes(b"no database %d" % number)
        again(desk)
    kept = [path.read_bytes() for path in aside(desk) if path.suffix == ".sqlite"]
    assert sorted(kept) == [b"no database 0", b"no database 1", b"no database 2"]


def flip(data: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(data))
    return data[:at] + bytes([data[at] ^ chance.randrange(1, 256)]) + data[at + 1 :]


def tear(data: bytes, chance: random.Random) -> bytes:
    """A sector that was not written, or the end of the file."""
    at = chance.randrange(0, len(data), 512)
    return data[:at] if chance.random() < 0.3 else data[:at] + bytes(512) + data[at + 512 :]


@pytest.mark.guarantee("G13")
@pytest.mark.guarantee("G28")
@pytest.mark.parametrize("damage", [flip, tear])
def test_damaged_anywhere_it_opens_again_and_nothing_is_lost_unseen(
    desk: Desk, damage: Callable[[bytes, random.Random], bytes]
) -> None:
    masked_and_ended(desk)
    original = {path: path.read_bytes() for path in desk.path.parent.iterdir()}
    good = Desk(desk.path)
    head = Head(len(good.rows()), good.rows()[-1][2])
    before = good.rows()
    chance = random.Random(5)
    outcomes = {"as before": 0, "set aside": 0, "verified bad": 0}
    for _ in range(TIMES):
        for path in desk.path.parent.iterdir():
            path.unlink()
        for path, data in original.items():
            path.write_bytes(data)
        hurt = chance.choice([desk.path, desk.path.with_name("journal.sqlite-wal")])
        hurt.write_bytes(damage(original[hurt], chance))
        desk.troubles.clear()
        last = again(desk)
        assert any(b'"afterwards"' in data for _, data, _ in desk.rows())
        if aside(desk):
            outcomes["set aside"] += 1
            assert not last.settled
            assert desk.verdict().bad is None
        elif desk.rows()[: len(before)] == before:
            outcomes["as before"] += 1  # it met a byte that nobody reads
            assert last.phase is Phase.MASKED
            assert desk.verdict(head).bad is None
        else:
            outcomes["verified bad"] += 1
            assert desk.verdict(head).bad is not None
            assert not last.settled
    print(f"\n{damage.__name__}: {outcomes}")


@pytest.mark.guarantee("G28")
def test_changes_by_somebody_with_sqlite_are_found(desk: Desk) -> None:
    """On the real file; the 10,000 are in tests/core/test_audit.py."""
    # ruff: noqa: S608  a number of our own in each statement
    fill(desk.path, 300)
    head = Head(300, desk.rows()[-1][2])
    assert desk.verdict(head).bad is None
    chance = random.Random(7)
    whole = desk.path.read_bytes()
    for _ in range(TIMES):
        at = chance.randrange(1, 301)
        statement, first = chance.choice(
            [
                (f"DELETE FROM record WHERE sequence = {at}", at),
                (f"DELETE FROM record WHERE sequence >= {at}", at),
                (f"UPDATE record SET mac = randomblob(32) WHERE sequence = {at}", at),
                (f"UPDATE record SET body = CAST(body AS TEXT) || ' ' WHERE sequence = {at}", at),
                (f"UPDATE record SET sequence = sequence + 1000 WHERE sequence = {at}", at),
                (f"INSERT INTO anchor VALUES ({at}, (SELECT mac FROM record WHERE sequence = {at}))", 1),
            ]
        )
        in_the_file(desk.path, statement)
        verdict = desk.verdict(head)
        assert verdict.bad == (at + 1 if "INTO anchor" in statement else first), statement
        desk.path.write_bytes(whole)


@pytest.mark.guarantee("G27")
@pytest.mark.skipif(sys.platform == "win32", reason="an open file cannot be removed there")
@pytest.mark.parametrize("how", ["removed", "moved"])
def test_a_journal_that_is_taken_away_while_it_is_written(desk: Desk, how: str, tmp_path: Path) -> None:
    async def run() -> None:
        async with desk.journal() as journal:
            await journal.put(state(Phase.MASKED, masked_since=NOON))
            for end in ("", "-wal", "-shm"):
                path = desk.path.with_name(desk.path.name + end)
                path.unlink() if how == "removed" else path.rename(tmp_path / path.name)
            assert await journal.put(entry(Kind.INTENT, correlation="afterwards")) > 0
            assert [trouble.fault for trouble in desk.troubles if trouble] == [Fault.GONE]

    asyncio.run(run())
    # The new journal knows what is the case now.
    assert desk.kinds() == ["start", "fault", "intent", "stop"]
    assert desk.records()[0]["phase"] == "masked"
    assert desk.verdict().bad is None


@pytest.mark.guarantee("G27")
def test_a_journal_that_is_damaged_while_it_is_written(desk: Desk) -> None:
    fill(desk.path, 3000)

    async def run() -> None:
        async with desk.journal() as journal:
            await journal.put(state(Phase.MASKED, masked_since=NOON))
            size = desk.path.stat().st_size
            with desk.path.open("r+b") as file:
                file.write(b"\xff" * size)
            for end in ("-wal", "-shm"):
                with desk.path.with_name(desk.path.name + end).open("r+b") as file:
                    file.write(b"\xff" * 65536)
            journal.put(entry(Kind.INTENT, correlation="afterwards"))
            await until(lambda: bool(desk.troubles))
            await asyncio.sleep(0.1)
            assert journal.trouble is None

    asyncio.run(run())
    assert [trouble.fault for trouble in desk.troubles if trouble] == [Fault.CORRUPT]
    assert aside(desk)
    assert "intent" in desk.kinds()
    assert desk.verdict().bad is None
