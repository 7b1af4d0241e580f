"""What SQLite and the operating system complain of, as one of the journal's closed faults.

The one rule: their own words, which may hold a path or data, go no further than here.
"""

import errno
import sqlite3
from dataclasses import dataclass

from app.adapters.journal_schema import DamagedError, GoneError, is_damage
from app.core.audit import Fault


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is wrong. lasting: records are not being written now, `waiting` of them; otherwise it is told once."""

    fault: Fault
    lasting: bool
    waiting: int = 0

    @property
    def sentence(self) -> str:
        return self.fault.sentence


class KeylessError(DamagedError):
    """There are records, and the key that they were written with is not there."""


def fault_of(error: Exception) -> Fault:
    if isinstance(error, sqlite3.Error):
        name = str(getattr(error, "sqlite_errorname", ""))
        if is_damage(error):
            return Fault.CORRUPT
        starts = {"SQLITE_FULL": Fault.FULL, "SQLITE_BUSY": Fault.BUSY, "SQLITE_LOCKED": Fault.BUSY}
        starts |= dict.fromkeys(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM"), Fault.READ_ONLY)
        return next((fault for start, fault in starts.items() if name.startswith(start)), Fault.DISK)
    if isinstance(error, DamagedError):
        return Fault.KEYLESS if isinstance(error, KeylessError) else Fault.CORRUPT
    if isinstance(error, GoneError):
        return Fault.GONE
    if isinstance(error, PermissionError):
        return Fault.READ_ONLY
    if isinstance(error, OSError):
        known = {errno.ENOSPC: Fault.FULL, errno.EFBIG: Fault.FULL, errno.EROFS: Fault.READ_ONLY}
        return known.get(error.errno or 0, Fault.DISK)
    return Fault.KEY if isinstance(error, ValueError) else Fault.DISK
