"""The journal's SQLite file: opened, checked, written, cut at its old end, set aside when it is damaged.

The one rule: a record is added once, with the mac that follows the newest record on disk, and never changed. All of
it is called from the journal's own thread.

WAL with synchronous=FULL: a commit is one fsync of the -wal file. Checkpoints are left for quiet moments
(`wal_autocheckpoint` is off). On macOS fsync hands the bytes to the drive only; `checkpoint_fullfsync` flushes the
drive's own cache at checkpoints, since F_FULLFSYNC at each commit would cost more than a press may wait.
"""

import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from app.adapters.journal_key import KeySource, sync_folder
from app.adapters.journal_look import identity, look
from app.adapters.journal_schema import (
    BUSY_FOR,
    ENDS,
    NEWEST,
    SCHEMA,
    GoneError,
    anchor_of,
)
from app.core.audit import MAC_SIZE, Head, Why, link, verify

TAIL = 200
"""Records at the new end whose chain is checked at the start."""
ROOM_AHEAD = 256
"""Pages that the -wal file is made large at the start: writing in place needs no change to the file's size."""
CHECKPOINT_AT = 192
"""Pages in the -wal file from which a quiet moment is used to move them."""


class JournalFile:
    """`at_point` is told the name of each point of the writing: the tests end the process there."""

    def __init__(self, path: Path, key: KeySource, at_point: Callable[[str], None] = lambda _: None) -> None:
        self.path = path
        self._key_source = key
        self._at_point = at_point
        self._database: sqlite3.Connection | None = None
        self._identity: tuple[int, int] | None = None
        self._key = b""
        self._commits = 0
        self.lost: list[bytes] | None = None
        """When records were durable and are not there any more: what can still be seen of them, perhaps nothing."""
        self.fresh = False
        """Opened without a record in it."""
        self.had_records = False
        """There were records before the key was asked for."""
        self.key_made = False
        """The key was made when it was opened: what is in it cannot be verified."""
        self.key_is_new = False
        """The key was made since this object is there: no journal was expected."""

    @property
    def is_open(self) -> bool:
        return self._database is not None

    @property
    def busy(self) -> bool:
        """Whether a quiet moment has something to do."""
        return self._commits >= CHECKPOINT_AT

    @property
    def database(self) -> sqlite3.Connection:
        if self._database is None:
            raise sqlite3.OperationalError("the journal is not open")
        return self._database

    def make_folder(self) -> None:
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)

    def open(self) -> None:
        """Raises DamagedError, sqlite3.Error, OSError, and ValueError for a key that is none."""
        self.make_folder()
        self._identity = identity(self.path) if self.path.exists() else None
        seen = look(self.path)
        self.had_records = seen.had_records
        self.lost = self.lost or seen.lost
        # After the look: a key that was made since belongs to what another MaskBar has just begun.
        self._key, self.key_made = self._key_source()
        self.key_is_new = self.key_is_new or self.key_made
        os.close(
            os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600)
        )  # SQLite gives -wal and -shm the same mode
        database = sqlite3.connect(self.path, timeout=BUSY_FOR, isolation_level=None, cached_statements=32)
        try:
            for pragma in (
                "journal_mode = WAL",
                "synchronous = FULL",
                "wal_autocheckpoint = 0",
                "checkpoint_fullfsync = ON",
                "trusted_schema = OFF",
            ):
                database.execute(f"PRAGMA {pragma}").fetchone()
            database.execute("BEGIN IMMEDIATE")
            if not database.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchone():
                for statement in SCHEMA:
                    database.execute(statement)
            database.execute("COMMIT")
            self._make_room(database)
        except BaseException:
            database.close()
            raise
        self._database = database
        self._identity = identity(self.path)
        self.fresh = database.execute(f"{NEWEST} LIMIT 1").fetchone() is None
        sync_folder(self.path.parent)
        self._at_point("opened")

    @staticmethod
    def _make_room(database: sqlite3.Connection) -> None:
        """Let a transaction spill over into the -wal file, and take it back: the file stays as large."""
        database.execute("PRAGMA cache_size = 8").fetchone()
        database.execute("BEGIN IMMEDIATE")
        try:
            database.execute("CREATE TABLE room (page BLOB)")
            database.executemany("INSERT INTO room VALUES (zeroblob(?))", [(4000,)] * ROOM_AHEAD)
        except sqlite3.OperationalError:
            pass  # no room: the records will say so
        if database.in_transaction:
            database.execute("ROLLBACK")
        database.execute("PRAGMA cache_size = -2000").fetchone()

    # Writing.

    def append(self, bodies: Sequence[bytes]) -> int:
        """Add the records in one transaction; on return they are durable. Gives the sequence number of the first.

        Raises GoneError, sqlite3.Error, OSError: then none of them is in the journal.
        """
        self._still_there()
        database = self.database
        self._at_point("begin")
        database.execute("BEGIN IMMEDIATE")
        try:
            first = self._add(bodies)
            self._at_point("commit")
            database.execute("COMMIT")
        except BaseException:
            if database.in_transaction:
                database.execute("ROLLBACK")
            raise
        self._commits += 1
        self._at_point("committed")
        return first

    def _still_there(self) -> None:
        try:
            there = identity(self.path) == self._identity
        except FileNotFoundError:
            there = False
        if not there:
            raise GoneError(str(self.path))

    def _head(self) -> Head:
        row = self.database.execute(f"{NEWEST} LIMIT 1").fetchone()
        if row is None:
            return anchor_of(self.database)
        return Head(row[0], row[2] if isinstance(row[2], bytes) else bytes(MAC_SIZE))

    def _add(self, bodies: Sequence[bytes]) -> int:
        head = self._head()
        first = head.sequence + 1
        for data in bodies:
            head = Head(head.sequence + 1, link(self._key, head.mac, head.sequence + 1, data))
            self.database.execute("INSERT INTO record VALUES (?, ?, ?)", (head.sequence, data, head.mac))
            self._at_point("inserted")
        return first

    def checkpoint(self) -> None:
        """Move the -wal file's pages into the database when there are many. Raises sqlite3.Error."""
        if self.busy:
            self._at_point("checkpoint")
            self.database.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            self._commits = 0
            self._at_point("checkpointed")

    # Reading.

    def newest_first(self) -> Iterator[tuple[int, bytes]]:
        for sequence, data, _ in self.database.execute(NEWEST):
            if isinstance(data, bytes):
                yield sequence, data

    def tail_holds(self) -> bool:
        """Whether the newest records follow from each other. It cannot say more: `maskbar audit verify` can."""
        rows = self.database.execute(f"{NEWEST} LIMIT {TAIL + 1}").fetchall()[::-1]
        if len(rows) <= TAIL:
            return verify(rows, self._key, anchor_of(self.database)).bad is None
        before = Head(rows[0][0], rows[0][2] if isinstance(rows[0][2], bytes) else b"")
        return verify(rows[1:], self._key, before).why in (None, Why.UNVOUCHED)

    # Retention.

    def cut(self, through: int, retention: Callable[[Head, int], bytes]) -> int:
        """Cut the records up to `through`, and add the record that says so. Gives how many were cut.

        Raises as `append`.
        """
        self._still_there()
        database = self.database
        database.execute("BEGIN IMMEDIATE")
        try:
            row = database.execute("SELECT mac FROM record WHERE sequence = ?", (through,)).fetchone()
            newest = self._head()
            if row is None or through >= newest.sequence:
                database.execute("ROLLBACK")
                return 0
            last = Head(through, row[0])
            cut: int = database.execute(
                "SELECT count(*) FROM record WHERE sequence <= ?", (through,)
            ).fetchone()[0]
            self._add([retention(last, cut)])
            database.execute("INSERT INTO anchor VALUES (?, ?)", last)
            database.execute("DELETE FROM record WHERE sequence <= ?", (through,))
            self._at_point("cut")
            database.execute("COMMIT")
        except BaseException:
            if database.in_transaction:
                database.execute("ROLLBACK")
            raise
        self._commits += CHECKPOINT_AT
        self._at_point("cut committed")
        return cut

    # Ending.

    def set_aside(self, why: str) -> Path | None:
        """Give the damaged files another name, with all their bytes. None: somebody else has done so already.

        Raises OSError.
        """
        try:
            if self._identity is not None and identity(self.path) != self._identity:
                self.close()
                return None
        except FileNotFoundError:
            self.close()
            return None
        if os.name == "nt":
            self.close()  # an open file cannot be renamed there
        now = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        stem, number = f"{self.path.stem}-{why}-{now}", 1
        aside = self.path.with_name(f"{stem}{self.path.suffix}")
        while any(aside.with_name(aside.name + end).exists() for end in ENDS):
            number += 1
            aside = self.path.with_name(f"{stem}-{number}{self.path.suffix}")
        for end in ENDS:
            try:
                self.path.with_name(self.path.name + end).rename(aside.with_name(aside.name + end))
            except FileNotFoundError:
                pass  # there may be no -wal and no -shm, or nothing but them
        self.close()
        sync_folder(self.path.parent)
        return aside

    def close(self) -> None:
        database, self._database = self._database, None
        if database is not None:
            database.close()
