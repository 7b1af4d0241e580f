"""The journal for a reader: another process, while MaskBar goes on writing.

The one rule: nothing is written, and what is read is the journal of one moment.
"""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import platformdirs

from app.adapters.journal_schema import APPLICATION_ID, NEWEST, anchor_of, open_to_read
from app.core.audit import Head


def default_path() -> Path:
    """Where MaskBar of this user keeps its journal. The state folder roams nowhere and is not cleaned up."""
    return platformdirs.user_state_path("maskbar", appauthor=False) / "journal" / "journal.sqlite"


class Reading:
    """One look at a journal. `damaged_after` is set when reading had to stop: the last record that could be read."""

    def __init__(self, path: Path) -> None:
        """Raises FileNotFoundError, OSError, sqlite3.Error, sqlite3.DatabaseError for what is no journal."""
        self.path = path
        self.damaged_after: int | None = None
        with path.open("rb"):
            pass  # SQLite's own sentence does not say whether it is missing or forbidden
        self._database = open_to_read(path)
        try:
            self._begin()
        except sqlite3.OperationalError as error:
            self._database.close()
            wal = path.with_name(path.name + "-wal")
            if not getattr(error, "sqlite_errorname", "").startswith(
                ("SQLITE_CANTOPEN", "SQLITE_READONLY")
            ) or (wal.exists() and wal.stat().st_size):
                raise
            # A journal on a medium that cannot be written: nobody else writes it either.
            self._database = sqlite3.connect(
                f"{path.resolve().as_uri()}?immutable=1", uri=True, isolation_level=None
            )
            self._begin()

    def _begin(self) -> None:
        self._database.execute("PRAGMA cache_size = -4096").fetchone()
        self._database.execute("BEGIN")  # the anchor and the records of one moment
        if self._database.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
            self._database.close()
            raise sqlite3.DatabaseError("it is not a journal of MaskBar")
        self.anchor = anchor_of(self._database)

    def __enter__(self) -> "Reading":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._database.close()

    def rows(self) -> Iterator[tuple[int, Any, Any]]:
        """(sequence, bytes, mac) in order; ends early at a damaged page, and `damaged_after` says where."""
        last = self.anchor.sequence
        try:
            for row in self._database.execute("SELECT sequence, body, mac FROM record ORDER BY sequence"):
                last = row[0]
                yield row
        except sqlite3.DatabaseError:
            self.damaged_after = last

    def head(self) -> Head | None:
        """The newest record's. None: there is none, or it cannot be read."""
        try:
            row = self._database.execute(f"{NEWEST} LIMIT 1").fetchone()
        except sqlite3.DatabaseError:
            self.damaged_after = self.anchor.sequence
            return None
        return Head(row[0], row[2]) if row and isinstance(row[2], bytes) else None

    def about(self) -> int:
        """How many records there may be, without counting them."""
        newest = self.head()
        return (newest.sequence if newest else 0) - self.anchor.sequence
