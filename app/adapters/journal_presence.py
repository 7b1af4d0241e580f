"""Whether another MaskBar has the same journal open: then a run without a stop record is no unclean end.

The one rule: nothing depends on it but words. A lock that cannot be had means that nobody else is seen.
"""

import sqlite3
from contextlib import closing
from pathlib import Path

GATE_FOR = 1.0
"""Seconds to wait for others that look at the same time."""


class Presence:
    """Held until `close`: a shared lock on a file in the folder. SQLite does the locking, on every system.

    alone: nobody else held it when this one came.
    """

    def __init__(self, folder: Path) -> None:
        self.alone = True
        self._database: sqlite3.Connection | None = None
        try:
            # One at a time: between looking and taking nobody else may look.
            with closing(_open(folder / "journal.starting", GATE_FOR)) as gate:
                gate.execute("BEGIN EXCLUSIVE")
                self._database = _open(folder / "journal.running", 0.0)
                self.alone = _nobody_holds(self._database)
                self._database.execute("BEGIN")
                self._database.execute(
                    "SELECT count(*) FROM sqlite_schema"
                ).fetchone()  # takes the shared lock
        except sqlite3.Error:
            pass  # a folder that may not be written, a disk that is full: the journal itself will say so

    def close(self) -> None:
        if self._database is not None:
            self._database.close()


def _open(path: Path, timeout: float) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=timeout, isolation_level=None)


def _nobody_holds(database: sqlite3.Connection) -> bool:
    try:
        database.execute("BEGIN EXCLUSIVE")
        database.execute("ROLLBACK")
    except sqlite3.OperationalError as error:
        return getattr(error, "sqlite_errorname", "") != "SQLITE_BUSY"
    return True
