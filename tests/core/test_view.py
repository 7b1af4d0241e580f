"""What every surface shows: each state in whole sentences, and no word that contradicts the state."""

import itertools
from dataclasses import replace
from typing import Any

import pytest

from app.core.failures import Failure, Fate
from app.core.ports import Wish
from app.core.reminders import Climb, Ladder, Level
from app.core.states import How, Known, Notice, Phase, Problem, Proof, Run, State
from app.core.view import HOW, NO_CARD, NOTICES, WORDS, Beside, minutes, view

BACK = Known(Phase.UNMASKED, 0.0, None, None)
MASK = Run(Wish.MASK, began=100.0, deadline=110.0, retry_at=100.0, back=BACK)
UNMASK = replace(MASK, wish=Wish.UNMASK)

STATES = {
    Phase.UNMASKED: State(),
    Phase.MASKING: State(phase=Phase.MASKING, run=MASK),
    Phase.MASKED: State(phase=Phase.MASKED, proof=Proof(How.REPLY, 400.0), masked_since=100.0),
    Phase.UNMASKING: State(phase=Phase.UNMASKING, run=UNMASK, masked_since=100.0),
    Phase.UNKNOWN: State(phase=Phase.UNKNOWN, masked_since=100.0),
}


def is_sentence(words: str) -> bool:
    return words[0].isupper() and words[-1] in ".!?" and "  " not in words


@pytest.mark.guarantee("G01")
@pytest.mark.parametrize("phase", Phase)
def test_every_phase_says_whether_the_card_may_be_taken(phase: Phase) -> None:
    shown = view(STATES[phase], 105.0)
    assert shown.card == (phase is Phase.MASKED)
    assert is_sentence(shown.guidance)
    assert ("not take" in shown.guidance) != shown.card
    assert shown.word == WORDS[phase] == shown.word.upper()
    assert shown.icon == phase.value
    assert shown.word in shown.spoken
    assert shown.spoken.endswith(shown.guidance)
    assert (shown.clock in shown.spoken) or not shown.clock


def test_the_five_words_differ() -> None:
    assert len(set(WORDS.values())) == len(Phase)


@pytest.mark.parametrize("phase", Phase)
def test_the_button_says_what_it_will_do(phase: Phase) -> None:
    shown = view(STATES[phase], 105.0)
    assert shown.button.enabled == (not phase.pending)
    if not phase.pending:
        wanted = Wish.UNMASK if phase is Phase.MASKED else Wish.MASK
        assert (shown.button.wish, shown.button.label.lower()) == (wanted, wanted.value)
    assert (shown.second is not None) == (phase is Phase.UNKNOWN)
    if shown.second:
        assert (shown.second.wish, shown.second.enabled) == (Wish.UNMASK, True)


@pytest.mark.parametrize("phase", [Phase.MASKING, Phase.UNMASKING])
def test_a_pending_wish_says_why_and_for_how_long(phase: Phase) -> None:
    state = STATES[phase]
    shown = view(state, 102.5)
    assert shown.progress == 0.25
    assert shown.detail == "Asking the recorder · 2 s"
    assert view(state, 99.0).progress == 0.0
    assert view(state, 999.0).progress == 1.0


def test_each_reason_to_wait_has_words() -> None:
    def why(**changes: Any) -> str:
        run = replace(MASK, **changes)
        return view(replace(STATES[Phase.MASKING], run=run), 100.0).detail

    assert why(seconded=True) == "Making sure that it holds · 0 s"
    assert why(accepted_at=100.0) == "The recorder is working on it · 0 s"
    for failure in Failure:
        assert why(why=failure)[0].isupper()
    assert why(why=Failure.SERVER_ERROR) == "Asking again · 0 s"
    assert why(why=Failure.NOT_REACHED) == "No connection, trying again · 0 s"


@pytest.mark.parametrize("how", How)
def test_masked_says_how_it_is_known(how: How) -> None:
    state = replace(STATES[Phase.MASKED], proof=Proof(how, 400.0))
    assert view(state, 105.0).detail == HOW[how]


def test_unknown_says_whether_it_keeps_asking() -> None:
    state = STATES[Phase.UNKNOWN]
    assert view(state, 105.0).detail == "Treat as recorded · it may be masked"
    assert view(replace(state, run=MASK), 105.0).detail == "Treat as recorded · still asking to mask"


