"""The tables of the journal's file, and what all who open it share.

The one rule: the file itself refuses to have a record changed, or removed before retention has let it go.
"""

import sqlite3
from pathlib import Path

from app.core.audit import GENESIS, MAC_SIZE, Head

APPLICATION_ID = 0x4D61736B  # "Mask"
BUSY_FOR = 2.0
"""Seconds that one try waits for another process's transaction."""

_REFUSALS = (
    ("record_is_new", "INSERT ON record", "NEW.sequence <= (SELECT max(sequence) FROM record)"),
    ("record_stays", "UPDATE ON record", "TRUE"),
    ("record_is_kept", "DELETE ON record", "OLD.sequence > coalesce((SELECT max(sequence) FROM anchor), 0)"),
    ("anchor_grows", "INSERT ON anchor", "NEW.sequence <= (SELECT max(sequence) FROM anchor)"),
    ("anchor_stays", "UPDATE ON anchor", "TRUE"),
    ("anchor_is_kept", "DELETE ON anchor", "TRUE"),
)
SCHEMA = (
    "CREATE TABLE record (sequence INTEGER PRIMARY KEY, body BLOB NOT NULL, mac BLOB NOT NULL)",
    "CREATE TABLE anchor (sequence INTEGER PRIMARY KEY, mac BLOB NOT NULL)",
    *(
        f"CREATE TRIGGER {name} BEFORE {what} WHEN {when} BEGIN SELECT RAISE(ABORT, 'append only'); END"
        for name, what, when in _REFUSALS
    ),
    f"PRAGMA application_id = {APPLICATION_ID}",
)
"""Append-only: only what an anchor has let go can be deleted. Against mistakes; against intent there is the chain."""

ENDS = ("-wal", "-shm", "")
"""The files of a journal. The -wal file goes first: a database never finds a -wal file that is not its own."""
NEWEST = "SELECT sequence, body, mac FROM record ORDER BY sequence DESC"


class DamagedError(Exception):
    """The file is there and is no journal (any more)."""


class GoneError(Exception):
    """The file that is open is not the one of that name any more."""


def anchor_of(database: sqlite3.Connection) -> Head:
    """The last record that retention cut, as the file claims."""
    row = database.execute("SELECT sequence, mac FROM anchor ORDER BY sequence DESC LIMIT 1").fetchone()
    good = row is not None and isinstance(row[1], bytes) and len(row[1]) == MAC_SIZE and row[0] > 0
    return Head(*row) if good else GENESIS


def open_to_read(path: Path) -> sqlite3.Connection:
    """A connection that cannot write. Raises sqlite3.Error."""
    return sqlite3.connect(
        f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=BUSY_FOR, isolation_level=None
    )


def is_damage(error: sqlite3.Error) -> bool:
    name = getattr(error, "sqlite_errorname", "") or ""
    return name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_FORMAT"))
