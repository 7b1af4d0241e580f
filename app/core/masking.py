"""The heart: what is known of the recording, what the agent wishes, and what follows from each event.

An essay of the rules
---------------------

The agent's *wish* (mask, unmask) is kept apart from what is *known* of the recording (the phase). Two mistakes
must never happen: to say MASKED when the call is recorded, and to leave a call masked that nobody looks at. So:

1.  MASKED is entered only by a confirmation (200) of a mask that is wished now, or by a read-back that says so.
    "Accepted" (202) proves nothing, unless the organisation has measured its tenant and set `settle`.
2.  Each attempt has a ticket. An answer to another ticket than the one in flight changes nothing.
3.  One request is in flight, ever. While a wish is pending a press only says so; an explicit wish for the
    opposite is kept (the last one wins) and acted on when the request in flight has landed.
4.  A total deadline bounds a pending wish. Past it the phase is UNKNOWN if any attempt may have reached the
    service, else what was known before. UNKNOWN with the wish *mask* goes on asking at a slower pace for a
    while (the *chase*); with the wish *unmask* nothing more is sent.
5.  UNKNOWN counts as recorded for the card number, and as masked for the reminders (`masked_since`).
6.  The *fence*: an operation whose outcome is unknown may still land late and undo a newer one. So the opposite
    operation counts only when it is confirmed a second time after a quiet pause; a read-back can be the second. The vendor's
    danger is the late unmask; a late mask, which would leave a call masked unseen, is fenced the same way.
    The fence knows no time limit: nobody has promised one.
7.  MASKED never outlives its evidence: age, suspend, another user or call, a read-back that contradicts.
8.  An unmask is never sent by itself: only events that say so ask for one.
9.  "No call" and "internal call" end the wish, and the next one with it: nothing is kept for a later call.
10. An event for which the table has no row changes nothing and is reported.

Time comes first: before an event is looked at, what its time has ended is ended. Sending comes last: a request
that became due while nobody looked goes out only if it is still wished after the event.

The table further down is the whole behaviour: `step` only looks things up in it, and the picture in the README
is drawn from it. What the rows do is in `transitions.py`.
"""

from collections.abc import Callable
from dataclasses import replace
from enum import Enum
from typing import Any, NamedTuple, assert_never

from app.core import transitions as do
from app.core.failures import Fate
from app.core.ports import Seen, Wish
from app.core.states import (
    Acknowledged,
    Answered,
    Ask,
    Doubted,
    Effect,
    Event,
    Flight,
    Ignored,
    Notice,
    Observed,
    Phase,
    Press,
    Run,
    Say,
    Send,
    State,
    Tick,
)


class Input(Enum):
    """An event as the table reads it; the value is the label in the picture."""

    PRESS = "press"
    DOUBLE_CLICK = "double-click"
    WISH_MASK = "wish mask"
    WISH_UNMASK = "wish unmask"
    SAME_WISH = "same wish"
    NEXT_WISH = "other wish, line busy"
    OTHER_WISH = "other wish"
    CONFIRMED = "confirmed"
    ACCEPTED = "accepted"
    BUSY = "busy"
    PERHAPS = "no certain answer"
    NOT_SENT = "not sent"
    REFUSED = "refused"
    NO_CALL = "no call"
    INTERNAL = "internal call"
    UNEXPECTED = "unexpected answer"
    SUPERSEDED = "superseded answer"
    OLD_TICKET = "answer to an old ticket"
    SEEN_MASKED = "read-back masked"
    SEEN_RECORDING = "read-back recording"
    SEEN_UNCLEAR = "read-back unclear"
    SEEN_LATE = "read-back too old"
    DOUBTED = "doubt"
    ACKNOWLEDGED = "acknowledged"
    DEADLINE = "deadline"
    EVIDENCE_OVER = "evidence too old"
    TICK = "tick"


