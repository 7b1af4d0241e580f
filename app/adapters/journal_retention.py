"""When a record may go: after twelve months, from the old end only, by a record that says so.

The one rule: a wrong clock never empties the journal. A cut goes by the earlier of this machine's clock and the
newest Date that the service has sent, and stops at the first record that is young enough.
"""

from collections.abc import Callable

from app.adapters.journal_file import JournalFile
from app.core.audit import Head, fields, seconds

KEEP_FOR = 366 * 86_400.0
"""Seconds that a record is kept, by default: PCI DSS 10.5.1 asks for twelve months."""
EACH = 500
"""Records cut in one transaction: a press that comes meanwhile waits a few ms for it."""
LOOK_BACK = 5000
"""Records among which the newest Date of the service is looked for."""
CLOCK_ERROR = 7 * 86_400.0
"""Seconds that this machine's clock may be ahead of the newest Date: a week without a masked call."""


def cut_once(file: JournalFile, wall: float, keep_for: float, said: Callable[[Head, int], bytes]) -> bool:
    """Cut at most EACH records; True: there may be more. `said` makes the retention record's bytes.

    Raises as JournalFile.append.
    """
    newest_date = _newest_date(file)
    now = wall if newest_date is None else min(wall, newest_date + CLOCK_ERROR)
    through, looked = 0, 0
    rows = file.database.execute("SELECT sequence, body FROM record ORDER BY sequence LIMIT ?", (EACH,))
    for sequence, data in rows.fetchall():
        try:
            if seconds(str(fields(data)["at"])) >= now - keep_for:
                break
        except (KeyError, TypeError, ValueError):
            pass  # a record without a time that can be read is as old as those around it
        through, looked = sequence, looked + 1
    if through:
        file.cut(through, said)
    return looked == EACH


def _newest_date(file: JournalFile) -> float | None:
    for number, (_, data) in enumerate(file.newest_first()):
        if number == LOOK_BACK:
            break
        if b'"server_time":' in data:
            try:
                return seconds(str(fields(data)["server_time"]))
            except (KeyError, ValueError):
                continue
    return None
