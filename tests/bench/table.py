"""What was measured, beside what it is measured against, and whether that is good enough.

The one rule: a ratio is of two medians of the same run; a number from another run or machine decides nothing.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table.

    limit    the largest `judged` that is good enough; None: only told
    judged   what is held against the limit
    skipped  why it was not measured
    """

    name: str
    unit: str = ""
    ours: float | None = None
    yardstick: float | None = None
    judged: float | None = None
    rule: str = ""
    limit: float | None = None
    skipped: str = ""

    @property
    def met(self) -> bool | None:
        """None: not judged."""
        if self.limit is None or self.judged is None or self.skipped:
            return None
        return self.judged <= self.limit

    @property
    def verdict(self) -> str:
        if self.skipped:
            return f"skipped: {self.skipped}"
        return {True: "ok", False: "MISSED", None: ""}[self.met]

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "met": self.met}


def ratio(name: str, unit: str, ours: float, yardstick: float, limit: float | None) -> Row:
    rule = "" if limit is None else f"<= {limit:g} x"
    return Row(name, unit, ours, yardstick, ours / yardstick, rule, limit)


def difference(name: str, unit: str, ours: float, yardstick: float, limit: float | None) -> Row:
    rule = "" if limit is None else f"<= + {limit:g}"
    return Row(name, unit, ours, yardstick, ours - yardstick, rule, limit)


def percentile(values: Sequence[float], part: float) -> float:
    """`part` from 0 to 1; the nearest value that was really seen."""
    return sorted(values)[min(len(values) - 1, round(part * (len(values) - 1)))]


def text(rows: Sequence[Row]) -> str:
    cells: list[tuple[str, ...]] = [("measure", "ours", "yardstick", "ratio", "target", "verdict")]
    for row in rows:
        seen = [f"{value:.2f} {row.unit}" if value is not None else "" for value in (row.ours, row.yardstick)]
        # A difference is told with its sign, a ratio without.
        judged = (
            "" if row.judged is None else f"{row.judged:+.2f}" if "+" in row.rule else f"{row.judged:.2f}"
        )
        cells.append((row.name, *seen, judged, row.rule, row.verdict))
    widths = [max(len(line[column]) for line in cells) for column in range(len(cells[0]) - 1)]
    lines = []
    for name, *others, verdict in cells:
        numbers = "  ".join(cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True))
        lines.append(f"{name.ljust(widths[0])}  {numbers}  {verdict}".rstrip())
    return "\n".join(lines)
