"""The words that the state machine is written in: phases, what is known, events, effects.

The one rule: all of it is frozen; nothing here decides. The rules stand in `masking.py`.
"""

from dataclasses import dataclass, field
from enum import Enum

from app.core.failures import Failure
from app.core.ports import Answer, Seen
from app.core.terms import Limits, Phase, Wish


class How(Enum):
    """How MASKED is known."""

    REPLY = "reply"
    """The service confirmed the mask (200)."""
    ACCEPTED = "accepted"
    """The service accepted the mask (202), and the organisation has decided that this is enough."""
    RECORDER = "recorder"
    """The recorder, asked for the recording's status, said so. It speaks of the voice only."""


@dataclass(frozen=True, slots=True)
class Proof:
    """Why the call is believed to be masked, and until when (s)."""

    how: How
    until: float


@dataclass(frozen=True, slots=True)
class Problem:
    """What went wrong last, for the agent to read."""

    failure: Failure
    wish: Wish | None
    """What was wished when it happened; None when nothing was."""
    at: float
    words: str = ""
    """The service's own words, cleaned."""


@dataclass(frozen=True, slots=True)
class Flight:
    """The one request in flight."""

    ticket: int
    wish: Wish
    stale: bool = False
    """True: the world changed after it left, so its answer speaks of a call that may be over."""


@dataclass(frozen=True, slots=True)
class Known:
    """What was known when a wish began: where a request that never left leads back to."""

    phase: Phase
    since: float
    proof: Proof | None
    masked_since: float | None
    contact: str | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """A wish on its way (or, in UNKNOWN, the chase)."""

    wish: Wish
    began: float
    deadline: float
    retry_at: float
    back: Known
    attempts: int = 0
    doubt: bool = False
    """True once an attempt may have reached the service."""
    accepted_at: float | None = None
    """When the first 202 of this run came."""
    seconded: bool = False
    """True once it was confirmed while the fence is up: one more confirmation is wanted."""
    why: Failure | None = None
    """Why the last attempt did not end it."""
    words: str = ""


@dataclass(frozen=True, slots=True)
class State:
    """All that MaskBar knows. Times in seconds on the monotonic clock."""

    phase: Phase = Phase.UNMASKED
    since: float = 0.0
    wish: Wish | None = None
    """What the agent wished last."""
    limits: Limits = field(default_factory=Limits)
    ticket: int = 0
    """The last one handed out."""
    flight: Flight | None = None
    run: Run | None = None
    next: Wish | None = None
    """An explicit wish that waits for the request in flight to land."""
    proof: Proof | None = None
    masked_since: float | None = None
    """From when on the call may have been masked; None: it is not."""
    fence: frozenset[Wish] = frozenset()
    """Operations whose outcome was never learnt and that may still land."""
    problem: Problem | None = None
    contact: str | None = None
    """The call that a read-back spoke of last."""
    heard_at: float = float("-inf")
    """When something was last learnt (an answer, a read-back, a doubt): what was asked by then is older."""

    @property
    def pending_run(self) -> Run:
        """The run of a pending phase."""
        assert self.run is not None, self  # noqa: S101  pending without a run cannot be
        return self.run


# Events. Each carries its time `at` (s, monotonic).


@dataclass(frozen=True, slots=True)
class Press:
    """The one button was pressed while it offered `wish`."""

    wish: Wish
    at: float


@dataclass(frozen=True, slots=True)
class Ask:
    """An explicit wish: second button, hotkey, tray, command line, rule."""

    wish: Wish
    at: float


@dataclass(frozen=True, slots=True)
class Answered:
    """The attempt with this ticket came to `answer`; `chance` (0 to 1) spreads the next pause."""

    ticket: int
    answer: Answer
    at: float
    chance: float = 0.5


@dataclass(frozen=True, slots=True)
class Observed:
    """A read-back, asked for at `asked_at`, said `seen` of the call `contact`."""

    seen: Seen
    contact: str | None
    asked_at: float
    at: float


@dataclass(frozen=True, slots=True)
class Doubted:
    """Something happened outside (suspend, another user, another call) that ends all certainty."""

    failure: Failure
    at: float


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """The agent has read the problem."""

    at: float


@dataclass(frozen=True, slots=True)
class Tick:
    """Time has passed."""

    at: float


Event = Press | Ask | Answered | Observed | Doubted | Acknowledged | Tick


# Effects: what the controller is to do.


@dataclass(frozen=True, slots=True)
class Send:
    """Ask the recorder, within `limit` seconds, and come back with `Answered(ticket, …)`."""

    ticket: int
    wish: Wish
    limit: float


class Notice(Enum):
    """What a press or a wish came to when the state does not show it."""

    STILL_PENDING = "still-pending"
    KEPT_FOR_NEXT = "kept-for-next"
    DOUBLE_CLICK = "double-click"
    INCIDENT = "incident"


@dataclass(frozen=True, slots=True)
class Say:
    """Show that the press was seen, and why nothing follows from it."""

    notice: Notice


@dataclass(frozen=True, slots=True)
class Ignored:
    """The event had no row: nothing changed. For the log."""

    phase: Phase
    event: Event


Effect = Send | Say | Ignored
