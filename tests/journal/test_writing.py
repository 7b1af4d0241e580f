"""Records in, in order, durable before anybody is told; and how the run before ended."""

import asyncio
import os
import sqlite3
import stat
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from app.adapters.journal import NOT_WRITTEN, ROOM, Journal
from app.adapters.journal_faults import Trouble
from app.adapters.journal_file import JournalFile
from app.adapters.journal_last_run import Ended
from app.adapters.journal_names import boot, new_run
from app.core.audit import Entry, Fault, Kind, card_like
from app.core.ports import Wish
from app.core.states import Phase
from tests.journal.desk import NOON, Desk, entry, in_the_file, state

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")  # for the one test on Qt's loop


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / "journal" / "journal.sqlite")


def faults(desk: Desk) -> list[Fault | None]:
    return [trouble.fault if trouble else None for trouble in desk.troubles]


def test_records_are_written_in_order_between_start_and_stop(desk: Desk) -> None:
    async def run() -> None:
        async with desk.journal() as journal:
            assert await journal.put(entry(Kind.INTENT, operation=Wish.MASK)) == 2
            assert await journal.put(state(Phase.MASKED, masked_since=NOON)) == 3

    asyncio.run(run())
    assert desk.kinds() == ["start", "intent", "state", "stop"]
    assert desk.records()[-1]["phase"] == "masked"
    assert desk.verdict().bad is None
    assert desk.troubles == []


@pytest.mark.guarantee("G27")
def test_durable_means_that_another_connection_reads_it_at_once(desk: Desk) -> None:
    async def run() -> None:
        async with desk.journal() as journal:
            for ticket in range(30):
                assert await journal.durable(entry(Kind.INTENT, ticket=ticket), within=5)
                assert desk.records()[-1]["ticket"] == ticket

    asyncio.run(run())


@pytest.mark.guarantee("G27")
def test_the_file_is_written_with_an_fsync_at_each_commit(desk: Desk) -> None:
    """A process that is killed loses nothing with synchronous=OFF either: only this look can tell, short of a power cut."""
    seen: dict[str, object] = {}

    def look(point: str) -> None:
        if point == "begin":
            database = journal_file[0].database
            for pragma in ("synchronous", "journal_mode", "wal_autocheckpoint"):
                seen[pragma] = database.execute(f"PRAGMA {pragma}").fetchone()[0]

    journal_file: list[JournalFile] = []

    async def run() -> None:
        from app.adapters.journal_key import file_key, key_file
        from tests.journal.desk import scene

        journal = Journal(desk.path, file_key(key_file(desk.path)), desk.clock, scene(), at_point=look)
        journal_file.append(journal._writer.file)
        await journal.start()
        await journal.close()

    asyncio.run(run())
    assert seen == {"synchronous": 2, "journal_mode": "wal", "wal_autocheckpoint": 0}


def test_a_burst_is_one_transaction_not_one_for_each(desk: Desk) -> None:
    points: list[str] = []

    async def run() -> None:
        async with desk.journal(at_point=points.append) as journal:
            await journal.put(entry(Kind.INTENT))
            points.clear()
            await asyncio.gather(*(journal.put(entry(Kind.REMINDER, amount=n)) for n in range(500)))

    asyncio.run(run())
    assert points.count("inserted") == 501  # and the stop record
    assert points.count("committed") <= 10
    assert [record.get("amount") for record in desk.records()[2:-1]] == list(range(500))


def test_folder_and_files_are_for_this_user_alone(desk: Desk) -> None:
    if sys.platform == "win32":
        pytest.skip("the profile's access list does this there")

    async def run() -> list[str]:
        async with desk.journal() as journal:
            await journal.put(entry(Kind.INTENT))
            assert stat.S_IMODE(desk.path.parent.stat().st_mode) == 0o700
            return [oct(stat.S_IMODE(p.stat().st_mode)) for p in desk.path.parent.glob("journal.[sk]*")]

    assert set(asyncio.run(run())) == {"0o600"}


# The loop is never held up.


