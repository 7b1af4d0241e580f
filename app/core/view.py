"""What every surface shows: one View from one state and one moment, so that no two surfaces can disagree.

The one rule: `card` (the card may be taken) is true in MASKED and nowhere else, and no word says otherwise.
All words that depend on the state are here and in `failures.py`; sentences are whole, for translators. What a View is
made of stands in `picture.py`.
"""

import math
from dataclasses import dataclass, field
from typing import assert_never

from app.core.failures import Failure
from app.core.picture import NO_CARD, Choice, Message, View
from app.core.reminders import Climb, countdown, level, masked_for
from app.core.states import How, Notice, Problem, State
from app.core.terms import Ladder, Level, Phase, Wish

WORDS = {
    Phase.UNMASKED: "NOT MASKED",
    Phase.MASKING: "MASKING…",
    Phase.MASKED: "MASKED",
    Phase.UNMASKING: "UNMASKING…",
    Phase.UNKNOWN: "UNKNOWN",
}

NOTICES = {
    Notice.STILL_PENDING: "One moment, still working on it.",
    Notice.KEPT_FOR_NEXT: "Noted, it is next.",
    Notice.DOUBLE_CLICK: "Double-click: the call stays masked.",
    Notice.INCIDENT: "Noted. Paste it to your supervisor.",
}

HOW = {
    How.REPLY: "Confirmed by the service’s reply",
    How.ACCEPTED: "Accepted by the service",
    How.RECORDER: "Voice confirmed by the recorder",
}

STOP_CARD = "STOP taking the card."
CONTRADICTIONS = frozenset({Failure.RECORDING_AGAIN, Failure.NOT_PROVEN})


@dataclass(frozen=True, slots=True)
class Beside:
    """What is shown beside the state."""

    climb: Climb = field(default_factory=Climb)
    ladder: Ladder = field(default_factory=Ladder)
    notice: Notice | None = None
    leaving: bool = False
    fault: str = ""


def alarm(state: State) -> bool:
    """The recorder contradicted a mask, and the agent has not said that it was read."""
    return bool(state.problem and state.problem.failure in CONTRADICTIONS and not state.phase.pending)


NOTHING_BESIDE = Beside()


def view(state: State, now: float, beside: Beside = NOTHING_BESIDE) -> View:
    """The View of `state` at `now` (s, monotonic)."""
    masked = masked_for(state, now)
    reminding = level(beside.climb, state, beside.ladder, now)
    counting = countdown(beside.climb, state, beside.ladder, now)
    run = state.run if state.phase.pending else None
    return View(
        phase=state.phase,
        word=WORDS[state.phase],
        guidance=STOP_CARD if alarm(state) else _guidance(state, reminding),
        detail=_detail(state, now, masked, counting),
        icon=state.phase.value,
        card=state.phase is Phase.MASKED,
        button=_button(state),
        second=Choice("Unmask", Wish.UNMASK) if state.phase is Phase.UNKNOWN else None,
        clock="" if masked is None else minutes(masked),
        progress=min(1.0, max(0.0, now - run.began) / (run.deadline - run.began)) if run else None,
        reminding=reminding,
        alarm=alarm(state),
        snooze=_snooze(state, reminding, counting),
        message=None if state.phase.pending or not state.problem else _message(state, state.problem),
        notice=NOTICES[beside.notice] if beside.notice else "",
        leaving=_leaving(state) if beside.leaving else "",
        fault=beside.fault,
    )


def minutes(seconds: float) -> str:
    """Seconds as 0:42, 12:05, 1:02:03."""
    whole = int(seconds)
    hours, rest = divmod(whole, 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}" if hours else f"{rest // 60}:{rest % 60:02}"


def _button(state: State) -> Choice:
    if state.phase.pending:
        return Choice("Wait…", state.pending_run.wish, enabled=False)
    if state.phase is Phase.MASKED:
        return Choice("Unmask", Wish.UNMASK)
    return Choice("Mask", Wish.MASK)


def _guidance(state: State, reminding: Level) -> str:
    match state.phase:
        case Phase.UNMASKED | Phase.UNKNOWN:
            return NO_CARD
        case Phase.MASKING:
            return "Wait, do not take the card yet."
        case Phase.MASKED:
            return "Still masked. Card done? Unmask." if reminding else "You can take the card now."
        case Phase.UNMASKING:
            return "Wait, do not take card details."
        case _:
            assert_never(state.phase)


def _detail(state: State, now: float, masked: float | None, counting: float | None) -> str:
    if counting is not None:
        return f"Unmasks by itself in {math.ceil(counting)} s"
    if state.phase.pending:
        waited = max(0.0, now - state.pending_run.began)
        return f"{_waiting_for(state)} · {waited:.0f} s"
    if state.phase is Phase.UNKNOWN and masked is not None:
        if state.run:
            return "Treat as recorded · still asking to mask"
        return "Treat as recorded · it may be masked"
    return HOW[state.proof.how] if state.proof else ""


def _snooze(state: State, reminding: Level, counting: float | None) -> str:
    if state.phase.pending or (reminding is Level.QUIET and counting is None):
        return ""
    return "Still taking the card" if state.phase is Phase.MASKED else "Remind me later"


def _leaving(state: State) -> str:
    if state.phase is Phase.MASKED:
        return "The call is still masked. Without MaskBar nobody reminds you to unmask it."
    return "The call may be masked. Without MaskBar nobody reminds you to unmask it."


def _waiting_for(state: State) -> str:
    run = state.pending_run
    if run.seconded:
        return "Making sure that it holds"
    if run.why is not None:
        return _WAITING.get(run.why, "Asking again")
    return "The recorder is working on it" if run.accepted_at is not None else "Asking the recorder"


_WAITING = {
    Failure.LOCKED: "The recorder is still busy",
    Failure.THROTTLED: "The service is busy, asking again",
    Failure.AWAY: "The service is away, asking again",
    Failure.NOT_REACHED: "No connection, trying again",
    Failure.NO_ANSWER: "No answer yet, asking again",
}


def _message(state: State, problem: Problem) -> Message:
    words = problem.failure.words
    happened, todo = words.happened, words.todo
    if problem.wish is Wish.UNMASK:
        if problem.failure is Failure.NO_CALL:
            happened, todo = "The call is over. There is nothing left to unmask.", ""
        elif state.phase is Phase.MASKED:
            todo = f"The call is still masked. {todo}"
        elif problem.failure is Failure.INTERNAL_CALL:
            todo = "The masked call may be on hold. Press Unmask when you are back with the customer."
    card = "You can take the card." if state.phase is Phase.MASKED else NO_CARD
    return Message(happened, card, todo, problem.failure.name, problem.words)
