"""State machines that are broken on purpose, each in the way its name tells: what the whole-program machine must catch.

The one rule: a broken one calls the real `step` and spoils one thing. The controller is given it in place of the real.
"""

from collections.abc import Callable
from dataclasses import replace

from app.core import masking
from app.core.failures import Failure
from app.core.states import Answered, Ask, Effect, Event, Flight, Phase, Press, State

Step = Callable[[State, Event], tuple[State, tuple[Effect, ...]]]
Stepped = tuple[State, tuple[Effect, ...]]

step = masking.step


def believes_202(state: State, event: Event) -> Stepped:
    if isinstance(event, Answered) and event.answer.accepted:
        event = replace(event, answer=replace(event.answer, accepted=False, confirmed=True))
    return step(state, event)


def forgets_the_fence(state: State, event: Event) -> Stepped:
    return step(replace(state, fence=frozenset()), event)


def no_tickets(state: State, event: Event) -> Stepped:
    """Whatever answer comes is taken for the answer to what is wished now."""
    if isinstance(event, Answered) and state.flight and state.run:
        state = replace(state, flight=Flight(event.ticket, state.run.wish))
    return step(state, event)


def trusts_for_ever(state: State, event: Event) -> Stepped:
    if state.proof:
        state = replace(state, proof=replace(state.proof, until=float("inf")))
    return step(state, event)


def retries_unmask_after_the_wish_changed(state: State, event: Event) -> Stepped:
    """Finishes what it has begun before it looks at the next wish."""
    if isinstance(event, Answered) and not event.answer.confirmed and state.phase is Phase.UNMASKING:
        waiting = state.next
        after, effects = step(replace(state, next=None), event)
        return (replace(after, next=waiting) if after.phase.pending else after), effects
    return step(state, event)


def two_in_flight(state: State, event: Event) -> Stepped:
    """Does not wait for the answer when the agent wishes something else."""
    if isinstance(event, Ask | Press) and state.flight:
        return step(replace(state, flight=None, run=None, phase=Phase.UNKNOWN), event)
    return step(state, event)


def keeps_a_mask_for_the_next_call(state: State, event: Event) -> Stepped:
    if isinstance(event, Answered) and event.answer.failure is Failure.NO_CALL:
        event = replace(event, answer=replace(event.answer, failure=Failure.LOCKED))
    return step(state, event)


BROKEN: dict[str, tuple[Step, str]] = {
    "believes 202": (believes_202, "G02"),
    "forgets the fence": (forgets_the_fence, "G06"),
    "no tickets": (no_tickets, "G07"),
    "trusts for ever": (trusts_for_ever, "G04"),
    "retries unmask after the wish changed": (retries_unmask_after_the_wish_changed, "G09"),
    "two in flight": (two_in_flight, "G05"),
    "keeps a mask for the next call": (keeps_a_mask_for_the_next_call, "G10"),
}
"""The step, and the guarantee that it breaks."""
