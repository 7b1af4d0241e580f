"""A full disk, a folder that may not be written, a second process, a missing key: masking works, and it is shown.

Real ones: a small tmpfs where the tests may mount one, a limit on the file's size everywhere else.
"""

import asyncio
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from app.adapters.journal import Journal
from app.adapters.journal_faults import Trouble
from app.adapters.journal_key import KEY_SIZE, file_key, key_file, read_key
from app.adapters.journal_last_run import Ended
from app.core.audit import Fault, Kind
from app.core.ports import Wish
from app.core.states import Phase
from tests.journal.desk import NOON, Desk, entry, scene, state, until

MOUNTS = sys.platform == "linux" and os.geteuid() == 0 and shutil.which("mount") is not None


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / "journal" / "journal.sqlite")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 32 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if (
        not MOUNTS
        or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=32m", "maskbar-test", folder]).returncode
    ):
        pytest.skip("mounting a small disk needs root")
    yield folder
    subprocess.run(["umount", folder], check=True)


def shown(desk: Desk) -> list[Fault | None]:
    return [trouble.fault if trouble else None for trouble in desk.troubles]


def recorded(desk: Desk) -> list[tuple[str, str]]:
    return [(r["fault"], r["outcome"]) for r in desk.records() if r["kind"] == "fault"]


async def masks(journal: Journal) -> float:
    """A press with the journal in trouble. Seconds that the journal took of it."""
    began = time.perf_counter()
    await journal.durable(entry(Kind.INTENT, operation=Wish.MASK, correlation="in-trouble"))
    return time.perf_counter() - began


# A full disk.


@pytest.mark.guarantee("G27")
def test_a_full_disk_is_shown_and_its_records_follow(small_disk: Path) -> None:
    desk = Desk(small_disk / "journal" / "journal.sqlite")
    ballast = small_disk / "ballast"

    async def run() -> None:
        async with desk.journal() as journal:
            assert await journal.durable(entry(Kind.INTENT, correlation="before"), within=5)
            with pytest.raises(OSError, match="No space"):
                ballast.write_bytes(bytes(40 << 20))
            number = 0
            while journal.trouble is None:  # the room that the journal made for itself is used up first
                number += 1
                record = journal.put(entry(Kind.REMINDER, amount=number, correlation="x" * 90))
                if number % 500 == 0:  # not faster than the disk: that would be another trouble
                    await asyncio.wait({record}, timeout=2)
                await asyncio.sleep(0)
                assert number < 100_000
            assert shown(desk) == [Fault.FULL]
            assert await masks(journal) < 0.1
            ballast.unlink()
            await until(lambda: journal.trouble is None)
            assert await journal.durable(entry(Kind.INTENT, correlation="after"), within=5)

    asyncio.run(run())
    assert shown(desk) == [Fault.FULL, None]
    assert recorded(desk) == [("full", "failure"), ("full", "success")]
    amounts = [record["amount"] for record in desk.records() if record["kind"] == "reminder"]
    assert amounts == list(range(1, len(amounts) + 1))
    wanted = [r["correlation"] for r in desk.records() if r["kind"] == "intent"]
    assert wanted == ["before", "in-trouble", "after"]
    assert desk.verdict().bad is None


@pytest.mark.guarantee("G27")
@pytest.mark.skipif(sys.platform == "win32", reason="there is no such limit there")
def test_a_disk_that_takes_no_more_from_the_start(desk: Desk) -> None:
    """By a limit on the size of files, which needs no rights."""
    import resource

    async def run() -> None:
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (2048, hard))
        try:
            journal = Journal(desk.path, file_key(key_file(desk.path)), desk.clock, scene())
            journal.listen(desk.troubles.append)
            last = await journal.start(within=5)
            assert not last.settled
            assert await masks(journal) < 0.1
            assert shown(desk)[0] in (Fault.FULL, Fault.DISK)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        await until(lambda: journal.trouble is None)
        assert await journal.close()

    asyncio.run(run())
    assert desk.kinds() == ["start", "fault", "intent", "fault", "stop"]
    assert desk.verdict().bad is None


# A folder that may not be written.


@pytest.mark.guarantee("G27")
def test_a_disk_that_may_only_be_read_at_the_start(small_disk: Path) -> None:
    desk = Desk(small_disk / "journal" / "journal.sqlite")
    remount = ["mount", "-o", "remount,{},size=32m", small_disk]

    def mount(how: str) -> None:
        subprocess.run([str(part).format(how) for part in remount], check=True)

    async def run() -> None:
        mount("ro")
        try:
            async with desk.journal() as journal:
                assert not journal.last_run.settled
                assert await masks(journal) < 0.1
                assert shown(desk) == [Fault.READ_ONLY]
                mount("rw")
                await until(lambda: journal.trouble is None)
        finally:
            mount("rw")

    asyncio.run(run())
    assert recorded(desk) == [("read-only", "failure"), ("read-only", "success")]
    assert desk.verdict().bad is None


@pytest.mark.guarantee("G27")
@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_only_be_read(desk: Desk) -> None:
    desk.path.parent.mkdir(mode=0o500)

    async def run() -> None:
        async with desk.journal() as journal:
            assert await masks(journal) < 0.1
            assert shown(desk) == [Fault.READ_ONLY]
            desk.path.parent.chmod(0o700)
            await until(lambda: journal.trouble is None)

    asyncio.run(run())
    assert recorded(desk) == [("read-only", "failure"), ("read-only", "success")]