class Row(NamedTuple):
    """Do `action`; the phase is then one of `to`. Tell the agent `say`, if anything."""

    action: Callable[[State, Any], State]
    to: tuple[Phase, ...]
    say: Notice | None = None


UNMASKED, MASKING, MASKED = Phase.UNMASKED, Phase.MASKING, Phase.MASKED
UNMASKING, UNKNOWN = Phase.UNMASKING, Phase.UNKNOWN


def _pending(mine: Phase, other: Phase, done: Phase) -> dict[tuple[Phase, Input], Row]:
    """The rows that masking and unmasking share."""
    back = (UNMASKED, MASKED, UNKNOWN, other)
    return {
        (mine, Input.PRESS): Row(do.stay, (mine,), Notice.STILL_PENDING),
        (mine, Input.SAME_WISH): Row(do.same_wish, (mine,), Notice.STILL_PENDING),
        (mine, Input.NEXT_WISH): Row(do.keep_for_next, (mine,), Notice.KEPT_FOR_NEXT),
        (mine, Input.OTHER_WISH): Row(do.change_wish, (other,)),
        (mine, Input.CONFIRMED): Row(do.confirmed, (done, mine, other)),
        (mine, Input.ACCEPTED): Row(do.keep_asking, (mine, other)),
        (mine, Input.BUSY): Row(do.keep_asking, (mine, other)),
        (mine, Input.PERHAPS): Row(do.keep_asking, (mine, other)),
        (mine, Input.NOT_SENT): Row(do.keep_asking, (mine, other)),
        (mine, Input.REFUSED): Row(do.refused, back),
        (mine, Input.NO_CALL): Row(do.no_call, (UNMASKED,)),
        (mine, Input.UNEXPECTED): Row(do.unexpected, (UNKNOWN, other)),
        (mine, Input.SUPERSEDED): Row(do.superseded, (mine, other, UNMASKED)),
        (mine, Input.DEADLINE): Row(do.deadline, back),
        (mine, Input.DOUBTED): Row(do.doubted, (UNKNOWN,)),
        (mine, Input.SEEN_UNCLEAR): Row(do.seen_while_pending, (mine,)),
    }


