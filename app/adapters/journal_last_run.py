"""How the run of MaskBar before this one ended, read back from the journal.

The one rule: in doubt it did not end well. Whoever asks begins in UNKNOWN then, and sends nothing.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import Enum

from app.core.audit import Kind, fields, seconds
from app.core.ports import Wish
from app.core.states import Phase


class Ended(Enum):
    """How a run ended, as far as its records say."""

    NEVER_RAN = "never-ran"
    STOPPED = "stopped"
    UNCLEAN = "unclean"
    """It has no stop record."""
    STILL_RUNS = "still-runs"
    """Another MaskBar has the journal open now."""


@dataclass(frozen=True, slots=True)
class LastRun:
    """The last that is known of the run before.

    at            of its last record, seconds since 1970
    phase, wish   of its last record that named them
    masked_since  seconds since 1970
    doubtful      the journal could not be read, was set aside, or its last records do not verify
    """

    ended: Ended = Ended.NEVER_RAN
    run: str = ""
    at: float | None = None
    phase: Phase | None = None
    wish: Wish | None = None
    masked_since: float | None = None
    contact: str = ""
    doubtful: bool = False

    @property
    def settled(self) -> bool:
        """True: a clean start is honest. False: the call may be masked, or nobody knows."""
        if self.doubtful:
            return False
        if self.ended is Ended.NEVER_RAN:
            return True
        return self.phase in (None, Phase.UNMASKED)


UNREADABLE = LastRun(ended=Ended.UNCLEAN, doubtful=True)


def last_run(newest_first: Iterable[tuple[int, bytes]], run: str) -> LastRun:
    """From the records, newest first. `run` is the name of this run: its own records are passed over."""
    found: LastRun | None = None
    for record in _records(data for _, data in newest_first):
        name = str(record.get("run", ""))
        if found is None:
            if name == run:
                continue
            stopped = record.get("kind") == Kind.STOP.value
            found = LastRun(Ended.STOPPED if stopped else Ended.UNCLEAN, name, at=_time(record, "at"))
        if name != found.run:
            continue
        if "phase" in record:
            return _with_state(found, record)
        if record.get("kind") in (Kind.INTENT.value, Kind.ATTEMPT.value) and "operation" in record:
            # Nothing was shown after it: the request may have left, and may have been done.
            pending = Phase.MASKING if record["operation"] == Wish.MASK.value else Phase.UNMASKING
            return _with_state(found, record | {"phase": pending.value})
        if record.get("kind") == Kind.START.value:
            break
    return found or LastRun()


def salvaged(remains: Iterable[bytes]) -> LastRun:
    """What can still be seen in the bytes of a damaged journal: the newest state by its time. Always doubtful."""
    newest: dict[str, str | int] = {}
    for record in _records(body for data in remains for body in bodies_in(data)):
        if "phase" in record and str(record.get("at", "")) >= str(newest.get("at", "")):
            newest = record
    found = replace(UNREADABLE, run=str(newest.get("run", "")), at=_time(newest, "at"))
    return _with_state(found, newest)


_RECORD = re.compile(rb'\{"[a-z_]+":[^{}\0]{20,2000}\}')


def bodies_in(data: bytes) -> list[bytes]:
    """All that looks like a record's bytes."""
    return _RECORD.findall(data)


def _records(bodies: Iterable[bytes]) -> Iterator[dict[str, str | int]]:
    for data in bodies:
        try:
            yield fields(data)
        except ValueError:
            continue


def _time(record: dict[str, str | int], field: str) -> float | None:
    try:
        return seconds(str(record[field]))
    except (KeyError, ValueError):
        return None


def _with_state(found: LastRun, record: dict[str, str | int]) -> LastRun:
    phases = {phase.value: phase for phase in Phase}
    wishes = {wish.value: wish for wish in Wish}
    return replace(
        found,
        phase=phases.get(str(record.get("phase"))),
        wish=wishes.get(str(record.get("operation"))),
        masked_since=_time(record, "masked_since"),
        contact=str(record.get("contact", "")),
    )
