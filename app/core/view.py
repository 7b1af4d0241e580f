"""What every surface shows: one View from one state and one moment, so that no two surfaces can disagree.

The one rule: `card` (the card may be taken) is true in MASKED and nowhere else, and no word says otherwise.
All words that depend on the state are here and in `failures.py`; sentences are whole, for translators.
"""

from dataclasses import dataclass

from app.core.failures import Failure
from app.core.ports import Wish
from app.core.reminders import masked_for, overdue
from app.core.states import How, Notice, Phase, Problem, State


@dataclass(frozen=True, slots=True)
class Choice:
    """A thing the agent can do. `enabled` False: shown, and not now."""

    label: str
    wish: Wish
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class Message:
    """A failure that stays until it is acknowledged or overtaken by a success."""

    happened: str
    card: str
    """Whether the card may be taken."""
    todo: str
    code: str
    """For support: the failure's name."""
    words: str = ""
    """The service's own words."""


@dataclass(frozen=True, slots=True)
class View:
    """What is drawn, said and answered."""

    phase: Phase
    word: str
    """The state, in capitals."""
    guidance: str
    """One short sentence: what it means for the agent, now."""
    detail: str
    """Why it is so, or for how long already: a few words; empty when there is nothing to say."""
    icon: str
    """The name of the state's shape, in resources/icons."""
    card: bool
    """The card may be taken."""
    button: Choice
    second: Choice | None = None
    clock: str = ""
    """How long the call has been masked, as 0:42; empty when it is not."""
    progress: float | None = None
    """The time that a pending wish has taken, as a part of its deadline, 0 to 1."""
    reminding: bool = False
    """The call was left masked (or may have been): to be said unmistakably, and again."""
    message: Message | None = None
    notice: str = ""
    """Why the last press started nothing."""

    @property
    def spoken(self) -> str:
        """For screen readers and tooltips: the state and what it means, in one line."""
        return f"{self.word} {self.clock}. {self.guidance}" if self.clock else f"{self.word}. {self.guidance}"


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
}

HOW = {
    How.REPLY: "Confirmed by the service’s reply",
    How.ACCEPTED: "Accepted by the service",
    How.RECORDER: "Voice confirmed by the recorder",
}

NO_CARD = "Do not take card details."


def view(state: State, now: float, remind_after: float, notice: Notice | None = None) -> View:
    """The View of `state` at `now` (s, monotonic)."""
    masked = masked_for(state, now)
    reminding = overdue(state, now, remind_after)
    run = state.run if state.phase.pending else None
    return View(
        phase=state.phase,
        word=WORDS[state.phase],
        guidance=_guidance(state, reminding),
        detail=_detail(state, now, masked),
        icon=state.phase.value,
        card=state.phase is Phase.MASKED,
        button=_button(state),
        second=Choice("Unmask", Wish.UNMASK) if state.phase is Phase.UNKNOWN else None,
        clock="" if masked is None else minutes(masked),
        progress=min(1.0, max(0.0, now - run.began) / (run.deadline - run.began)) if run else None,
        reminding=reminding,
        message=None if state.phase.pending or not state.problem else _message(state, state.problem),
        notice=NOTICES[notice] if notice else "",
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


def _guidance(state: State, reminding: bool) -> str:
    match state.phase:
        case Phase.UNMASKED | Phase.UNKNOWN:
            return NO_CARD
        case Phase.MASKING:
            return "Wait, do not take the card yet."
        case Phase.MASKED:
            return "Still masked. Card done? Unmask." if reminding else "You can take the card now."
        case Phase.UNMASKING:
            return "Wait, do not take card details."


def _detail(state: State, now: float, masked: float | None) -> str:
    if state.phase.pending:
        waited = max(0.0, now - state.pending_run.began)
        return f"{_waiting_for(state)} · {waited:.0f} s"
    if state.phase is Phase.UNKNOWN and masked is not None:
        if state.run:
            return "Treat as recorded · still asking to mask"
        return "Treat as recorded · it may be masked"
    return HOW[state.proof.how] if state.proof else ""


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