TABLE: dict[tuple[Phase, Input], Row] = {
    (UNMASKED, Input.WISH_MASK): Row(do.wish_mask, (MASKING,)),
    (UNMASKED, Input.WISH_UNMASK): Row(do.wish_unmask, (UNMASKING,)),
    (UNMASKED, Input.SEEN_MASKED): Row(do.seen_masked, (MASKED,)),
    (UNMASKED, Input.SEEN_RECORDING): Row(do.seen, (UNMASKED,)),
    (UNMASKED, Input.SEEN_UNCLEAR): Row(do.seen, (UNMASKED,)),
    (UNMASKED, Input.DOUBTED): Row(do.doubted_unmasked, (UNMASKED,)),
    **_pending(MASKING, UNMASKING, MASKED),
    (MASKING, Input.INTERNAL): Row(do.internal_call, (UNMASKED, UNKNOWN)),
    (MASKING, Input.SEEN_MASKED): Row(do.seen_masked, (MASKED, MASKING)),
    (MASKING, Input.SEEN_RECORDING): Row(do.seen_while_pending, (MASKING,)),
    (MASKED, Input.WISH_MASK): Row(do.wish_mask, (MASKING,)),
    (MASKED, Input.WISH_UNMASK): Row(do.wish_unmask, (UNMASKING,)),
    (MASKED, Input.DOUBLE_CLICK): Row(do.stay, (MASKED,), Notice.DOUBLE_CLICK),
    (MASKED, Input.SEEN_MASKED): Row(do.seen_still_masked, (MASKED, UNKNOWN)),
    (MASKED, Input.SEEN_RECORDING): Row(do.seen_recording_again, (UNKNOWN,)),
    (MASKED, Input.SEEN_UNCLEAR): Row(do.seen_unclear, (UNKNOWN,)),
    (MASKED, Input.DOUBTED): Row(do.doubted, (UNKNOWN,)),
    (MASKED, Input.EVIDENCE_OVER): Row(do.evidence_over, (UNKNOWN,)),
    **_pending(UNMASKING, MASKING, UNMASKED),
    (UNMASKING, Input.INTERNAL): Row(do.internal_call, (UNKNOWN,)),
    (UNMASKING, Input.SEEN_MASKED): Row(do.seen_while_pending, (UNMASKING,)),
    (UNMASKING, Input.SEEN_RECORDING): Row(do.seen_unmasked, (UNMASKED, UNMASKING)),
    (UNKNOWN, Input.WISH_MASK): Row(do.wish_mask, (MASKING,)),
    (UNKNOWN, Input.WISH_UNMASK): Row(do.wish_unmask, (UNMASKING,)),
    (UNKNOWN, Input.CONFIRMED): Row(do.late_confirmed, (MASKED, UNMASKED, UNKNOWN)),
    (UNKNOWN, Input.ACCEPTED): Row(do.chase_on, (UNKNOWN,)),
    (UNKNOWN, Input.BUSY): Row(do.chase_on, (UNKNOWN,)),
    (UNKNOWN, Input.PERHAPS): Row(do.chase_on, (UNKNOWN,)),
    (UNKNOWN, Input.NOT_SENT): Row(do.chase_on, (UNKNOWN,)),
    (UNKNOWN, Input.UNEXPECTED): Row(do.chase_on, (UNKNOWN,)),
    (UNKNOWN, Input.REFUSED): Row(do.chase_refused, (UNKNOWN,)),
    (UNKNOWN, Input.INTERNAL): Row(do.chase_refused, (UNKNOWN,)),
    (UNKNOWN, Input.NO_CALL): Row(do.no_call, (UNMASKED,)),
    (UNKNOWN, Input.SUPERSEDED): Row(do.superseded, (UNKNOWN, UNMASKED)),
    (UNKNOWN, Input.SEEN_MASKED): Row(do.seen_masked, (MASKED, UNKNOWN)),
    (UNKNOWN, Input.SEEN_RECORDING): Row(do.seen_recording_while_unknown, (UNMASKED, UNKNOWN)),
    (UNKNOWN, Input.SEEN_UNCLEAR): Row(do.seen, (UNKNOWN,)),
    (UNKNOWN, Input.DOUBTED): Row(do.doubted, (UNKNOWN,)),
    (UNKNOWN, Input.DEADLINE): Row(do.chase_over, (UNKNOWN,)),
    **{(phase, Input.TICK): Row(do.stay, (phase,)) for phase in Phase},
    **{(phase, Input.SEEN_LATE): Row(do.stay, (phase,)) for phase in Phase},
    **{(phase, Input.ACKNOWLEDGED): Row(do.acknowledged, (phase,)) for phase in Phase},
}


def step(state: State, event: Event) -> tuple[State, tuple[Effect, ...]]:
    """The next state, and what the controller is to do. Pure; every event is allowed at every moment.

    What the event's time has ended ends first; what is due to be sent is sent last, by what is wished then.
    """
    if not isinstance(event, Tick):
        state, _ = _follow(state, Tick(event.at))
    state, effects = _follow(state, event)
    return _sent(state, event.at, effects)


def _follow(state: State, event: Event) -> tuple[State, tuple[Effect, ...]]:
    row = TABLE.get((state.phase, read(state, event)))
    if row is None:
        return state, (Ignored(state.phase, event),)
    after = row.action(state, event)
    assert after.phase in row.to, (state, event, after)  # noqa: S101  the table is the truth
    return after, (Say(row.say),) if row.say else ()


def due(state: State) -> float | None:
    """When (s) the next `Tick` is wanted; None: not before another event."""
    if state.run:
        return state.run.deadline if state.flight else min(state.run.deadline, state.run.retry_at)
    return state.proof.until if state.proof else None


