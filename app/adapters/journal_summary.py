"""A journal's days in numbers.

The one rule: time counts as masked from MASKED until the recording is known to go on or the run ends; a doubt in
between does not end it, since nobody has unmasked.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, ClassVar

from app.core.audit import Kind, Outcome, fields, seconds
from app.core.states import Phase


@dataclass(slots=True)
class Day:
    """A day in UTC, counted where a mask began.

    masks      times that a call was masked
    masked     minutes, all of them together
    longest    minutes
    failures   attempts that failed or whose outcome is not known
    unknowns   times that the state became UNKNOWN
    forgotten  masks that MaskBar had to remind of
    """

    date: str
    masks: int = 0
    masked: float = 0.0
    longest: float = 0.0
    failures: int = 0
    unknowns: int = 0
    forgotten: int = 0

    HEADINGS: ClassVar[str] = "masks  masked min  longest min  failures  unknowns  forgotten"

    def line(self) -> str:
        return (
            f"{self.masks:>5}  {self.masked:>10.1f}  {self.longest:>11.1f}  {self.failures:>8}  "
            f"{self.unknowns:>8}  {self.forgotten:>9}"
        )

    def as_data(self) -> dict[str, str | int | float]:
        return {
            "date": self.date,
            "masks": self.masks,
            "masked_minutes": round(self.masked, 3),
            "longest_minutes": round(self.longest, 3),
            "failures": self.failures,
            "unknowns": self.unknowns,
            "forgotten": self.forgotten,
        }


@dataclass(slots=True)
class _Run:
    """What is open in one run of MaskBar. Two may be in one journal, one record of each in turn."""

    phase: str = ""
    day: Day | None = None
    """Of the mask that is on."""
    wall: float = 0.0
    monotonic: int = 0
    stepped: int = 0
    """ms that the clock was moved by since then."""
    reminded: bool = False
    last: dict[str, str | int] = field(default_factory=dict)


def summary(rows: Iterable[tuple[int, Any, Any]]) -> list[Day]:
    """Sorted by date. Records that cannot be read are passed over: to find them is `verify`'s."""
    days: dict[str, Day] = {}
    runs: dict[str, _Run] = {}
    for _, data, _ in rows:
        try:
            record = fields(data)
            wall = seconds(str(record["at"]))
        except (KeyError, TypeError, ValueError):
            continue
        date = str(record["at"])[:10]
        day = days.setdefault(date, Day(date))
        name = str(record.get("run", ""))
        if record.get("kind") == Kind.START.value:
            # One run after the other: what the one before left open ended with its last record.
            for open_run in [runs.pop(other) for other in list(runs) if other != name]:
                _end(open_run, open_run.last)
        run = runs.setdefault(name, _Run())
        _count(record, wall, day, run)
        run.last = record
        if record.get("kind") == Kind.STOP.value:
            _end(runs.pop(name), record)
    for run in runs.values():
        _end(run, run.last)
    return [days[date] for date in sorted(days)]


def _count(record: dict[str, str | int], wall: float, day: Day, run: _Run) -> None:
    kind = record.get("kind")
    if kind == Kind.ATTEMPT.value:
        day.failures += record.get("outcome") != Outcome.SUCCESS.value
    elif kind == Kind.REMINDER.value:
        if run.day is not None and not run.reminded:
            run.reminded = True
            run.day.forgotten += 1
    elif kind == Kind.CLOCK_STEP.value:
        run.stepped += _whole(record.get("amount"))
    elif kind == Kind.STATE.value:
        phase = str(record.get("phase", ""))
        if phase == Phase.UNKNOWN.value and run.phase != phase:
            day.unknowns += 1
        if phase == Phase.MASKED.value and run.day is None:
            day.masks += 1
            run.day, run.wall, run.monotonic = day, wall, _whole(record.get("monotonic_ms"))
            run.stepped, run.reminded = 0, False
        if phase == Phase.UNMASKED.value:
            _end(run, record)
        run.phase = phase


def _end(run: _Run, record: dict[str, str | int]) -> None:
    """The wall clock counts through a suspend, less what it was moved by; the monotonic one may not."""
    if run.day is None:
        return
    by_wall = seconds(str(record["at"])) - run.wall - run.stepped / 1000
    by_monotonic = (_whole(record.get("monotonic_ms")) - run.monotonic) / 1000
    minutes = max(by_wall, by_monotonic, 0.0) / 60
    run.day.masked += minutes
    run.day.longest = max(run.day.longest, minutes)
    run.day = None


def _whole(value: str | int | None) -> int:
    return value if isinstance(value, int) else 0
