"""What `maskbar status` says: one View and one State as a document for other programs, and what became of a wish.

The one rule: every word about the recording is the View's own word, so that no program says what the window does not.

The document, schema 1. All keys are always there; others may be added, none of these will change its meaning:

    state         unmasked | masking | masked | unmasking | unknown; `not-running` when there is no window
    word          the state as the window says it: MASKED
    guidance      what it means for the agent, now: one sentence
    spoken        the two together, with the clock: what a screen reader says
    card          true: the card may be taken. Anything but true means: do not
    since         when the state began: UTC, ISO 8601 with milliseconds
    masked_since  since when the call is or may be masked; null: it is not
    clock         for how long, as the window shows it (0:42); "" when it is not masked
    wish          mask | unmask: what was wished last; null: nothing yet
    pending       true: a wish is on its way
    known_by      how MASKED is known: reply | accepted | recorder; null in every other state
    detail        how it is known, or what is being waited for, in words
    reason        null, or what went wrong: {code, happened, card, todo, words}
    notice        why the last press started nothing; "" after a moment
    reminding     true: the call was left masked
    fault         what is wrong beside the recording; "" when nothing is
    agent         the agent's user id, as in the settings
    versions      {schema: 1, app: "0.1.0"}
"""

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import Enum

from app.core.ports import Wish
from app.core.states import Phase, State
from app.core.view import View

SCHEMA = 1

KEYS = (
    *("state", "word", "guidance", "spoken", "card", "since", "masked_since", "clock", "wish", "pending"),
    *("known_by", "detail", "reason", "notice", "reminding", "fault", "agent", "versions"),
)

Document = dict[str, object]


def document(state: State, view: View, epoch: float, agent: str, app: str) -> Document:
    """`epoch`: the wall clock (s since 1970) when the monotonic clock was 0. `app`: MaskBar's version."""
    return {
        "state": view.phase.value,
        "word": view.word,
        "guidance": view.guidance,
        "spoken": view.spoken,
        "card": view.card,
        "since": _utc(epoch + state.since),
        "masked_since": None if state.masked_since is None else _utc(epoch + state.masked_since),
        "clock": view.clock,
        "wish": state.wish.value if state.wish else None,
        "pending": view.phase.pending,
        "known_by": state.proof.how.value if state.proof and view.card else None,
        "detail": view.detail,
        "reason": asdict(view.message) if view.message else None,
        "notice": view.notice,
        "reminding": bool(view.reminding),
        "fault": view.fault,
        "agent": agent,
        "versions": {"schema": SCHEMA, "app": app},
    }


def _utc(seconds: float) -> str:
    when = datetime.fromtimestamp(round(seconds, 3), UTC)
    return when.isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Result(Enum):
    """What became of a command."""

    DONE = "done"
    """As wished and, where it is about the recording, confirmed."""
    PENDING = "pending"
    """Still on its way when the caller would wait no longer."""
    REFUSED = "refused"
    UNKNOWN = "unknown"
    """It may have been done."""
    NOT_ALLOWED = "not-allowed"
    """The organisation's policy forbids it."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """`reason` is a sentence or several; empty when there is nothing to explain."""

    result: Result
    reason: str = ""


TARGET = {Wish.MASK: Phase.MASKED, Wish.UNMASK: Phase.UNMASKED}
OVERTAKEN = Verdict(Result.REFUSED, "A newer wish took its place.")


def verdict(state: State, view: View, wish: Wish, patient: bool = False) -> Verdict | None:
    """What became of `wish`, which was given earlier; None: it is still on its way.

    `patient`: while UNKNOWN goes on asking for it, it is still on its way, too.
    """
    if under_way(state, wish):
        return None
    if state.phase.pending:
        return OVERTAKEN
    if state.phase is Phase.UNKNOWN:
        chased = state.run is not None and state.run.wish is wish
        return None if patient and chased else Verdict(Result.UNKNOWN, _why(view))
    # A problem that is shown means that the recorder did not confirm this wish, whatever was known before it.
    if state.phase is TARGET[wish] and state.problem is None:
        return Verdict(Result.DONE)
    return Verdict(Result.REFUSED, _why(view))


def verdict_at_end(state: State, view: View, wish: Wish) -> Verdict:
    """The same when the caller waits no longer."""
    return verdict(state, view, wish) or Verdict(Result.PENDING, view.detail)


def under_way(state: State, wish: Wish) -> bool:
    """Whether `wish` is the one that MaskBar tries to fulfil, or the next."""
    if state.next is not None:
        return state.next is wish
    return state.phase.pending and state.pending_run.wish is wish


def ends_within(state: State, now: float) -> float:
    """Seconds by which every wish that is on its way at `now` (s, monotonic) has ended."""
    if not state.phase.pending:
        return 0.0
    left = max(0.0, state.pending_run.deadline - now)
    return left + state.limits.deadline if state.next else left


def _why(view: View) -> str:
    """The words that the window shows for it."""
    message = view.message
    if message:
        parts = (message.happened, message.words, message.card, message.todo)
        return " ".join(part for part in parts if part)
    return view.notice or view.guidance
