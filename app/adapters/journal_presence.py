"""Whether another MaskBar has the same journal open: then a run without a stop record is no unclean end.

The one rule: nothing depends on it but words. A lock that cannot be had means that nobody else is seen.
"""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

GATE_FOR = 1.0
"""Seconds to wait for others that look at the same time."""


class Presence:
    """Held from the first `alone` until `close`: a shared lock on a file in the folder.

    SQLite does the locking, on every system.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._database: sqlite3.Connection | None = None

    def alone(self) -> bool:
        """Whether nobody else holds it at this moment."""
        try:
            # One at a time: between looking and taking nobody else may look.
            with closing(_open(self._folder / "journal.starting", GATE_FOR)) as gate:
                gate.execute("BEGIN EXCLUSIVE")
                self.close()
                self._database = _open(self._folder / "journal.running", 0.0)
                alone = _nobody_holds(self._database)
                self._database.execute("BEGIN")
                self._database.execute(
                    "SELECT count(*) FROM sqlite_schema"
                ).fetchone()  # takes the shared lock
                return alone
        except (sqlite3.Error, OSError):
            return (
                True  # a folder that may not be written, a disk that is full: the journal itself will say so
            )

    def close(self) -> None:
        database, self._database = self._database, None
        if database is not None:
            database.close()


def _open(path: Path, timeout: float) -> sqlite3.Connection:
    if not path.exists():  # and only then: closing a file gives up all locks that this process has on it
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    return sqlite3.connect(path, timeout=timeout, isolation_level=None)


def _nobody_holds(database: sqlite3.Connection) -> bool:
    try:
        database.execute("BEGIN EXCLUSIVE")
        database.execute("ROLLBACK")
    except sqlite3.OperationalError as error:
        return getattr(error, "sqlite_errorname", "") != "SQLITE_BUSY"
    return True