@pytest.mark.guarantee("G27")
def test_a_slow_disk_holds_up_neither_the_loop_nor_a_request(desk: Desk) -> None:
    hold = threading.Event()
    hold.set()

    def slow(point: str) -> None:
        if point == "commit":
            hold.wait(5)

    async def run() -> None:
        async with desk.journal(at_point=slow) as journal:
            await journal.put(entry(Kind.INTENT))
            hold.clear()
            began = time.perf_counter()
            assert not await journal.durable(entry(Kind.INTENT, ticket=1))
            took = time.perf_counter() - began
            assert 0.04 < took < 0.5  # 50 ms, and a busy machine's delay
            assert faults(desk) == [Fault.SLOW]
            assert journal.trouble is None  # it is told, and does not last
            hold.set()
            assert await journal.durable(entry(Kind.INTENT, ticket=2), within=5)

    asyncio.run(run())
    assert [r.get("ticket") for r in desk.records() if r["kind"] == "intent"] == [None, 1, 2]
    assert [r["fault"] for r in desk.records() if r["kind"] == "fault"] == ["slow"]


@pytest.mark.guarantee("G27")
def test_a_disk_that_hangs_for_ever_holds_up_neither_start_nor_end(desk: Desk) -> None:
    forever = threading.Event()

    def hang(point: str) -> None:
        if point == "opened":
            forever.wait(20)

    async def run() -> None:
        began = time.perf_counter()
        journal = Journal(
            desk.path, lambda: (bytes(32), True), desk.clock, entry(Kind.START).scene, at_point=hang
        )
        last = await journal.start(within=0.05)
        assert last.doubtful
        assert not last.settled
        assert not await journal.durable(entry(Kind.INTENT), within=0.05)
        assert not await journal.close(within=0.1)
        assert time.perf_counter() - began < 1.0

    asyncio.run(run())
    forever.set()


def test_more_than_can_wait_is_lost_and_counted(desk: Desk) -> None:
    hold = threading.Event()
    hold.set()

    async def run() -> None:
        async with desk.journal(
            at_point=lambda p: hold.wait(10) and None if p == "begin" else None
        ) as journal:
            await journal.put(entry(Kind.INTENT))
            hold.clear()
            journal.put(entry(Kind.INTENT))
            futures = [journal.put(entry(Kind.REMINDER)) for _ in range(ROOM + 20)]
            assert futures[-1].done()
            assert futures[-1].result() == NOT_WRITTEN
            assert faults(desk) == [Fault.LOST]
            hold.set()
            await asyncio.gather(*futures)
            await until_recorded(journal)

    async def until_recorded(journal: Journal) -> None:
        await journal.put(entry(Kind.REMINDER))

    asyncio.run(run())
    lost = [record for record in desk.records() if record.get("fault") == "lost"]
    assert [record["amount"] for record in lost] == [21]
    assert desk.verdict().bad is None


def test_nothing_is_put_after_the_end(desk: Desk) -> None:
    async def run() -> None:
        async with desk.journal() as journal:
            pass
        assert await journal.put(entry(Kind.INTENT)) == NOT_WRITTEN
        assert not await journal.durable(entry(Kind.INTENT))
        assert await journal.close()

    asyncio.run(run())
    assert desk.kinds() == ["start", "stop"]


