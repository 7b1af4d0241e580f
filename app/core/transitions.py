"""What the rows of the table do: small functions from a state and an event to the next state.

The one rule: no function here sends anything. `step` sends when a run is due and the line is free.

Longer than 300 lines because a row is understood beside its neighbours: all that can follow stands here.
"""

from dataclasses import replace

from app.core.failures import Failure, Fate
from app.core.ports import Seen, Wish
from app.core.retry import pause
from app.core.states import (
    Acknowledged,
    Answered,
    Ask,
    Doubted,
    Event,
    How,
    Known,
    Observed,
    Phase,
    Press,
    Problem,
    Proof,
    Run,
    State,
)

PENDING = {Wish.MASK: Phase.MASKING, Wish.UNMASK: Phase.UNMASKING}
OPPOSITE = {Wish.MASK: Phase.UNMASKED, Wish.UNMASK: Phase.MASKED}
MAY_BE_DONE = frozenset({Fate.PERHAPS, Fate.UNEXPECTED, Fate.DOUBT})


# Wishes.


def begin(state: State, wish: Wish, at: float) -> State:
    """Start a wish. If an earlier request is still in flight, the first attempt waits for it to land."""
    back = Known(state.phase, state.since, state.proof, state.masked_since, state.contact)
    run = Run(wish, began=at, deadline=at + state.limits.deadline, retry_at=at, back=back)
    return replace(
        state, phase=PENDING[wish], since=at, wish=wish, next=None, run=run, proof=None, contact=None
    )


def wish_mask(state: State, event: Ask | Press) -> State:
    return begin(state, Wish.MASK, event.at)


def wish_unmask(state: State, event: Ask | Press) -> State:
    return begin(state, Wish.UNMASK, event.at)


def same_wish(state: State, _: Ask) -> State:
    """The last wish wins: one for the opposite that was waiting is forgotten."""
    return replace(state, next=None)


def keep_for_next(state: State, event: Ask) -> State:
    return replace(state, next=event.wish)


def change_wish(state: State, event: Ask) -> State:
    return _turn(replace(state, next=event.wish), event.at)


def stay(state: State, _: Event) -> State:
    return state


# Answers to the attempt that is wished now.


def confirmed(state: State, event: Answered) -> State:
    state = _landed(state, event)
    run = state.pending_run
    if run.wish.other in state.fence and not run.seconded:
        run = replace(
            run,
            seconded=True,
            doubt=True,
            attempts=run.attempts + 1,
            retry_at=event.at + state.limits.quiet,
            why=None,
            words="",
        )
        state = replace(state, run=run)
        return _turn(state, event.at) if state.next else state
    how = How.ACCEPTED if event.answer.accepted else How.REPLY
    waiting = state.next
    state = _masked(state, event.at, how) if run.wish is Wish.MASK else _unmasked(state, event.at)
    return begin(state, waiting, event.at) if waiting else state


def keep_asking(state: State, event: Answered) -> State:
    """Accepted, busy, no certain answer, or never sent: ask again after a pause."""
    state = _landed(state, event)
    limits = state.limits
    run = state.pending_run
    wait = pause(
        run.attempts,
        event.chance,
        limits.first_pause,
        limits.pause_factor,
        limits.longest_pause,
        limits.shortest_pause,
    )
    run = replace(
        _counted(run, event),
        attempts=run.attempts + 1,
        retry_at=event.at + max(wait, event.answer.retry_after or 0.0),
    )
    state = replace(state, run=run)
    return _turn(state, event.at) if state.next else state


def refused(state: State, event: Answered) -> State:
    """The service said no: this wish is over. One that waits for its turn is still wished."""
    state = replace(_landed(state, event), run=_counted(state.pending_run, event))
    if state.next:
        return _turn(state, event.at)
    return _give_up(state, event.at, chase=False)


def no_call(state: State, event: Answered) -> State:
    """Nothing is masked, nothing is left to unmask, and nothing is kept for the next call."""
    failed = event.answer.failure or Failure.NO_CALL
    problem = Problem(failed, _flown(state), event.at, event.answer.words)
    # The answer says nothing about requests that are still on their way: the fence stays.
    fence = state.fence
    return replace(_unmasked(_landed(state, event), event.at), problem=problem, fence=fence)


def internal_call(state: State, event: Answered) -> State:
    """The current call is internal; a masked one may be another call, on hold."""
    state = replace(_landed(state, event), next=None)
    run = _counted(state.pending_run, event)
    run = replace(run, doubt=run.doubt or run.back.phase is not Phase.UNMASKED or run.wish is Wish.UNMASK)
    return _give_up(replace(state, run=run), event.at, chase=False)


def unexpected(state: State, event: Answered) -> State:
    """Not this API: asking again at once would tell nothing new."""
    state = replace(_landed(state, event), run=_counted(state.pending_run, event))
    return _turn(state, event.at) if state.next else _give_up(state, event.at, chase=True)