def read(state: State, event: Event) -> Input:
    """The event as the table knows it."""
    match event:
        case Press():
            return _read_press(state, event)
        case Ask():
            return _read_ask(state, event)
        case Answered():
            return _read_answer(state, event)
        case Observed():
            return _read_observed(state, event)
        case Doubted():
            return Input.DOUBTED
        case Acknowledged():
            return Input.ACKNOWLEDGED
        case Tick():
            return _read_tick(state, event)
        case _:
            assert_never(event)


def _sent(state: State, at: float, effects: tuple[Effect, ...]) -> tuple[State, tuple[Effect, ...]]:
    """Send what is due, if the line is free."""
    run = state.run
    if run is None or state.flight or not run.retry_at <= at < run.deadline:
        return state, effects
    ticket = state.ticket + 1
    state = replace(state, ticket=ticket, flight=Flight(ticket, run.wish))
    return state, (*effects, Send(ticket, run.wish, state.limits.attempt))


def _read_press(state: State, event: Press) -> Input:
    if state.phase.pending:
        return Input.PRESS
    if (
        state.phase is MASKED
        and event.wish is Wish.UNMASK
        and event.at - state.since < state.limits.press_guard
    ):
        return Input.DOUBLE_CLICK
    return _read_ask(state, Ask(event.wish, event.at))


def _read_ask(state: State, event: Ask) -> Input:
    if not state.phase.pending:
        return Input.WISH_MASK if event.wish is Wish.MASK else Input.WISH_UNMASK
    if event.wish is state.pending_run.wish:
        return Input.SAME_WISH
    return Input.NEXT_WISH if state.flight else Input.OTHER_WISH


_FATES = {
    Fate.NOT_SENT: Input.NOT_SENT,
    Fate.NOT_DONE: Input.REFUSED,
    Fate.NO_CALL: Input.NO_CALL,
    Fate.INTERNAL: Input.INTERNAL,
    Fate.BUSY: Input.BUSY,
    Fate.PERHAPS: Input.PERHAPS,
    Fate.UNEXPECTED: Input.UNEXPECTED,
    Fate.DOUBT: Input.UNEXPECTED,  # no recorder answers so; if one did, it would not speak this API
}


def _read_answer(state: State, event: Answered) -> Input:
    flight, run, answer = state.flight, state.run, event.answer
    if flight is None or flight.ticket != event.ticket:
        return Input.OLD_TICKET
    if flight.stale or (run and run.wish is not flight.wish):
        return Input.SUPERSEDED
    if answer.failure:
        return _FATES[answer.failure.fate]
    if answer.confirmed or (run and _accepted_long_enough(run, event.at, state.limits.settle)):
        return Input.CONFIRMED
    return Input.ACCEPTED


def _accepted_long_enough(run: Run, at: float, settle: float | None) -> bool:
    return settle is not None and run.accepted_at is not None and at - run.accepted_at >= settle


def _read_observed(state: State, event: Observed) -> Input:
    # Beside a request, or asked for before the newest knowledge came (a clock may stand still: "by then"), it
    # may be older than that. Nor is old evidence believed for being told late.
    oldest = max(state.heard_at, event.at - state.limits.evidence_life)
    if state.flight or event.asked_at <= oldest:
        return Input.SEEN_LATE
    return {
        Seen.MASKED: Input.SEEN_MASKED,
        Seen.RECORDING: Input.SEEN_RECORDING,
        Seen.UNCLEAR: Input.SEEN_UNCLEAR,
    }[event.seen]


def _read_tick(state: State, event: Tick) -> Input:
    if state.run and event.at >= state.run.deadline:
        return Input.DEADLINE
    if state.proof and event.at >= state.proof.until:
        return Input.EVIDENCE_OVER
    return Input.TICK
