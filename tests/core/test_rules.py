"""The rules one by one, as short stories; among them each that the core once broke, found by the machine."""

import pytest

from app.core.failures import Failure
from app.core.masking import due, step
from app.core.ports import Answer, Seen, Wish
from app.core.states import (
    Answered,
    Ask,
    Doubted,
    Effect,
    Event,
    How,
    Ignored,
    Limits,
    Notice,
    Observed,
    Phase,
    Press,
    Say,
    Send,
    State,
    Tick,
)

OK = Answer(confirmed=True, status=200)
TAKEN = Answer(accepted=True, status=202)


def failed(failure: Failure) -> Answer:
    return Answer(failure=failure)


def play(*events: Event, limits: Limits | None = None) -> tuple[State, list[Effect]]:
    """The state after `events`, and all that was to be done."""
    state = State(limits=limits or Limits())
    done: list[Effect] = []
    for event in events:
        state, effects = step(state, event)
        done += effects
    return state, done


def sent(effects: list[Effect]) -> list[Wish]:
    return [effect.wish for effect in effects if isinstance(effect, Send)]


MASKED = (Ask(Wish.MASK, 1.0), Answered(1, OK, 1.2))


@pytest.mark.guarantee("G01")
@pytest.mark.guarantee("G02")
def test_accepted_is_not_masked_until_it_is_confirmed() -> None:
    state, _ = play(Ask(Wish.MASK, 1.0), Answered(1, TAKEN, 1.1))
    assert state.phase is Phase.MASKING
    state, _ = play(Ask(Wish.MASK, 1.0), Answered(1, TAKEN, 1.1), Tick(1.5), Answered(2, OK, 1.6))
    assert state.phase is Phase.MASKED


@pytest.mark.guarantee("G02")
def test_a_measured_tenant_may_count_accepted_after_a_while() -> None:
    limits = Limits(settle=3.0)
    begun = (Ask(Wish.MASK, 0.0), Answered(1, TAKEN, 0.0), Tick(1.0))
    early, _ = play(*begun, Answered(2, TAKEN, 2.9), limits=limits)
    late, _ = play(*begun, Answered(2, TAKEN, 3.0), limits=limits)
    assert early.phase is Phase.MASKING
    assert late.phase is Phase.MASKED
    assert late.proof
    assert late.proof.how is How.ACCEPTED


@pytest.mark.guarantee("G03")
@pytest.mark.parametrize("failure", [Failure.UNEXPECTED, Failure.SUSPENDED])
@pytest.mark.parametrize("wish", Wish)
def test_what_does_not_speak_this_api_ends_in_unknown(failure: Failure, wish: Wish) -> None:
    """An answer whose failure is a doubt once broke the table's own promise."""
    state, _ = play(*MASKED, Ask(wish, 2.0), Answered(2, failed(failure), 2.1))
    assert state.phase is Phase.UNKNOWN


@pytest.mark.guarantee("G09")
def test_an_unmask_that_became_due_unseen_is_not_sent_after_the_wish_changed() -> None:
    """The timer is late: the agent wishes to mask before the repeated unmask has gone out."""
    unmasking = (Ask(Wish.UNMASK, 2.0), Answered(2, failed(Failure.LOCKED), 2.1))
    _, effects = play(*MASKED, *unmasking, Ask(Wish.MASK, 5.0))
    assert sent(effects) == [Wish.MASK, Wish.UNMASK, Wish.MASK]


@pytest.mark.guarantee("G10")
def test_a_mask_that_became_due_unseen_is_not_sent_to_another_call() -> None:
    masking = (Ask(Wish.MASK, 2.0), Answered(1, failed(Failure.AWAY), 2.1))
    state, effects = play(*masking, Doubted(Failure.CALL_CHANGED, 5.0), Tick(9.0))
    assert sent(effects) == [Wish.MASK]
    assert state.phase is Phase.UNKNOWN


def test_a_read_back_that_came_before_a_repeat_was_due_still_counts() -> None:
    masking = (Ask(Wish.MASK, 2.0), Answered(1, failed(Failure.LOCKED), 2.1))
    state, effects = play(*masking, Observed(Seen.MASKED, None, 2.2, 5.0))
    assert state.phase is Phase.MASKED
    assert sent(effects) == [Wish.MASK]


@pytest.mark.guarantee("G06")
def test_an_unmask_accepted_after_its_deadline_raises_the_fence() -> None:
    unmasking = (Ask(Wish.UNMASK, 2.0), Tick(12.0), Answered(2, TAKEN, 12.5))
    state, _ = play(*MASKED, *unmasking, Ask(Wish.MASK, 13.0), Answered(3, OK, 13.1))
    assert state.phase is Phase.MASKING
    assert state.run
    assert state.run.seconded