@pytest.mark.warns("maskbar.journal", "could not be written down")
def test_a_record_that_cannot_be_written_down_does_not_stop_the_others(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    async def run() -> None:
        async with desk.journal() as journal:
            await journal.put(entry(Kind.INTENT, ticket="not a number"))
            await journal.put(entry(Kind.INTENT, ticket=2))

    asyncio.run(run())
    assert desk.kinds() == ["start", "fault", "intent", "stop"]
    assert "could not be written down" in caplog.text


def test_it_works_on_qts_loop(desk: Desk, qapp: object) -> None:
    import qasync

    async def run() -> None:
        async with desk.journal() as journal:
            for ticket in range(20):
                assert await journal.durable(entry(Kind.INTENT, ticket=ticket), within=5)

    with qasync.QEventLoop(qapp) as loop:
        loop.run_until_complete(run())
    assert len(desk.records()) == 22


# Append only.


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE record SET body = x'00' WHERE sequence = 1",
        "DELETE FROM record WHERE sequence = 1",
        "DELETE FROM record",
        "INSERT OR REPLACE INTO record VALUES (1, x'00', x'00')",
        "UPDATE anchor SET sequence = 9",
        "DELETE FROM anchor",
        "INSERT INTO anchor VALUES (1, x'00')",
    ],
)
def test_the_file_itself_refuses_to_change_what_is_written(desk: Desk, statement: str) -> None:
    async def run() -> None:
        async with desk.journal() as journal:
            await journal.put(entry(Kind.INTENT))

    asyncio.run(run())
    with closing(sqlite3.connect(desk.path, isolation_level=None)) as database:
        database.execute("INSERT INTO anchor VALUES (1, x'00')") if "anchor" in statement else None
        with pytest.raises(sqlite3.IntegrityError, match="append only"):
            database.execute(statement)


# How the run before ended.


def test_the_first_run_has_none_before_it(desk: Desk) -> None:
    async def run() -> None:
        async with desk.journal() as journal:
            assert journal.last_run.ended is Ended.NEVER_RAN
            assert journal.last_run.settled

    asyncio.run(run())


def two_runs(desk: Desk, *before: Entry, stop: bool) -> Journal:
    async def run() -> Journal:
        async with desk.journal(stop=stop) as journal:
            for one in before:
                await journal.put(one)
        async with desk.journal(run="run-b") as journal:
            return journal

    return asyncio.run(run())


@pytest.mark.parametrize("stop", [True, False])
@pytest.mark.parametrize("phase", list(Phase))
@pytest.mark.guarantee("G13")
def test_a_run_that_ended_masked_pending_or_unknown_is_never_a_clean_start(
    desk: Desk, phase: Phase, stop: bool
) -> None:
    last = two_runs(desk, state(phase, masked_since=NOON - 60, contact="call-1"), stop=stop).last_run
    assert last.ended is (Ended.STOPPED if stop else Ended.UNCLEAN)
    assert last.phase is phase
    assert last.wish is (Wish.UNMASK if phase in (Phase.UNMASKED, Phase.UNMASKING) else Wish.MASK)
    assert last.masked_since == NOON - 60
    assert last.contact == "call-1"
    assert last.settled is (phase is Phase.UNMASKED)
    assert ("unclean-end" in desk.kinds()) is not stop
    assert desk.verdict().bad is None


@pytest.mark.guarantee("G13")
def test_what_was_left_open_is_handed_on_until_somebody_settles_it(desk: Desk) -> None:
    async def run() -> None:
        async with desk.journal(stop=False) as journal:
            await journal.put(state(Phase.MASKED, masked_since=NOON))
        for name in ("run-b", "run-c", "run-d"):
            async with desk.journal(run=name, stop=name != "run-c") as journal:
                assert journal.last_run.phase is Phase.MASKED, name
        async with desk.journal(run="run-e") as journal:
            await journal.put(state(Phase.UNMASKED, run="run-e"))
        async with desk.journal(run="run-f") as journal:
            assert journal.last_run.settled

    asyncio.run(run())


@pytest.mark.guarantee("G13")
def test_changed_records_make_the_last_run_doubtful(desk: Desk) -> None:
    two_runs(desk, state(Phase.MASKED), stop=True)
    in_the_file(
        desk.path,
        "UPDATE record SET body = replace(CAST(body AS TEXT), 'masked', 'unmasked') WHERE sequence = 2",
    )
    last = two_runs(desk, stop=True).last_run
    assert last.doubtful
    assert not last.settled
    assert Fault.CHANGED in faults(desk)
    assert desk.verdict().bad == 2


# Names.


def test_names_tell_runs_apart_and_never_look_like_a_card() -> None:
    assert new_run() != new_run()
    assert boot() == boot()
    assert not card_like(new_run() + boot())
    assert new_run().isalpha()
    assert boot().isalpha()


def test_a_trouble_says_its_sentence() -> None:
    assert Trouble(Fault.FULL, lasting=True).sentence == Fault.FULL.sentence