def test_a_file_where_the_folder_should_be(desk: Desk) -> None:
    desk.path.parent.write_text("in the way")

    async def run() -> None:
        async with desk.journal() as journal:
            assert await masks(journal) < 0.1
            assert journal.trouble is not None
            desk.path.parent.unlink()
            await until(lambda: journal.trouble is None)

    asyncio.run(run())
    assert desk.kinds() == ["start", "fault", "intent", "fault", "stop"]


# Others.


@pytest.mark.guarantee("G28")
def test_two_processes_write_one_chain(desk: Desk) -> None:
    program = (
        "import asyncio, sys\n"
        "from pathlib import Path\n"
        "from app.core.audit import Kind\n"
        "from tests.journal.desk import Desk, entry\n"
        "async def run(name):\n"
        "    async with Desk(Path(sys.argv[1])).journal(run=name) as journal:\n"
        "        for n in range(150):\n"
        "            assert await journal.put(entry(Kind.REMINDER, run=name, amount=n)) > 0\n"
        "asyncio.run(run(sys.argv[2]))\n"
    )
    runs = ["run-a", "run-b", "run-c"]
    started = [
        subprocess.Popen([sys.executable, "-c", program, str(desk.path), name], stderr=subprocess.PIPE)
        for name in runs
    ]
    for process in started:
        _, complaint = process.communicate(timeout=60)
        assert process.returncode == 0, complaint.decode()
    records = desk.records()
    assert recorded(desk) == []
    for name in runs:
        own = [record for record in records if record["run"] == name]
        assert [record["kind"] for record in own] == ["start", *["reminder"] * 150, "stop"]
        assert [record["amount"] for record in own[1:-1]] == list(range(150))
    assert desk.verdict().bad is None


def test_another_maskbar_that_runs_is_no_unclean_end(desk: Desk) -> None:
    async def run() -> None:
        async with desk.journal(run="run-a") as journal:
            await journal.put(state(Phase.MASKED))
            async with desk.journal(run="run-b") as second:
                assert second.last_run.ended is Ended.STILL_RUNS
                assert not second.last_run.settled

    asyncio.run(run())
    assert "unclean-end" not in desk.kinds()


@pytest.mark.guarantee("G27")
def test_a_journal_that_another_program_holds(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.adapters.journal_file.BUSY_FOR", 0.1)

    async def run() -> None:
        async with desk.journal() as journal:
            await journal.put(entry(Kind.INTENT, correlation="before"))
            with closing(sqlite3.connect(desk.path, isolation_level=None)) as other:
                other.execute("BEGIN IMMEDIATE")
                journal.put(entry(Kind.INTENT, correlation="meanwhile"))
                await until(lambda: journal.trouble is not None)
                assert await masks(journal) < 0.1
                other.execute("ROLLBACK")
            await until(lambda: journal.trouble is None)

    asyncio.run(run())
    assert shown(desk) == [Fault.BUSY, None]
    assert recorded(desk) == [("busy", "failure"), ("busy", "success")]


# The key.


@pytest.mark.guarantee("G27")
def test_a_key_that_is_none_is_shown_and_never_replaced(desk: Desk) -> None:
    desk.path.parent.mkdir()
    key_file(desk.path).write_bytes(b"short")

    async def run() -> None:
        async with desk.journal() as journal:
            assert await masks(journal) < 0.1
            assert shown(desk) == [Fault.KEY]

    asyncio.run(run())
    assert key_file(desk.path).read_bytes() == b"short"
    assert not desk.path.exists()


def test_a_journal_without_its_key_is_kept_aside(desk: Desk) -> None:
    async def run(name: str) -> Ended:
        async with desk.journal(run=name) as journal:
            await journal.put(state(Phase.MASKED, run=name, masked_since=NOON))
            assert journal.last_run.settled is (name == "run-a")
            return journal.last_run.ended

    asyncio.run(run("run-a"))
    before = desk.path.read_bytes()
    key_file(desk.path).unlink()
    asyncio.run(run("run-b"))
    aside = list(desk.path.parent.glob("journal-keyless-*.sqlite"))
    assert [path.read_bytes() for path in aside] == [before]
    assert Fault.KEYLESS in shown(desk)
    assert desk.kinds() == ["start", "fault", "state", "stop"]
    assert desk.verdict().bad is None


def test_a_key_is_made_once_and_for_this_user_alone(tmp_path: Path) -> None:
    path = tmp_path / "journal.key"
    key, made = file_key(path)()
    assert (len(key), made) == (KEY_SIZE, True)
    assert file_key(path)() == (key, False)
    assert read_key(path) == key
    if sys.platform != "win32":
        assert path.stat().st_mode & 0o777 == 0o600


def test_a_key_may_come_from_elsewhere(desk: Desk) -> None:
    async def run() -> None:
        journal = Journal(desk.path, lambda: (b"k" * 32, False), desk.clock, scene())
        await journal.start()
        assert await journal.put(entry(Kind.INTENT)) == 2
        await journal.close()

    asyncio.run(run())
    assert not key_file(desk.path).exists()


def test_a_trouble_of_the_key_source_goes_no_further(desk: Desk) -> None:
    def locked() -> tuple[bytes, bool]:
        raise OSError("the keyring is locked")

    async def run() -> Trouble | None:
        journal = Journal(desk.path, locked, desk.clock, scene())
        await journal.start()
        assert not await journal.close(within=5)
        return journal.trouble

    trouble = asyncio.run(run())
    assert trouble is not None
    assert trouble.fault is Fault.DISK