def superseded(state: State, event: Answered) -> State:
    """The answer to a request that is not wished any more: it frees the line, and may raise the fence.

    "No call" is as true for the wish that waits; but not when it was said of a call before this one.
    """
    failed = event.answer.failure
    if failed and failed.fate is Fate.NO_CALL and state.flight and not state.flight.stale:
        return no_call(state, event)
    wish = _flown(state)
    state = _landed(state, event)
    if event.answer.accepted:
        state = _fenced(state, wish)
    return _turn(state, event.at) if state.next else state


# Answers in UNKNOWN: to the chase, or late ones.


def late_confirmed(state: State, event: Answered) -> State:
    wish = _flown(state)
    state = _landed(state, event)
    run = state.run
    if wish.other in state.fence and not (run and run.seconded):
        if run:
            run = replace(run, seconded=True, retry_at=event.at + state.limits.quiet)
        return replace(state, run=run)
    how = How.ACCEPTED if event.answer.accepted else How.REPLY
    return _masked(state, event.at, how) if wish is Wish.MASK else _unmasked(state, event.at)


def chase_on(state: State, event: Answered) -> State:
    """Not the end yet. What was accepted may land after the chase, and after the next wish."""
    wish = _flown(state)
    state = _landed(state, event)
    if event.answer.accepted:
        state = _fenced(state, wish)
    if state.run is None:
        return state
    wait = max(state.limits.chase_pause, event.answer.retry_after or 0.0)
    return replace(state, run=replace(_counted(state.run, event), retry_at=event.at + wait))


def chase_refused(state: State, event: Answered) -> State:
    """Asking again is of no use, and what went before is still not known."""
    wish = _flown(state)
    state = _landed(state, event)
    failed = event.answer.failure or Failure.REFUSED
    return replace(state, run=None, problem=Problem(failed, wish, event.at, event.answer.words))


def chase_over(state: State, _: Event) -> State:
    return replace(state, run=None)


# Time.


def deadline(state: State, event: Event) -> State:
    return _turn(state, event.at) if state.next else _give_up(state, event.at, chase=True)


def evidence_over(state: State, event: Event) -> State:
    return _lost(state, event.at, Problem(Failure.EVIDENCE_OLD, None, event.at), chase=False)


# The world.


def doubted(state: State, event: Doubted) -> State:
    """What was known or wished was about a call that may be over: nothing is carried on."""
    state = replace(
        state,
        flight=replace(state.flight, stale=True) if state.flight else None,
        heard_at=event.at,
    )
    return _lost(state, event.at, Problem(event.failure, None, event.at), chase=False)


def doubted_unmasked(state: State, event: Doubted) -> State:
    """Nothing was believed; only read-backs that were asked for before say nothing any more."""
    return replace(state, heard_at=event.at)


def seen(state: State, event: Observed) -> State:
    """It fits, or says nothing of what is being waited for."""
    return replace(state, heard_at=event.asked_at)


def seen_while_pending(state: State, event: Observed) -> State:
    """Not what is being waited for; but what contradicts the knowledge to go back to ends that."""
    state = seen(state, event)
    run = state.pending_run
    back, since = run.back, state.masked_since
    if event.seen is Seen.MASKED:
        fits = back.phase is Phase.MASKED and _same_call(event.contact, back.contact)
        since = event.at if since is None else since
    else:
        fits = back.phase is Phase.UNMASKED
    if fits:
        return state
    back = replace(back, phase=Phase.UNKNOWN, proof=None)
    return replace(state, run=replace(run, back=back), masked_since=since)


def seen_masked(state: State, event: Observed) -> State:
    if state.phase is not Phase.UNMASKED and _may_be_undone(state, event, Wish.MASK):
        return seen(state, event)
    state = _masked(_still_open(seen(state, event)), event.at, How.RECORDER)
    return replace(state, proof=_read_proof(state, event), contact=event.contact)


def seen_still_masked(state: State, event: Observed) -> State:
    state = seen(state, event)
    if not _same_call(event.contact, state.contact):
        return _lost(state, event.at, Problem(Failure.CALL_CHANGED, None, event.at), chase=False)
    return replace(state, proof=_read_proof(state, event), contact=event.contact or state.contact)


def seen_recording_again(state: State, event: Observed) -> State:
    problem = Problem(Failure.RECORDING_AGAIN, None, event.at)
    return _lost(seen(state, event), event.at, problem, chase=False)


def seen_unclear(state: State, event: Observed) -> State:
    return _lost(seen(state, event), event.at, Problem(Failure.NOT_PROVEN, None, event.at), chase=False)


def seen_unmasked(state: State, event: Observed) -> State:
    if _may_be_undone(state, event, Wish.UNMASK):
        return seen(state, event)
    return _unmasked(_still_open(seen(state, event)), event.at)