@pytest.mark.guarantee("G11")
def test_a_forgotten_mask_is_said_and_can_be_put_off() -> None:
    shown = view(STATES[Phase.MASKED], 160.0)
    assert shown.reminding is Level.SAY
    assert shown.guidance == "Still masked. Card done? Unmask."
    assert shown.snooze == "Still taking the card"
    assert view(STATES[Phase.MASKED], 159.0).snooze == ""
    assert view(STATES[Phase.UNKNOWN], 160.0).snooze == "Remind me later"
    assert view(STATES[Phase.UNMASKING], 160.0).snooze == ""


@pytest.mark.guarantee("G11")
def test_the_policys_countdown_is_shown_and_can_be_put_off() -> None:
    beside = Beside(Climb(100.0, 100.0), Ladder(auto_unmask=300.0))
    shown = view(STATES[Phase.MASKED], 380.5, beside)
    assert shown.detail.startswith("Unmasks by itself in ")
    assert shown.snooze


@pytest.mark.guarantee("G14")
def test_leaving_is_asked_about_only_when_it_is() -> None:
    for phase in (Phase.MASKED, Phase.UNKNOWN):
        assert view(STATES[phase], 105.0).leaving == ""
        assert is_sentence(view(STATES[phase], 105.0, Beside(leaving=True)).leaving)
    assert "still masked" in view(STATES[Phase.MASKED], 105.0, Beside(leaving=True)).leaving
    assert "may be masked" in view(STATES[Phase.UNKNOWN], 105.0, Beside(leaving=True)).leaving


def test_notices_and_faults_are_shown_as_they_are() -> None:
    assert set(NOTICES) == set(Notice)
    for notice in Notice:
        shown = view(STATES[Phase.MASKING], 105.0, Beside(notice=notice))
        assert shown.notice == NOTICES[notice]
        assert is_sentence(shown.notice)
    assert view(State(), 0.0, Beside(fault="The disk is full.")).fault == "The disk is full."


@pytest.mark.guarantee("G01")
@pytest.mark.parametrize("failure", Failure)
@pytest.mark.parametrize("wish", [*Wish, None])
@pytest.mark.parametrize("phase", [Phase.UNMASKED, Phase.MASKED, Phase.UNKNOWN])
def test_every_failure_says_what_happened_whether_the_card_may_be_taken_and_what_next(
    failure: Failure, wish: Wish | None, phase: Phase
) -> None:
    problem = Problem(failure, wish, 105.0, "the service's words")
    message = view(replace(STATES[phase], problem=problem), 106.0).message
    assert message
    assert is_sentence(message.happened)
    assert (message.card == NO_CARD) == (phase is not Phase.MASKED)
    assert message.todo == "" or is_sentence(message.todo)
    assert (message.code, message.words) == (failure.name, "the service's words")


@pytest.mark.parametrize("failure", Failure)
def test_no_failure_stays_while_a_wish_is_pending(failure: Failure) -> None:
    problem = Problem(failure, Wish.MASK, 100.0)
    assert view(replace(STATES[Phase.MASKING], problem=problem), 101.0).message is None


def test_a_failed_unmask_says_that_the_call_is_still_masked() -> None:
    problem = Problem(Failure.NOT_ALLOWED, Wish.UNMASK, 105.0)
    message = view(replace(STATES[Phase.MASKED], problem=problem), 106.0).message
    assert message
    assert message.todo.startswith("The call is still masked.")
    assert "Interactions Hub > APIs > Multi-ACD Masking API" in message.todo


def test_an_unmask_without_a_call_has_nothing_left_to_do() -> None:
    message = view(State(problem=Problem(Failure.NO_CALL, Wish.UNMASK, 1.0)), 2.0).message
    assert message
    assert message.happened == "The call is over. There is nothing left to unmask."
    assert message.todo == ""


def test_an_unmask_on_an_internal_call_looks_for_the_masked_one_on_hold() -> None:
    problem = Problem(Failure.INTERNAL_CALL, Wish.UNMASK, 105.0)
    message = view(replace(STATES[Phase.UNKNOWN], problem=problem), 106.0).message
    assert message
    assert "on hold" in message.todo


def test_every_fate_has_a_failure_and_no_two_failures_say_the_same() -> None:
    assert {failure.fate for failure in Failure} == set(Fate)
    for one, other in itertools.combinations(Failure, 2):
        assert one.words.happened != other.words.happened


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0.0, "0:00"), (42.9, "0:42"), (60.0, "1:00"), (725.0, "12:05"), (3723.0, "1:02:03")],
)
def test_minutes(seconds: float, expected: str) -> None:
    assert minutes(seconds) == expected