@pytest.mark.guarantee("G06")
@pytest.mark.parametrize("chase_ends", [False, True])
def test_a_mask_accepted_by_the_chase_raises_the_fence(chase_ends: bool) -> None:
    """Else it could land after the unmask: a call masked unseen."""
    asked = (Ask(Wish.MASK, 0.0), Answered(1, failed(Failure.LOCKED), 0.1), Tick(1.0))
    chasing = (
        *asked,
        Answered(2, failed(Failure.LOCKED), 1.0),
        Tick(10.0),
        Tick(15.0),
        Answered(3, TAKEN, 15.1),
    )
    state, _ = play(*chasing, *([Tick(90.0)] if chase_ends else []), Ask(Wish.UNMASK, 91.0))
    assert state.flight
    state, _ = step(state, Answered(state.flight.ticket, OK, 91.1))
    assert state.phase is Phase.UNMASKING


@pytest.mark.guarantee("G06")
def test_a_fenced_mask_counts_when_it_is_confirmed_again_after_the_quiet_pause() -> None:
    unmasking = (Ask(Wish.UNMASK, 2.0), Answered(2, failed(Failure.NO_ANSWER), 3.0))
    state, _ = play(*MASKED, *unmasking, Ask(Wish.MASK, 4.0), Answered(3, OK, 4.1))
    assert state.phase is Phase.MASKING
    assert due(state) == 4.1 + state.limits.quiet
    state, effects = step(state, Tick(6.1))
    assert sent(list(effects)) == [Wish.MASK]
    state, _ = step(state, Answered(4, OK, 6.2))
    assert state.phase is Phase.MASKED


def test_a_fenced_mask_that_is_confirmed_once_only_is_not_told_as_unanswered() -> None:
    unmasking = (Ask(Wish.UNMASK, 2.0), Answered(2, failed(Failure.NO_ANSWER), 3.0))
    state, _ = play(*MASKED, *unmasking, Ask(Wish.MASK, 4.0), Answered(3, OK, 4.1), Tick(6.1), Tick(14.0))
    assert state.phase is Phase.UNKNOWN
    assert state.problem
    assert state.problem.failure is Failure.NOT_CONFIRMED


@pytest.mark.guarantee("G06")
def test_recording_does_not_prove_an_accepted_unmask_done() -> None:
    """Perhaps it was recording all along; the unmask may still undo the next mask."""
    unmasking = (Ask(Wish.UNMASK, 2.0), Answered(1, TAKEN, 2.1), Observed(Seen.RECORDING, None, 2.2, 2.3))
    state, _ = play(*unmasking, Ask(Wish.MASK, 3.0), Answered(2, OK, 3.1))
    assert state.phase is Phase.MASKING


@pytest.mark.guarantee("G04")
@pytest.mark.parametrize("asked_at", [0.5, 2.0, 3.0])
def test_a_read_back_older_than_the_last_answer_says_nothing(asked_at: float) -> None:
    """Asked for before the unmask, beside it, or in the same moment (a clock may stand still)."""
    state, _ = play(*MASKED, Ask(Wish.UNMASK, 2.0), Answered(2, OK, 3.0))
    after, _ = step(state, Observed(Seen.MASKED, None, asked_at, 4.0))
    assert after == state


@pytest.mark.guarantee("G04")
def test_a_read_back_that_another_has_overtaken_says_nothing() -> None:
    state, _ = play(Observed(Seen.RECORDING, "1", 5.0, 6.0))
    after, _ = step(state, Observed(Seen.MASKED, "1", 1.0, 7.0))
    assert after.phase is Phase.UNMASKED


@pytest.mark.guarantee("G04")
def test_a_read_back_from_before_a_doubt_says_nothing() -> None:
    state, _ = play(Doubted(Failure.CALL_CHANGED, 2.0), Observed(Seen.MASKED, "1", 1.0, 3.0))
    assert state.phase is Phase.UNMASKED


@pytest.mark.guarantee("G04")
def test_a_read_back_is_as_old_as_its_question() -> None:
    limits = Limits(evidence_life=30.0)
    state, _ = play(Observed(Seen.MASKED, "1", 1.0, 29.0), limits=limits)
    assert due(state) == 31.0
    state, _ = play(Observed(Seen.MASKED, "1", 1.0, 31.0), limits=limits)
    assert state.phase is Phase.UNMASKED


