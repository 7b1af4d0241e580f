"""What a run begins with after one that did not end well: in doubt UNKNOWN, and both ways out."""

import pytest

from app.core.failures import Failure
from app.core.masking import due, step
from app.core.ports import Answer, Wish
from app.core.recovery import recovered
from app.core.states import Answered, Ask, Effect, Event, Limits, Phase, Problem, Send, State, Tick

NOW = 500.0
LIMITS = Limits(quiet=3.0)
OK = Answer(confirmed=True, status=200)
EITHER = frozenset(Wish)
UNCERTAIN = [None, Phase.MASKING, Phase.UNMASKING, Phase.UNKNOWN, Phase.UNMASKED]


def play(state: State, *events: Event) -> tuple[State, list[Effect]]:
    done: list[Effect] = []
    for event in events:
        state, effects = step(state, event)
        done += effects
    return state, done


@pytest.mark.guarantee("G13")
@pytest.mark.parametrize("wish", [None, *Wish])
@pytest.mark.parametrize("phase", [None, *Phase])
def test_in_doubt_it_is_unknown_with_the_last_wish_and_what_happened(
    phase: Phase | None, wish: Wish | None
) -> None:
    state = recovered(NOW, LIMITS, phase, wish, 42.0, "at 14:02")
    assert state == State(
        phase=Phase.UNKNOWN,
        since=NOW,
        wish=wish,
        limits=LIMITS,
        masked_since=NOW - 42.0,
        fence=frozenset({Wish.MASK}) if phase is Phase.MASKED else EITHER,
        problem=Problem(Failure.ENDED_MASKED, None, NOW, "at 14:02"),
    )


@pytest.mark.parametrize(
    ("masked_for", "since"),
    [(None, NOW), (0.0, NOW), (-3600.0, NOW), (0.5, NOW - 0.5), (86400.0, NOW - 86400.0)],
)
def test_the_masked_time_is_never_in_the_future_and_counts_also_when_nobody_knows(
    masked_for: float | None, since: float
) -> None:
    """A wall clock that was set back would make it negative."""
    assert recovered(NOW, LIMITS, Phase.MASKED, Wish.MASK, masked_for).masked_since == since


def test_without_words_there_are_none() -> None:
    problem = recovered(NOW, LIMITS, None, None, None).problem
    assert problem
    assert problem.words == ""


@pytest.mark.guarantee("G09")
@pytest.mark.guarantee("G13")
@pytest.mark.parametrize("wish", [None, *Wish])
@pytest.mark.parametrize("phase", [None, *Phase])
def test_nothing_is_sent_by_itself(phase: Phase | None, wish: Wish | None) -> None:
    state = recovered(NOW, LIMITS, phase, wish, 42.0)
    assert due(state) is None
    after, effects = play(state, *(Tick(NOW + seconds) for seconds in (0.0, 1.0, 60.0, 3600.0)))
    assert after == state
    assert effects == []


@pytest.mark.guarantee("G06")
@pytest.mark.parametrize("wish", Wish)
@pytest.mark.parametrize("phase", UNCERTAIN)
def test_what_the_last_run_sent_may_still_land_so_either_way_out_must_hold_twice(
    phase: Phase | None, wish: Wish
) -> None:
    """A run that ended in UNKNOWN, or with a mask that followed a lost unmask, once forgot the lost one."""
    state = recovered(NOW, LIMITS, phase, wish.other, 42.0)
    pending, _ = play(state, Ask(wish, NOW + 1.0), Answered(1, OK, NOW + 1.5))
    assert pending.phase.pending
    assert due(pending) == NOW + 4.5
    after, effects = play(pending, Tick(NOW + 4.5), Answered(2, OK, NOW + 5.0))
    assert [effect.wish for effect in effects if isinstance(effect, Send)] == [wish]
    assert after.phase is (Phase.MASKED if wish is Wish.MASK else Phase.UNMASKED)


def test_a_mask_after_a_confirmed_mask_counts_at_once() -> None:
    state = recovered(NOW, LIMITS, Phase.MASKED, Wish.MASK, 42.0)
    after, _ = play(state, Ask(Wish.MASK, NOW + 1.0), Answered(1, OK, NOW + 1.5))
    assert after.phase is Phase.MASKED
    assert after.masked_since == NOW - 42.0
