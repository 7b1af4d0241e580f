"""The table holds no dead entry: each row, each phase it may lead to, and each input comes about in fact."""

from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import Phase as Stage
from hypothesis.stateful import run_state_machine_as_test

from app.core import masking
from app.core.failures import Failure
from app.core.masking import TABLE, Input, Row
from app.core.ports import Answer, Seen, Wish
from app.core.states import Answered, Ask, Doubted, Event, Observed, Phase, State, Tick
from tests.core.machine import Machine

Reached = set[tuple[Phase, Input, Phase | None]]


class Watched(dict[tuple[Phase, Input], Row]):
    """The table, noting what is looked up in it and where it led. None: there was no row."""

    def __init__(self, rows: dict[tuple[Phase, Input], Row], reached: Reached) -> None:
        super().__init__(
            {key: row._replace(action=_noting(key, row.action, reached)) for key, row in rows.items()}
        )
        self.reached = reached

    def get(self, key: Any, default: Any = None) -> Any:
        if key not in self:
            self.reached.add((*key, None))
        return super().get(key, default)


def _noting(
    key: tuple[Phase, Input], action: Callable[[State, Any], State], reached: Reached
) -> Callable[[State, Any], State]:
    def note(state: State, event: Any) -> State:
        after = action(state, event)
        reached.add((*key, after.phase))
        return after

    return note


ANSWERS = [
    Answer(confirmed=True),
    Answer(accepted=True),
    *(Answer(failure=failure) for failure in Failure),
]


def superseded() -> Iterator[list[Event]]:
    """A request that outlives its wish, and is then told that there is no call; and a doubt about a lost unmask."""
    no_call = Answer(failure=Failure.NO_CALL)
    for wish in Wish:
        begun: list[Event] = [Ask(wish, 0.0), Ask(wish.other, 1.0), Tick(10.0)]
        yield [*begun, Answered(1, no_call, 11.0)]
        yield [*begun, Tick(20.0), Answered(1, no_call, 21.0)]
    lost = Answered(1, Answer(failure=Failure.UNEXPECTED), 1.0)
    yield [Ask(Wish.UNMASK, 0.0), lost, Observed(Seen.MASKED, None, 2.0, 2.1)]
    unsent = Answered(2, Answer(failure=Failure.NOT_REACHED), 2.1)
    for wish, fits in ((Wish.MASK, Seen.MASKED), (Wish.UNMASK, Seen.RECORDING)):
        yield [Ask(wish.other, 0.0), lost, Ask(wish, 2.0), unsent, Observed(fits, None, 2.15, 2.2)]


def by_hand() -> None:
    """From each certainty, each wish, with and without the opposite one waiting, to each answer and the deadline."""
    masked: list[Event] = [Ask(Wish.MASK, 0.0), Answered(1, Answer(confirmed=True), 0.0)]
    starts: list[list[Event]] = [[], [*masked], [*masked, Doubted(Failure.SUSPENDED, 1.0)]]
    ends: list[list[Event]] = [[Tick(20.0)], [Doubted(Failure.SUSPENDED, 11.0)]]
    for ticket in (1, 2):
        later: list[Event] = [Ask(Wish.MASK, 20.5), Ask(Wish.UNMASK, 20.5), Tick(20.5), Tick(16.5)]
        later += [Observed(seen, None, 11.2, 11.3) for seen in Seen]
        for answer in ANSWERS:
            ends.append([Answered(ticket, answer, 11.0)])
            ends += [[Answered(ticket, answer, 11.0), event] for event in later]
            # The deadline turns to the wish that waits, or the chase begins; then the answer, or the next one.
            ends += [[Tick(20.0), event, Answered(ticket, answer, 21.0)] for event in later[:3]]
            late = Answered(ticket, Answer(failure=Failure.UNEXPECTED), 11.0)
            ends.append([late, Tick(16.5), Answered(ticket + 1, answer, 17.0)])
    for story in superseded():
        state = State()
        for event in story:
            state, _ = masking.step(state, event)
    for start, wish, waiting, end in product(starts, Wish, (False, True), ends):
        then: list[Event] = [Ask(wish.other, 10.5)] if waiting else []
        state = State()
        for event in (*start, Ask(wish, 10.0), *then, *end):
            state, _ = masking.step(state, event)
        masking.step(state, Answered(99, ANSWERS[0], 21.0))


@pytest.fixture(scope="module")
def reached() -> Reached:
    """All that the machine and the cases by hand get to."""
    found: Reached = set()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(masking, "TABLE", Watched(TABLE, found))
        by_hand()
        run_state_machine_as_test(
            Machine,
            settings=settings(
                max_examples=30,
                stateful_step_count=60,
                derandomize=True,
                database=None,
                deadline=None,
                phases=[Stage.generate],
                suppress_health_check=list(HealthCheck),
            ),
        )
    return found


def test_every_end_of_every_row_is_reached(reached: Reached) -> None:
    promised = {(*key, to) for key, row in TABLE.items() for to in row.to}
    assert {name(end) for end in promised - reached} == set()


def test_nothing_else_is_reached(reached: Reached) -> None:
    promised = {(*key, to) for key, row in TABLE.items() for to in row.to}
    assert {name(end) for end in reached - promised if end[2] is not None} == set()


def test_every_input_is_reached(reached: Reached) -> None:
    assert set(Input) - {what for _, what, _ in reached} == set()


def test_only_what_cannot_matter_has_no_row(reached: Reached) -> None:
    """What is ignored is ignored on purpose: an answer to an old ticket, in every phase."""
    assert {what for _, what, to in reached if to is None} == {Input.OLD_TICKET}
    assert {phase for phase, what, _ in reached if what is Input.OLD_TICKET} == set(Phase)


def name(end: tuple[Phase, Input, Phase | None]) -> str:
    phase, what, to = end
    return f"{phase.name} --{what.value}--> {to.name if to else 'ignored'}"
