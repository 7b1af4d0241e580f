"""What other programs are told is what the window says, word for word; and what a wish came to."""

import json
from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.failures import Failure
from app.core.masking import step
from app.core.ports import Answer, Wish
from app.core.states import Answered, Ask, Doubted, Event, Phase, Press, State, Tick
from app.core.status import (
    KEYS,
    OVERTAKEN,
    Document,
    Result,
    Verdict,
    document,
    ends_within,
    under_way,
    verdict,
    verdict_at_end,
)
from app.core.view import Message, View, view

EPOCH = 1_753_452_000.0
CONFIRMED = Answer(confirmed=True, status=200)


def after(*events: Event) -> State:
    state = State()
    for event in events:
        state, _ = step(state, event)
    return state


def failed(failure: Failure, words: str = "") -> Answer:
    return Answer(failure=failure, words=words)


MASKING = after(Ask(Wish.MASK, 1.0))
MASKED = after(Ask(Wish.MASK, 1.0), Answered(1, CONFIRMED, 2.0))
LOST = after(Ask(Wish.MASK, 1.0), Answered(1, failed(Failure.UNEXPECTED), 2.0))
UNLOST = after(
    Ask(Wish.MASK, 1.0),
    Answered(1, CONFIRMED, 2.0),
    Ask(Wish.UNMASK, 3.0),
    Answered(2, failed(Failure.UNEXPECTED), 4.0),
)
REFUSED = after(Ask(Wish.MASK, 1.0), Answered(1, failed(Failure.NOT_ALLOWED, "No such scope."), 2.0))
KEPT = after(Ask(Wish.MASK, 1.0), Ask(Wish.UNMASK, 1.5))
ACCEPTED = after(Ask(Wish.MASK, 1.0), Answered(1, Answer(accepted=True, status=202), 2.0))
STATES = [State(), MASKING, MASKED, LOST, UNLOST, REFUSED, KEPT, ACCEPTED]


def said(state: State, now: float = 5.0) -> Document:
    return document(state, view(state, now), EPOCH, "agent-7", "0.1.0")


# The document.


def test_the_keys_of_schema_1_and_their_order() -> None:
    assert list(said(State())) == list(KEYS)
    assert KEYS == (
        "state",
        "word",
        "guidance",
        "spoken",
        "card",
        "since",
        "masked_since",
        "clock",
        "wish",
        "pending",
        "known_by",
        "detail",
        "reason",
        "notice",
        "reminding",
        "fault",
        "agent",
        "versions",
    )


@pytest.mark.parametrize("state", STATES)
@pytest.mark.guarantee("G21")
def test_its_words_are_the_views(state: State) -> None:
    told = said(state)
    assert disagreements(told, view(state, 5.0)) == []
    json.dumps(told)


def disagreements(told: Document, shown: View) -> list[str]:
    """The keys under which the document does not say what the View says."""
    message = shown.message
    wanted = {
        name: getattr(shown, name) for name in ("word", "guidance", "spoken", "clock", "detail", "notice")
    }
    wanted["fault"] = shown.fault
    wanted["state"] = shown.phase.value
    wanted["card"] = shown.phase is Phase.MASKED
    wanted["reason"] = message and {field.name: getattr(message, field.name) for field in fields(Message)}
    return [name for name, word in wanted.items() if told[name] != word]


def test_masked_as_a_whole() -> None:
    assert said(MASKED, 44.0) == {
        "state": "masked",
        "word": "MASKED",
        "guidance": "You can take the card now.",
        "spoken": "MASKED 0:42. You can take the card now.",
        "card": True,
        "since": "2025-07-25T14:00:02.000Z",
        "masked_since": "2025-07-25T14:00:02.000Z",
        "clock": "0:42",
        "wish": "mask",
        "pending": False,
        "known_by": "reply",
        "detail": "Confirmed by the service’s reply",
        "reason": None,
        "notice": "",
        "reminding": False,
        "fault": "",
        "agent": "agent-7",
        "versions": {"schema": 1, "app": "0.1.0"},
    }


def test_unknown_tells_the_reason_and_that_it_may_be_masked() -> None:
    told = said(LOST)
    assert told["state"] == "unknown"
    assert told["known_by"] is None
    assert told["masked_since"] == "2025-07-25T14:00:01.000Z"
    assert told["reason"] == {
        "code": "UNEXPECTED",
        "happened": Failure.UNEXPECTED.words.happened,
        "card": "Do not take card details.",
        "todo": Failure.UNEXPECTED.words.todo,
        "words": "",
    }


def test_nothing_wished_yet() -> None:
    told = said(State())
    assert (told["wish"], told["pending"], told["masked_since"], told["clock"]) == (None, False, None, "")


@given(st.floats(0, 4e9, allow_nan=False), st.floats(0, 1e7))
def test_times_are_utc_with_milliseconds(epoch: float, since: float) -> None:
    state = replace(State(), since=since)
    told = document(state, view(state, since), epoch, "", "")["since"]
    assert isinstance(told, str)
    assert (len(told), told[10], told[-5], told[-1]) == (24, "T", ".", "Z")


# What became of a wish.


def judged(state: State, wish: Wish, now: float = 5.0, patient: bool = False) -> Verdict | None:
    return verdict(state, view(state, now), wish, patient)


def test_confirmed_is_done() -> None:
    assert judged(MASKED, Wish.MASK) == Verdict(Result.DONE)
    unmasked = after(Ask(Wish.UNMASK, 1.0), Answered(1, CONFIRMED, 2.0))
    assert judged(unmasked, Wish.UNMASK) == Verdict(Result.DONE)


