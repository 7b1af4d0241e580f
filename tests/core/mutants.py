"""BrokenError clients: each is the real `step` with one mistake that a tired programmer could make.

The one rule: each is caught by the same machine that the real one passes, or the machine proves nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from app.core.failures import Failure, Fate
from app.core.masking import due, step
from app.core.ports import Answer, Seen, Wish
from app.core.states import (
    Answered,
    Ask,
    Doubted,
    Effect,
    Event,
    How,
    Notice,
    Observed,
    Phase,
    Press,
    Proof,
    Run,
    Say,
    Send,
    State,
    Tick,
)

Stepped = tuple[State, tuple[Effect, ...]]
FOR_EVER = 1e9
"""Seconds."""
CONFIRMED = Answer(confirmed=True, status=200)


@dataclass(frozen=True)
class Mutant:
    """A broken client, and the promises that it breaks: the machine must name one of them."""

    step: Callable[[State, Event], Stepped]
    breaks: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.step.__name__


def believes_202(state: State, event: Event) -> Stepped:
    if isinstance(event, Answered) and event.answer.accepted and state.phase is Phase.MASKING:
        event = replace(event, answer=CONFIRMED)
    return step(state, event)


def forgets_the_fence(state: State, event: Event) -> Stepped:
    """A late unmask may undo the newer mask."""
    return step(replace(state, fence=state.fence - {Wish.UNMASK}), event)


def forgets_the_late_mask(state: State, event: Event) -> Stepped:
    """A late mask may follow the newer unmask, and nobody looks at it."""
    return step(replace(state, fence=state.fence - {Wish.MASK}), event)


def forgets_accepted_requests(state: State, event: Event) -> Stepped:
    """The fence knows only requests without an answer."""
    after, effects = step(state, event)
    if not isinstance(event, Answered) or event.answer.accepted:
        after = replace(after, fence=after.fence & state.fence)
    return after, effects


def has_no_quiet_pause(state: State, event: Event) -> Stepped:
    """The second confirmation is asked for at once."""
    limits = state.limits
    after, effects = step(replace(state, limits=replace(limits, quiet=0.0)), event)
    return replace(after, limits=limits), effects


def has_no_tickets(state: State, event: Event) -> Stepped:
    if isinstance(event, Answered) and state.flight:
        event = replace(event, ticket=state.flight.ticket)
    return step(state, event)


def trusts_for_ever(state: State, event: Event) -> Stepped:
    after, effects = step(state, event)
    return replace(after, proof=replace(after.proof, until=FOR_EVER) if after.proof else None), effects


def trusts_after_a_doubt(state: State, event: Event) -> Stepped:
    if isinstance(event, Doubted) and state.phase is Phase.MASKED:
        return step(state, Tick(event.at))
    return step(state, event)


def trusts_another_contact(state: State, event: Event) -> Stepped:
    if isinstance(event, Observed):
        event = replace(event, contact=None)
    return step(state, event)


def trusts_old_read_backs(state: State, event: Event) -> Stepped:
    if isinstance(event, Observed):
        event = replace(event, asked_at=max(event.asked_at, state.heard_at + 1e-6))
    return step(state, event)


def overlooks_a_contradiction(state: State, event: Event) -> Stepped:
    if isinstance(event, Observed) and event.seen is not Seen.MASKED:
        return step(state, Tick(event.at))
    return step(state, event)


def repeats_unmask_after_the_wish_changed(state: State, event: Event) -> Stepped:
    """Finishes what it began before it listens."""
    if isinstance(event, Ask) and event.wish is Wish.MASK and state.phase is Phase.UNMASKING:
        after, effects = step(state, Tick(event.at))
        return after, (*effects, Say(Notice.KEPT_FOR_NEXT))
    return step(state, event)


def sends_before_it_listens(state: State, event: Event) -> Stepped:
    """What became due while nobody looked goes out in the step that wishes otherwise."""
    wanted = due(state)
    if wanted is None or wanted > event.at or isinstance(event, Tick):
        return step(state, event)
    state, before = step(state, Tick(event.at))
    after, effects = step(state, event)
    return after, (*before, *effects)


def has_no_deadline(state: State, event: Event) -> Stepped:
    after, effects = step(state, event)
    return replace(after, run=replace(after.run, deadline=FOR_EVER) if after.run else None), effects


def has_two_in_flight(state: State, event: Event) -> Stepped:
    """Does not wait for the answer when the agent changes his mind."""
    if isinstance(event, Ask) and state.run and state.run.wish is not event.wish:
        state = replace(state, flight=None)
    return step(state, event)


def queues_a_mask_for_the_next_call(state: State, event: Event) -> Stepped:
    if (
        isinstance(event, Answered)
        and event.answer.failure is Failure.NO_CALL
        and state.phase is Phase.MASKING
    ):
        event = replace(event, answer=Answer(failure=Failure.AWAY))
    return step(state, event)


def carries_a_wish_to_the_next_call(state: State, event: Event) -> Stepped:
    """A doubt does not end what is pending."""
    if isinstance(event, Doubted) and state.phase.pending:
        return step(state, Tick(event.at))
    return step(state, event)


def takes_unknown_for_masked(state: State, event: Event) -> Stepped:
    after, effects = step(state, event)
    if after.phase is Phase.UNKNOWN and state.phase is Phase.MASKING and not after.flight:
        proof = Proof(How.REPLY, event.at + after.limits.evidence_life)
        after = replace(after, phase=Phase.MASKED, run=None, proof=proof)
        effects = tuple(effect for effect in effects if not isinstance(effect, Send))
    return after, effects


def goes_back_to_old_evidence(state: State, event: Event) -> Stepped:
    """A re-mask that is refused leads back to MASKED, although the evidence has run out meanwhile."""
    run = state.run
    if not state.phase.pending or not run or not run.back.proof:
        return step(state, event)
    renewed = replace(run.back.proof, until=event.at + 1.0)
    if run.back.proof.until > event.at:
        return step(state, event)
    return step(replace(state, run=replace(run, back=replace(run.back, proof=renewed))), event)


def goes_back_after_a_doubtful_attempt(state: State, event: Event) -> Stepped:
    """An unmask without an answer leads back to MASKED."""
    if state.run and state.phase.pending and not state.flight:
        state = replace(state, run=replace(state.run, doubt=False))
    return step(state, event)


def believes_answers_of_another_call(state: State, event: Event) -> Stepped:
    """Acts on an answer to a request that left before the call changed."""
    if state.flight:
        state = replace(state, flight=replace(state.flight, stale=False))
    return step(state, event)


def unmasks_by_itself(state: State, event: Event) -> Stepped:
    """When the evidence is over, it tidies up."""
    after, effects = step(state, event)
    if after.problem and after.problem.failure is Failure.EVIDENCE_OLD and state.phase is Phase.MASKED:
        return step(after, Ask(Wish.UNMASK, event.at))
    return after, effects


def goes_on_unmasking_in_unknown(state: State, event: Event) -> Stepped:
    """Chases an unmask as it may chase only a mask."""
    after, effects = step(state, event)
    run = state.run
    if after.phase is Phase.UNKNOWN and state.phase is Phase.UNMASKING and run and not after.run:
        after = replace(after, run=_chase(run, event.at, state))
    return after, effects


def _chase(run: Run, at: float, state: State) -> Run:
    limits = state.limits
    return replace(run, deadline=at + limits.chase_for, retry_at=at + limits.chase_pause)


def forgets_the_reminder(state: State, event: Event) -> Stepped:
    """UNKNOWN is not masked, is it?"""
    after, effects = step(state, event)
    if after.phase is Phase.UNKNOWN:
        after = replace(after, masked_since=None)
    return after, effects


def takes_a_press_for_a_wish(state: State, event: Event) -> Stepped:
    """The button toggles, also while an answer is awaited."""
    if isinstance(event, Press) and state.phase.pending:
        event = Ask(state.pending_run.wish.other, event.at)
    return step(state, event)


def takes_no_answer_for_not_masked(state: State, event: Event) -> Stepped:
    """A mask that timed out did not happen."""
    failure = event.answer.failure if isinstance(event, Answered) else None
    masking = state.phase is Phase.MASKING and state.flight is not None
    if isinstance(event, Answered) and masking and failure and failure.fate is Fate.PERHAPS:
        event = replace(event, answer=Answer(failure=Failure.REFUSED))
    return step(state, event)


MUTANTS = [
    Mutant(believes_202, ("G01", "G02")),
    Mutant(forgets_the_fence, ("G06",)),
    Mutant(forgets_the_late_mask, ("G06", "rule 5")),
    Mutant(forgets_accepted_requests, ("G06", "rule 5")),
    Mutant(has_no_quiet_pause, ("G06", "rule 5")),
    Mutant(has_no_tickets, ("G07",)),
    Mutant(trusts_for_ever, ("G04",)),
    Mutant(trusts_after_a_doubt, ("G04",)),
    Mutant(trusts_another_contact, ("G04",)),
    Mutant(trusts_old_read_backs, ("G04",)),
    Mutant(overlooks_a_contradiction, ("G04",)),
    Mutant(repeats_unmask_after_the_wish_changed, ("G09",)),
    Mutant(sends_before_it_listens, ("G09", "G10")),
    Mutant(has_no_deadline, ("G08",)),
    Mutant(has_two_in_flight, ("G05",)),
    Mutant(queues_a_mask_for_the_next_call, ("G10",)),
    Mutant(carries_a_wish_to_the_next_call, ("G04", "G10")),
    Mutant(takes_unknown_for_masked, ("G01", "G02", "G03")),
    Mutant(goes_back_to_old_evidence, ("G04",)),
    Mutant(goes_back_after_a_doubtful_attempt, ("G02", "G03", "rule 5")),
    Mutant(believes_answers_of_another_call, ("G04", "G07")),
    Mutant(unmasks_by_itself, ("G09",)),
    Mutant(goes_on_unmasking_in_unknown, ("G09", "rule 8")),
    Mutant(forgets_the_reminder, ("rule 5",)),
    Mutant(takes_a_press_for_a_wish, ("rule 3",)),
    Mutant(takes_no_answer_for_not_masked, ("rule 5",)),
]
