"""G07: every order of delayed and doubled answers, up to six, tried one by one.

Three wishes in a row (mask, unmask, mask; or the other way) leave up to three requests. Their answers come in every
order, some twice, some never. The one rule: never MASKED without a 200 to the mask attempt that is out.
"""

from itertools import product

import pytest

from app.core.failures import Failure
from app.core.masking import step
from app.core.ports import Answer, Wish
from app.core.states import Answered, Ask, Effect, Event, Ignored, Phase, Send, State, Tick

CONFIRMED = Answer(confirmed=True, status=200)
ACCEPTED = Answer(accepted=True, status=202)
LOST = Answer(failure=Failure.NO_ANSWER)
REFUSED = Answer(failure=Failure.NOT_ALLOWED, status=403)

LONGEST = 6
WISHES = (Wish.MASK, Wish.UNMASK, Wish.MASK)


class Line:
    """A client and what it has sent; time goes on by `pause` before each event."""

    def __init__(self, pause: float) -> None:
        self.state = State()
        self.now = 0.0
        self.pause = pause
        self.out: Send | None = None
        self.proven = False
        """A mask that was out was confirmed, and every unmask since then was refused."""

    def feed(self, event: Event) -> tuple[Effect, ...]:
        self.state, effects = step(self.state, event)
        for effect in effects:
            if isinstance(effect, Send):
                assert self.out is None, "two requests in flight"
                self.out = effect
        return effects

    def answer(self, ticket: int, answer: Answer) -> None:
        """What must hold: an old ticket changes nothing, and MASKED comes of a 200 to a mask that was out."""
        self.now += self.pause
        self.feed(Tick(self.now))
        before, out = self.state, self.out
        mine = out is not None and out.ticket == ticket
        if mine and out:
            self.out = None
            if out.wish is Wish.MASK:
                self.proven = self.proven or answer.confirmed
            else:
                self.proven = self.proven and answer is REFUSED
        effects = self.feed(Answered(ticket, answer, self.now))
        if not mine:
            assert self.state == before, "an old ticket changed something"
            assert any(isinstance(effect, Ignored) for effect in effects)
        if self.state.phase is Phase.MASKED:
            assert self.proven, "MASKED without a 200 to a mask attempt that was out"


@pytest.mark.guarantee("G07")
@pytest.mark.guarantee("G01")
@pytest.mark.parametrize("pause", [0.0, 0.5, 2.5, 11.0])
@pytest.mark.parametrize("length", range(1, LONGEST + 1))
def test_every_order_of_answers(length: int, pause: float) -> None:
    """`tickets`: which request each answer is for; 1 to 3, any order, any doubled."""
    answers = (CONFIRMED, LOST) if length > 3 else (CONFIRMED, ACCEPTED, LOST, REFUSED)
    tickets = (1, 2, 3)
    for order in product(tickets, repeat=length):
        for said in product(answers, repeat=len(tickets)):
            line = Line(pause)
            wishes = iter(WISHES)
            for ticket in order:
                wish = next(wishes, None)
                if wish:
                    line.feed(Ask(wish, line.now))
                line.answer(ticket, said[ticket - 1])


@pytest.mark.guarantee("G07")
def test_a_doubled_answer_after_the_next_wish_does_not_confirm_it() -> None:
    line = Line(0.0)
    line.feed(Ask(Wish.MASK, 0.0))
    line.answer(1, CONFIRMED)
    line.feed(Ask(Wish.UNMASK, 1.0))
    line.answer(2, CONFIRMED)
    line.feed(Ask(Wish.MASK, 2.0))
    line.answer(1, CONFIRMED)
    before = line.state.phase
    line.answer(3, CONFIRMED)
    assert (before, line.state.phase) == (Phase.MASKING, Phase.MASKED)


@pytest.mark.guarantee("G07")
@pytest.mark.guarantee("G06")
def test_the_answer_to_a_superseded_mask_frees_the_line_and_no_more() -> None:
    line = Line(0.0)
    line.feed(Ask(Wish.MASK, 0.0))
    line.now = 10.0
    line.feed(Ask(Wish.UNMASK, line.now))
    assert line.state.phase is Phase.UNMASKING
    assert line.out == Send(1, Wish.MASK, line.state.limits.attempt)
    line.answer(1, CONFIRMED)
    assert line.state.phase is Phase.UNMASKING
    assert line.out == Send(2, Wish.UNMASK, line.state.limits.attempt)