@pytest.mark.guarantee("G04")
@pytest.mark.parametrize("wish", Wish)
@pytest.mark.parametrize("seen", [Seen.RECORDING, Seen.UNCLEAR])
def test_a_wish_that_never_left_does_not_lead_back_past_a_contradiction(wish: Wish, seen: Seen) -> None:
    pending = (Ask(wish, 2.0), Answered(2, failed(Failure.NOT_REACHED), 2.1), Observed(seen, None, 2.2, 2.2))
    state, _ = play(*MASKED, *pending, Tick(12.0))
    assert state.phase is not Phase.MASKED


@pytest.mark.guarantee("G04")
def test_a_refused_unmask_does_not_forget_which_call_was_masked() -> None:
    seen = Observed(Seen.MASKED, "1", 1.3, 1.4)
    refused = (Ask(Wish.UNMASK, 2.0), Answered(2, failed(Failure.NOT_ALLOWED), 2.1))
    state, _ = play(*MASKED, seen, *refused)
    assert state.phase is Phase.MASKED
    state, _ = step(state, Observed(Seen.MASKED, "2", 3.0, 3.1))
    assert state.phase is Phase.UNKNOWN
    assert state.problem
    assert state.problem.failure is Failure.CALL_CHANGED


def test_an_unmask_that_never_left_does_not_lead_back_past_a_mask_that_was_seen() -> None:
    pending = (Ask(Wish.UNMASK, 2.0), Answered(1, failed(Failure.NOT_REACHED), 2.1))
    state, _ = play(*pending, Observed(Seen.MASKED, "1", 2.2, 2.2), Tick(12.0))
    assert state.phase is Phase.UNKNOWN
    assert state.masked_since == 2.2


@pytest.mark.guarantee("G09")
def test_a_read_back_of_recording_while_masking_is_no_reason_to_stop() -> None:
    state, effects = play(
        Ask(Wish.MASK, 0.0), Answered(1, TAKEN, 0.1), Observed(Seen.RECORDING, None, 0.2, 0.2)
    )
    assert state.phase is Phase.MASKING
    assert effects == [Send(1, Wish.MASK, state.limits.attempt)]


def test_the_second_half_of_a_double_click_does_not_unmask() -> None:
    click = (Press(Wish.UNMASK, 1.4), Press(Wish.UNMASK, 1.8))
    state, effects = play(*MASKED, *click)
    assert Say(Notice.DOUBLE_CLICK) in effects
    assert sent(effects) == [Wish.MASK, Wish.UNMASK]
    assert state.phase is Phase.UNMASKING


def test_an_answer_to_an_old_ticket_is_told_to_the_log() -> None:
    again = Answered(1, OK, 9.0)
    _, effects = play(*MASKED, again)
    assert effects[-1] == Ignored(Phase.MASKED, again)


# Open questions: what the rules as they are written allow, and the guarantees do not.


def test_a_read_back_beside_an_accepted_mask_ends_the_unmask() -> None:
    """202 to the mask, the agent changes his mind, the recorder says "recording" still, then the mask lands."""
    begun = (Ask(Wish.MASK, 0.0), Answered(1, TAKEN, 0.1), Ask(Wish.UNMASK, 0.5))
    locked = Answered(2, failed(Failure.LOCKED), 0.6)
    state, _ = play(*begun, locked, Observed(Seen.RECORDING, "1", 0.7, 0.7))
    assert state.phase is not Phase.UNMASKED


def test_a_read_back_beside_an_unanswered_unmask_is_masked() -> None:
    lost = (Ask(Wish.UNMASK, 2.0), Answered(2, failed(Failure.NO_ANSWER), 3.0), Ask(Wish.MASK, 3.1))
    locked = Answered(3, failed(Failure.LOCKED), 3.2)
    state, _ = play(*MASKED, *lost, locked, Observed(Seen.MASKED, "1", 3.3, 3.3))
    assert state.phase is not Phase.MASKED


def test_no_call_said_to_a_superseded_unmask_ends_the_mask_that_waits() -> None:
    waiting = (Ask(Wish.UNMASK, 2.0), Ask(Wish.MASK, 3.0), Tick(12.0))
    state, _ = play(*MASKED, *waiting, Answered(2, failed(Failure.NO_CALL), 13.0))
    assert state.phase is Phase.UNMASKED


def test_another_call_recording_says_nothing_of_the_one_on_hold() -> None:
    seen = (Observed(Seen.MASKED, "1", 1.3, 1.3), Observed(Seen.MASKED, "2", 2.0, 2.0))
    state, _ = play(*MASKED, *seen, Observed(Seen.RECORDING, "2", 3.0, 3.0))
    assert state.masked_since is not None