@pytest.mark.parametrize("wish", Wish)
@pytest.mark.parametrize("state", STATES)
def test_done_is_never_said_of_what_is_not_so(state: State, wish: Wish) -> None:
    found = judged(state, wish)
    assert not claims_too_much(state, wish, None if found is None else found.result)


def claims_too_much(state: State, wish: Wish, result: Result | None) -> bool:
    return result is Result.DONE and state.phase is not (
        Phase.MASKED if wish is Wish.MASK else Phase.UNMASKED
    )


def test_accepted_is_still_on_its_way() -> None:
    assert judged(ACCEPTED, Wish.MASK) is None
    assert verdict_at_end(ACCEPTED, view(ACCEPTED, 3.0), Wish.MASK) == Verdict(
        Result.PENDING, "The recorder is working on it · 2 s"
    )


def test_at_the_end_of_the_wait_a_result_is_a_result() -> None:
    assert verdict_at_end(MASKED, view(MASKED, 3.0), Wish.MASK) == Verdict(Result.DONE)


def test_refused_says_what_the_window_says() -> None:
    words = Failure.NOT_ALLOWED.words
    assert judged(REFUSED, Wish.MASK) == Verdict(
        Result.REFUSED, f"{words.happened} No such scope. Do not take card details. {words.todo}"
    )


def test_what_the_service_did_not_do_is_not_done_though_it_may_be_so() -> None:
    """The call is over: not masked, as wished, and nobody confirmed the wish."""
    state = after(Ask(Wish.UNMASK, 1.0), Answered(1, failed(Failure.NO_CALL), 2.0))
    assert state.phase is Phase.UNMASKED
    assert judged(state, Wish.UNMASK) == Verdict(
        Result.REFUSED, "The call is over. There is nothing left to unmask. Do not take card details."
    )


def test_masked_by_an_older_proof_is_not_what_was_asked_now() -> None:
    asked_again = (Ask(Wish.MASK, 3.0), Answered(2, failed(Failure.NOT_REACHED), 4.0), Tick(13.5))
    state = after(Ask(Wish.MASK, 1.0), Answered(1, CONFIRMED, 2.0), *asked_again)
    assert state.phase is Phase.MASKED
    found = judged(state, Wish.MASK, 14.0)
    assert found is not None
    assert found.result is Result.REFUSED


def test_unknown_and_patience() -> None:
    assert judged(LOST, Wish.MASK) == Verdict(
        Result.UNKNOWN,
        f"{Failure.UNEXPECTED.words.happened} Do not take card details. {Failure.UNEXPECTED.words.todo}",
    )
    assert judged(LOST, Wish.MASK, patient=True) is None, "it still asks for the mask"
    found = judged(UNLOST, Wish.UNMASK, patient=True)
    assert found is not None
    assert found.result is Result.UNKNOWN, "nothing more is sent for an unmask"


def test_unknown_without_a_message_falls_back_on_the_guidance() -> None:
    state = replace(LOST, problem=None, run=None)
    assert judged(state, Wish.MASK) == Verdict(Result.UNKNOWN, "Do not take card details.")


def test_a_newer_wish_takes_the_place_of_one() -> None:
    assert under_way(KEPT, Wish.UNMASK)
    assert judged(KEPT, Wish.UNMASK) is None
    assert judged(KEPT, Wish.MASK) == OVERTAKEN
    assert judged(MASKING, Wish.UNMASK) == OVERTAKEN


def test_the_second_half_of_a_double_click_says_so() -> None:
    state, _ = step(MASKED, Press(Wish.UNMASK, 2.1))
    shown = view(state, 2.1)
    shown = replace(shown, notice="Double-click: the call stays masked.")
    assert verdict(state, shown, Wish.UNMASK) == Verdict(
        Result.REFUSED, "Double-click: the call stays masked."
    )


def test_a_notice_about_something_else_hides_no_reason() -> None:
    shown = replace(view(LOST, 5.0), notice="Noted.")
    found = verdict(LOST, shown, Wish.MASK)
    assert found is not None
    assert found.reason.startswith(Failure.UNEXPECTED.words.happened)


def test_doubt_ends_the_wish_that_was_about_another_call() -> None:
    state, _ = step(MASKING, Doubted(Failure.CALL_CHANGED, 2.0))
    found = judged(state, Wish.MASK)
    assert found is not None
    assert found.result is Result.UNKNOWN


def test_how_long_it_can_take() -> None:
    deadline = State().limits.deadline
    assert ends_within(MASKED, 5.0) == 0.0
    assert ends_within(MASKING, 3.0) == 1.0 + deadline - 3.0
    assert ends_within(MASKING, 99.0) == 0.0
    assert ends_within(KEPT, 3.0) == 1.0 + deadline - 3.0 + deadline


# Broken clients: what the tests above must catch.


@pytest.mark.mutant("G21")
def test_a_status_with_words_of_its_own_is_caught() -> None:
    told = {**said(LOST), "guidance": "The call may be masked.", "card": True}
    assert disagreements(told, view(LOST, 5.0)) == ["guidance", "card"]


def test_a_verdict_that_believes_202_is_caught() -> None:
    def hopeful(state: State) -> Result | None:
        accepted = state.run is not None and state.run.accepted_at is not None
        return Result.DONE if accepted or state.phase is Phase.MASKED else None

    assert any(claims_too_much(state, Wish.MASK, hopeful(state)) for state in STATES)
