"""The ports' own small promises."""

import asyncio

import pytest

from app.core.failures import Failure, Fate
from app.core.ports import Answer, NullRecorder, TokenError, Wish
from app.core.records import NoRecords


def test_a_wish_and_its_opposite() -> None:
    assert [wish.other for wish in Wish] == [Wish.UNMASK, Wish.MASK]


@pytest.mark.parametrize(
    ("confirmed", "accepted", "failure"),
    [(False, False, None), (True, True, None), (True, False, Failure.LOCKED), (False, True, Failure.LOCKED)],
)
def test_an_answer_says_exactly_one_thing(confirmed: bool, accepted: bool, failure: Failure | None) -> None:
    with pytest.raises(ValueError, match="exactly one"):
        Answer(confirmed=confirmed, accepted=accepted, failure=failure)


def test_no_token_tells_what_the_failure_tells() -> None:
    error = TokenError(Failure.SIGN_IN, "invalid_grant")
    assert (error.failure, error.words) == (Failure.SIGN_IN, "invalid_grant")
    assert str(error) == Failure.SIGN_IN.words.happened


def test_a_recorder_that_is_not_there_does_nothing_and_says_so() -> None:
    async def use() -> Answer:
        recorder = NullRecorder()
        await recorder.warm()
        answer = await recorder.ask(Wish.MASK, "id", 1.0)
        await recorder.close()
        return answer

    answer = asyncio.run(use())
    assert answer.failure is Failure.NOT_REACHED
    assert answer.failure.fate is Fate.NOT_SENT


def test_records_that_are_not_kept_have_no_number() -> None:
    assert asyncio.run(NoRecords().incident(0.0, 1.0, "")) is None
