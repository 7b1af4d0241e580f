"""A look at the journal's file before it is opened for writing: is it one, is it whole, was something lost?

The one rule: no hand on it. Closing a connection that could write would change the bytes of what may be evidence.
"""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from app.adapters.journal_last_run import bodies_in
from app.adapters.journal_remains import beyond
from app.adapters.journal_schema import (
    APPLICATION_ID,
    NEWEST,
    DamagedError,
    anchor_of,
    is_damage,
    open_to_read,
)

QUICK_CHECK_MOST = 32 << 20
"""Bytes of a file that is checked page by page at the start; a larger one would hold up the first record."""
KNOWN = 5000
"""Records at the new end that are known again when they turn up behind the valid end of the -wal file."""


@dataclass(slots=True)
class Look:
    """`lost`: see JournalFile."""

    had_records: bool = False
    lost: list[bytes] | None = None


def identity(path: Path) -> tuple[int, int]:
    """Device and number of the file. Raises FileNotFoundError."""
    status = path.stat()
    return status.st_dev, status.st_ino


def look(path: Path) -> Look:
    """Raises DamagedError when it is no journal, sqlite3.Error and OSError when nobody can tell."""
    seen = Look()
    size = path.stat().st_size if path.exists() else 0
    if size == 0:
        wal = path.with_name(path.name + "-wal")
        if wal.exists() and wal.stat().st_size:
            raise DamagedError("emptied")  # SQLite would throw the -wal file away
        return seen
    try:
        with closing(open_to_read(path)) as database:
            _read(database, path, size, seen)
    except sqlite3.DatabaseError as error:
        if is_damage(error) or (isinstance(error, sqlite3.OperationalError) and "no such" in str(error)):
            raise DamagedError(str(error)) from error
        raise
    return seen


def _read(database: sqlite3.Connection, path: Path, size: int, seen: Look) -> None:
    if database.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        # A process that was killed while it made the tables leaves an empty database.
        if database.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0] == 0:
            return
        raise DamagedError("not a journal")
    if size <= QUICK_CHECK_MOST:
        said = database.execute("PRAGMA quick_check(1)").fetchone()[0]
        if said != "ok":
            raise DamagedError(str(said))
    known = {data for _, data, _ in database.execute(f"{NEWEST} LIMIT {KNOWN}")}
    seen.had_records = bool(known)
    anchor_of(database)
    behind, commit = beyond(path)
    found = bodies_in(behind)
    if commit or any(data not in known for data in found):
        seen.lost = found
