"""The few sizes and colours that the window is made of.

The one rule: no state is told by colour alone; each has its own shape and word beside it.
"""

from dataclasses import dataclass

from app.core.picture import View
from app.core.terms import Level, Phase

WIDTH = 420
"""Device-independent pixels, like all sizes here."""
BAR_HEIGHT = 80
BLOCK_WIDTH = 68
ICON = 40
TARGET = 44
"""The least height and width of anything to press."""
BUTTON_WIDTH = 102
GAP = 10
LINE_GAP = 4

DRAW_AFTER = 4
"""Milliseconds in which what a click asked for leaves before the released button is drawn."""

WORD_PX = 19
TEXT_PX = 13
SMALL_PX = 12


@dataclass(frozen=True, slots=True)
class Colours:
    """`block` carries the white shape; `ground` lies under `text` and `quiet` text."""

    block: str
    ground: str = "#FFFFFF"
    text: str = "#111827"
    quiet: str = "#4B5563"


# Contrast of white on each block: 9.8, 5.0, 7.1, 5.0, 8.6 (WCAG 2.2 asks for 3 for shapes, 4.5 for text).
COLOURS = {
    Phase.UNMASKED: Colours("#374151"),
    Phase.MASKING: Colours("#B45309"),
    Phase.MASKED: Colours("#166534", ground="#F0FDF4"),
    Phase.UNMASKING: Colours("#B45309"),
    Phase.UNKNOWN: Colours("#9D174D", ground="#FDF2F8"),
}
STARTING = COLOURS[Phase.MASKING]
"""Whatever has to be waited for looks alike."""

REMINDING = "#FDE047"
"""The ground of a call that was left masked."""
PULSE = "#FFFFFF"
"""What it changes with when the reminder pulses."""
PULSE_MS = 1000


ALARM = "#FECACA"
"""The ground when the recorder contradicts a mask."""


def colours(view: View) -> Colours:
    plain = STARTING if view.starting else COLOURS[view.phase]
    if view.alarm or view.reminding > Level.QUIET:
        return Colours(plain.block, ALARM if view.alarm else REMINDING, "#111827", "#374151")
    return plain
