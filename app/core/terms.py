"""The few terms that everything else is said in: what is known, what is wanted, how loudly, and the times that can be set.

The one rule: whatever is loaded before the first picture finds its terms here, and nothing here loads more than enum
and dataclasses. (Each frozen dataclass takes half a millisecond to make: the state machine has two dozen.)
"""

from dataclasses import dataclass
from enum import Enum, IntEnum


class Phase(Enum):
    """What is known of the recording."""

    UNMASKED = "unmasked"
    MASKING = "masking"
    MASKED = "masked"
    UNMASKING = "unmasking"
    UNKNOWN = "unknown"

    @property
    def pending(self) -> bool:
        return self in (Phase.MASKING, Phase.UNMASKING)


class Wish(Enum):
    """What the agent wants of the recording. A target, never the verb "toggle": asking again is harmless."""

    MASK = "mask"
    UNMASK = "unmask"

    @property
    def other(self) -> "Wish":
        return Wish.UNMASK if self is Wish.MASK else Wish.MASK


class Level(IntEnum):
    """How loudly it is said. Each contains the ones before it."""

    QUIET = 0
    SAY = 1
    """In the window."""
    ALERT = 2
    """The window pulses and comes to the front, the taskbar is alerted, a notification is sent."""
    SOUND = 3
    """A sound as well, again and again."""


@dataclass(frozen=True, slots=True)
class Limits:
    """All times in seconds."""

    deadline: float = 10.0
    """A pending wish ends by then, whatever happens."""
    attempt: float = 5.0
    """One request may take this long."""
    first_pause: float = 0.4
    pause_factor: float = 2.0
    longest_pause: float = 2.0
    shortest_pause: float = 0.1
    quiet: float = 2.0
    """Between the two confirmations that the fence asks for."""
    evidence_life: float = 300.0
    """A confirmed mask is believed for this long."""
    chase_pause: float = 5.0
    chase_for: float = 60.0
    """UNKNOWN with the wish mask: ask every `chase_pause` for `chase_for`."""
    press_guard: float = 0.5
    """A click on Unmask this soon after MASKED appeared is the second half of a double-click."""
    settle: float | None = None
    """None: only a 200 confirms. A number: a 202 so long after the first 202 counts too."""


@dataclass(frozen=True, slots=True)
class Ladder:
    """All times in seconds of masked time."""

    say: float = 60.0
    alert: float = 120.0
    sound: float = 180.0
    sound_every: float = 60.0
    snooze: float = 60.0
    """How long "still taking the card" puts it off."""
    auto_unmask: float | None = None
    """The organisation's policy: unmask by itself then. None: never."""
    countdown: float = 30.0
    """For how long before that the window counts down, and the agent can put it off."""