def seen_recording_while_unknown(state: State, event: Observed) -> State:
    """It ends the doubt of the same call, once no mask can be on its way any more (the chase is over)."""
    open_still = (
        state.run or _may_be_undone(state, event, Wish.UNMASK) or not _same_call(event.contact, state.contact)
    )
    state = seen(state, event)
    return state if open_still else replace(_unmasked(state, event.at), problem=state.problem)


def acknowledged(state: State, _: Acknowledged) -> State:
    return replace(state, problem=None)


# Parts.


def _same_call(one: str | None, other: str | None) -> bool:
    """As far as it is known."""
    return None in (one, other) or one == other


def _may_be_undone(state: State, event: Observed, wish: Wish) -> bool:
    """The opposite of what is seen may still land. Then a read-back is the second confirmation, never the first;
    in UNKNOWN it must have been asked for when the last request has surely landed, and the quiet pause is over."""
    if wish.other not in state.fence:
        return False
    if state.phase.pending:
        return not state.pending_run.seconded
    return event.asked_at < state.since + state.limits.attempt + state.limits.quiet


def _fenced(state: State, wish: Wish) -> State:
    """This operation may still land."""
    return replace(state, fence=state.fence | {wish})


def _still_open(state: State) -> State:
    """What was accepted is done only if the read-back saw a change; else it may still land, and is fenced."""
    run = state.run
    if run is None or run.accepted_at is None or run.back.phase is OPPOSITE[run.wish]:
        return state
    return _fenced(state, run.wish)


def _read_proof(state: State, event: Observed) -> Proof:
    """As old as the question: nobody knows when, after it, the recorder looked."""
    return Proof(How.RECORDER, event.asked_at + state.limits.evidence_life)


def _flown(state: State) -> Wish:
    assert state.flight is not None  # noqa: S101  an answer that gets this far belongs to a flight
    return state.flight.wish


def _landed(state: State, event: Answered) -> State:
    """The line is free. What may still be done later raises the fence."""
    failed = event.answer.failure
    if failed and failed.fate in MAY_BE_DONE:
        state = _fenced(state, _flown(state))
    return replace(state, flight=None, heard_at=event.at)


def _counted(run: Run, event: Answered) -> Run:
    """The run with what this answer says of it."""
    failed = event.answer.failure
    return replace(
        run,
        doubt=run.doubt or failed is None or failed.fate in {Fate.BUSY, *MAY_BE_DONE},
        accepted_at=event.at if event.answer.accepted and run.accepted_at is None else run.accepted_at,
        why=failed,
        words=event.answer.words,
    )


def _turn(state: State, at: float) -> State:
    """Give up the present wish for the one that waits."""
    waiting = state.next
    assert waiting is not None  # noqa: S101  the callers looked
    return begin(_give_up(state, at, chase=False), waiting, at)


def _give_up(state: State, at: float, chase: bool) -> State:
    """The wish ends unfulfilled: UNKNOWN if it may have been done, else what was known before."""
    run = state.pending_run
    failed = run.why or Failure.NO_ANSWER
    half = run.accepted_at is not None or run.seconded
    if half and failed.fate in (Fate.BUSY, Fate.PERHAPS):
        failed = Failure.NOT_CONFIRMED
    problem = Problem(failed, run.wish, at, run.words)
    back = run.back
    expired = back.proof is not None and at >= back.proof.until
    if run.doubt or state.flight or expired or back.phase is Phase.UNKNOWN:
        return _lost(state, at, problem, chase)
    return replace(
        state,
        phase=back.phase,
        since=back.since,
        proof=back.proof,
        masked_since=back.masked_since,
        contact=back.contact,
        run=None,
        next=None,
        problem=problem,
    )


def _lost(state: State, at: float, problem: Problem, chase: bool) -> State:
    """UNKNOWN. With the wish mask, go on asking for a while if `chase`."""
    run = state.run
    following = None
    if run:
        if run.accepted_at is not None:
            state = _fenced(state, run.wish)
        if chase and run.wish is Wish.MASK:
            following = replace(
                run, deadline=at + state.limits.chase_for, retry_at=at + state.limits.chase_pause, doubt=True
            )
    began = run.began if run else at
    return replace(
        state,
        phase=Phase.UNKNOWN,
        since=at,
        run=following,
        next=None,
        proof=None,
        masked_since=began if state.masked_since is None else state.masked_since,
        problem=problem,
    )


def _masked(state: State, at: float, how: How) -> State:
    return replace(
        state,
        phase=Phase.MASKED,
        since=at,
        run=None,
        next=None,
        proof=Proof(how, at + state.limits.evidence_life),
        masked_since=at if state.masked_since is None else state.masked_since,
        fence=state.fence - {Wish.UNMASK},
        problem=None,
    )


def _unmasked(state: State, at: float) -> State:
    return replace(
        state,
        phase=Phase.UNMASKED,
        since=at,
        run=None,
        next=None,
        proof=None,
        masked_since=None,
        fence=state.fence - {Wish.MASK},
        problem=None,
        contact=None,
    )
