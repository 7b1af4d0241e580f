"""The ladder, rung by rung, with the times just before, at and just after each; and ladders that are broken on purpose.

The one rule: a broken ladder is caught by the same story that the real one passes.
"""

from dataclasses import replace

import pytest

from app.core.failures import Failure
from app.core.ports import Wish
from app.core.reminders import (
    Climb,
    Ladder,
    Level,
    Reminders,
    Rung,
    countdown,
    due,
    level,
    masked_for,
    put_off,
    remind,
)
from app.core.states import Phase, Problem, State

LADDER = Ladder(say=50.0, alert=130.0, sound=240.0, sound_every=40.0, snooze=70.0)
SINCE = 1000.0
"""Seconds; the call is masked from then on."""
A_HAIR = 0.001
HOURS = 3600.0

UNMASKED = State()
MASKED = State(phase=Phase.MASKED, since=SINCE, masked_since=SINCE)
UNKNOWN = State(phase=Phase.UNKNOWN, since=SINCE + 5.0, masked_since=SINCE)
MASKING = State(phase=Phase.MASKING, since=SINCE + 5.0, masked_since=SINCE)
UNMASKING = State(phase=Phase.UNMASKING, since=SINCE + 5.0, masked_since=SINCE)
LEFT_MASKED = pytest.mark.parametrize("state", [MASKED, UNKNOWN], ids=["masked", "unknown"])
PENDING = pytest.mark.parametrize("state", [MASKING, UNMASKING], ids=["masking", "unmasking"])

# (seconds after the foot, the number of the rung, how loud); a rung comes at its time and not a hair before.
RUNGS = [
    (50.0, 1, Level.SAY),
    (130.0, 2, Level.ALERT),
    (240.0, 3, Level.SOUND),
    (280.0, 4, Level.SOUND),
    (320.0, 5, Level.SOUND),
    (360.0, 6, Level.SOUND),
]


def failed_unmask(at: float, state: State = MASKED) -> State:
    """An unmask was wished and refused."""
    return replace(state, problem=Problem(Failure.NOT_ALLOWED, Wish.UNMASK, at))


# The rungs.


@LEFT_MASKED
def test_each_rung_is_told_at_its_time_once_and_not_before(state: State) -> None:
    climb = Climb()
    for after, number, loud in RUNGS:
        at = SINCE + after
        early = remind(climb, state, LADDER, at - A_HAIR)
        assert early.rung is None
        assert early.climb.given == number - 1
        assert due(climb, state, LADDER, at - A_HAIR) == at
        told = remind(climb, state, LADDER, at)
        assert told == Reminders(Climb(SINCE, SINCE, number), Rung(number, loud))
        assert remind(told.climb, state, LADDER, at) == Reminders(told.climb)
        climb = told.climb


@LEFT_MASKED
def test_the_window_says_it_as_loudly_as_the_rung_that_was_reached(state: State) -> None:
    quiet_until = SINCE
    for after, number, loud in RUNGS:
        below = Level(min(number - 1, Level.SOUND))
        assert level(Climb(), state, LADDER, SINCE + after - A_HAIR) is below
        assert level(Climb(), state, LADDER, SINCE + after) is loud
    assert level(Climb(), state, LADDER, quiet_until) is Level.QUIET


def test_the_ladder_that_comes_with_the_program() -> None:
    climb, told = Climb(), []
    for second in range(302):
        found = remind(climb, MASKED, Ladder(), SINCE + second)
        climb = found.climb
        if found.rung:
            told.append((second, found.rung.level))
    assert told == [
        (60, Level.SAY),
        (120, Level.ALERT),
        (180, Level.SOUND),
        (240, Level.SOUND),
        (300, Level.SOUND),
    ]
    assert Ladder().snooze == 60.0
    assert Ladder().countdown == 30.0
    assert Ladder().auto_unmask is None, "nobody's call is unmasked by itself unless the organisation says so"


@pytest.mark.parametrize(
    ("passed", "number", "loud", "after_that"),
    [(129.9, 1, Level.SAY, 130.0), (239.9, 2, Level.ALERT, 240.0), (335.0, 5, Level.SOUND, 360.0)],
)
def test_rungs_that_were_slept_through_are_told_once_as_the_highest(
    passed: float, number: int, loud: Level, after_that: float
) -> None:
    found = remind(Climb(), MASKED, LADDER, SINCE + passed)
    assert found.rung == Rung(number, loud)
    assert remind(found.climb, MASKED, LADDER, SINCE + passed).rung is None
    assert due(found.climb, MASKED, LADDER, SINCE + passed) == SINCE + after_that


def test_a_timer_that_is_late_does_not_delay_the_rungs_after_it() -> None:
    found = remind(Climb(), MASKED, LADDER, SINCE + 100.0)
    assert found.rung == Rung(1, Level.SAY)
    assert due(found.climb, MASKED, LADDER, SINCE + 100.0) == SINCE + 130.0


def test_nothing_is_due_for_a_call_that_is_not_masked() -> None:
    old = Climb(SINCE, SINCE, 3)
    for climb in (Climb(), old):
        assert remind(climb, UNMASKED, LADDER, SINCE + 999.0) == Reminders(Climb())
        assert due(climb, UNMASKED, LADDER, SINCE + 999.0) is None
        assert level(climb, UNMASKED, LADDER, SINCE + 999.0) is Level.QUIET


@PENDING
def test_a_wish_on_its_way_is_not_told_but_the_window_goes_on_saying_it(state: State) -> None:
    climb = Climb(SINCE, SINCE, 1)
    assert remind(climb, state, LADDER, SINCE + 500.0) == Reminders(climb)
    assert due(climb, state, LADDER, SINCE + 500.0) is None
    assert level(climb, state, LADDER, SINCE + 130.0) is Level.ALERT


def test_the_first_mask_on_its_way_has_no_ladder_yet() -> None:
    state = State(phase=Phase.MASKING, since=SINCE)
    assert remind(Climb(), state, LADDER, SINCE + 9.0) == Reminders(Climb())
    assert due(Climb(), state, LADDER, SINCE + 9.0) is None


def test_a_new_mask_begins_at_the_foot() -> None:
    late = Climb(SINCE, SINCE + 9.0, 7, unmasked_by_itself=True, put_off_at=SINCE + 1.0)
    again = replace(MASKED, masked_since=SINCE + 2000.0)
    assert remind(late, again, LADDER, SINCE + 2000.0) == Reminders(Climb(SINCE + 2000.0, SINCE + 2000.0))
    assert due(late, again, LADDER, SINCE + 2000.0) == SINCE + 2050.0


def test_a_mask_from_the_clocks_first_moment_counts_from_there() -> None:
    state = replace(MASKED, masked_since=0.0)
    assert remind(Climb(), state, LADDER, 49.9) == Reminders(Climb(0.0, 0.0))
    assert remind(Climb(), state, LADDER, 50.0).rung == Rung(1, Level.SAY)


@pytest.mark.parametrize(("now", "seconds"), [(SINCE - 1.0, 0.0), (SINCE, 0.0), (SINCE + 42.5, 42.5)])
def test_masked_for(now: float, seconds: float) -> None:
    assert masked_for(MASKED, now) == seconds


def test_masked_for_nothing() -> None:
    assert masked_for(UNMASKED, SINCE) is None


# Putting off.


@LEFT_MASKED
def test_still_taking_the_card_brings_the_first_rung_again_after_the_snooze_and_then_the_others(
    state: State,
) -> None:
    at = SINCE + 300.0
    climb = put_off(Climb(SINCE, SINCE, 4), state, LADDER, at)
    assert level(climb, state, LADDER, at) is Level.QUIET
    assert due(climb, state, LADDER, at) == at + 70.0
    assert remind(climb, state, LADDER, at + 70.0 - A_HAIR).rung is None
    for after, number, loud in [(70.0, 1, Level.SAY), (150.0, 2, Level.ALERT), (260.0, 3, Level.SOUND)]:
        found = remind(climb, state, LADDER, at + after)
        assert found.rung == Rung(number, loud)
        climb = found.climb


def test_putting_off_before_the_first_rung_does_not_bring_it_earlier_than_the_snooze() -> None:
    climb = put_off(Climb(), MASKED, LADDER, SINCE + 10.0)
    assert climb.since == SINCE
    assert due(climb, MASKED, LADDER, SINCE + 10.0) == SINCE + 80.0


def test_putting_off_twice_counts_from_the_second_time() -> None:
    climb = put_off(put_off(Climb(), MASKED, LADDER, SINCE + 60.0), MASKED, LADDER, SINCE + 65.0)
    assert due(climb, MASKED, LADDER, SINCE + 65.0) == SINCE + 135.0


# An unmask that failed.


@pytest.mark.parametrize("phase", [Phase.MASKED, Phase.UNKNOWN])
def test_a_failed_unmask_stands_on_the_first_rung_at_once(phase: Phase) -> None:
    state = failed_unmask(SINCE + 3.0, replace(MASKED, phase=phase))
    now = SINCE + 3.0
    assert level(Climb(), state, LADDER, now) is Level.SAY
    assert due(Climb(), state, LADDER, now) == now
    found = remind(Climb(), state, LADDER, now)
    assert found.rung == Rung(1, Level.SAY)
    assert remind(found.climb, state, LADDER, now).rung is None
    assert due(found.climb, state, LADDER, now) == SINCE + 130.0


def test_a_failed_unmask_does_not_lower_what_was_reached() -> None:
    state = failed_unmask(SINCE + 200.0)
    assert level(Climb(), state, LADDER, SINCE + 200.0) is Level.ALERT
    assert remind(Climb(SINCE, SINCE, 2), state, LADDER, SINCE + 200.0).rung is None
    assert due(Climb(SINCE, SINCE, 2), state, LADDER, SINCE + 200.0) == SINCE + 240.0


def test_a_failed_mask_is_no_failed_unmask() -> None:
    state = replace(MASKED, problem=Problem(Failure.NOT_ALLOWED, Wish.MASK, SINCE + 3.0))
    assert level(Climb(), state, LADDER, SINCE + 3.0) is Level.QUIET
    assert due(Climb(), state, LADDER, SINCE + 3.0) == SINCE + 50.0
    assert remind(Climb(), state, LADDER, SINCE + 3.0).rung is None


def test_an_unmask_that_failed_without_a_masked_call_reminds_of_nothing() -> None:
    state = replace(UNMASKED, problem=Problem(Failure.NO_CALL, Wish.UNMASK, SINCE))
    assert level(Climb(), state, LADDER, SINCE) is Level.QUIET
    assert due(Climb(), state, LADDER, SINCE) is None


def test_a_failed_unmask_can_be_put_off_like_the_rest() -> None:
    """It once came back in the same moment: the button seemed to do nothing."""
    state = failed_unmask(SINCE + 3.0)
    climb = put_off(remind(Climb(), state, LADDER, SINCE + 3.0).climb, state, LADDER, SINCE + 4.0)
    assert level(climb, state, LADDER, SINCE + 4.0) is Level.QUIET
    assert due(climb, state, LADDER, SINCE + 4.0) == SINCE + 74.0
    assert remind(climb, state, LADDER, SINCE + 73.9).rung is None
    assert remind(climb, state, LADDER, SINCE + 74.0).rung == Rung(1, Level.SAY)


@pytest.mark.parametrize(("failed_at", "loud"), [(20.0, Level.QUIET), (20.1, Level.SAY)])
def test_an_unmask_that_fails_after_it_was_put_off_is_news(failed_at: float, loud: Level) -> None:
    climb = put_off(Climb(), MASKED, LADDER, SINCE + 20.0)
    state = failed_unmask(SINCE + failed_at)
    assert level(climb, state, LADDER, SINCE + 21.0) is loud


# The policy's unmask.

POLICY = replace(LADDER, auto_unmask=400.0, countdown=25.0)


def counted(at: float, state: State = MASKED) -> Climb:
    """The climb after `remind` was asked at `at`."""
    return remind(Climb(SINCE, SINCE, 9), state, POLICY, at).climb


def test_the_policys_unmask_counts_down_in_sight_and_comes_at_its_end_once() -> None:
    told = Climb(SINCE, SINCE, 9)
    begins, ends = SINCE + 375.0, SINCE + 400.0
    assert countdown(told, MASKED, POLICY, begins - A_HAIR) is None
    assert remind(told, MASKED, POLICY, begins - A_HAIR) == Reminders(told)
    assert due(told, MASKED, POLICY, begins - A_HAIR) == begins
    assert countdown(told, MASKED, POLICY, begins) == 25.0
    found = remind(told, MASKED, POLICY, begins)
    assert found == Reminders(replace(told, counted_from=begins))
    assert due(found.climb, MASKED, POLICY, begins) == ends
    assert countdown(found.climb, MASKED, POLICY, begins + 10.0) == 15.0
    assert remind(found.climb, MASKED, POLICY, begins + 10.0) == Reminders(found.climb)
    assert not remind(found.climb, MASKED, POLICY, ends - A_HAIR).unmask
    last = remind(found.climb, MASKED, POLICY, ends)
    assert last.unmask
    assert last.rung is None
    assert last.climb.unmasked_by_itself
    for later in (ends, ends + 999.0):
        assert countdown(last.climb, MASKED, POLICY, later) is None
        assert not remind(last.climb, MASKED, POLICY, later).unmask
    assert due(last.climb, MASKED, POLICY, ends) == SINCE + 240.0 + 7 * 40.0, "the ladder goes on"


def test_a_countdown_is_never_below_nothing() -> None:
    assert countdown(counted(SINCE + 375.0), MASKED, POLICY, SINCE + 999.0) == 0.0


def test_without_a_policy_nothing_is_counted_down() -> None:
    assert countdown(Climb(), MASKED, LADDER, SINCE + 8 * HOURS) is None
    assert not remind(Climb(SINCE, SINCE, 9), MASKED, LADDER, SINCE + 8 * HOURS).unmask


@pytest.mark.parametrize("state", [UNKNOWN, MASKING, UNMASKING], ids=["unknown", "masking", "unmasking"])
def test_only_what_is_known_to_be_masked_is_unmasked_by_the_policy(state: State) -> None:
    climb = counted(SINCE + 375.0)
    assert countdown(climb, state, POLICY, SINCE + 400.0) is None
    found = remind(climb, state, POLICY, SINCE + 400.0)
    assert found == Reminders(Climb(SINCE, SINCE, 9))
    assert due(found.climb, state, POLICY, SINCE + 400.0) in (None, SINCE + 520.0)


@pytest.mark.guarantee("G11")
@pytest.mark.parametrize("between", [UNKNOWN, MASKING], ids=["after a sleep", "confirmed again"])
def test_a_mask_that_is_confirmed_late_gets_its_whole_countdown(between: State) -> None:
    """It once unmasked in the very moment that the agent had masked again: the first mask's time was over."""
    asleep = remind(counted(SINCE + 380.0), between, POLICY, SINCE + 390.0).climb
    again = replace(MASKED, since=SINCE + 5000.0)
    found = remind(asleep, again, POLICY, SINCE + 5000.0)
    assert not found.unmask
    assert countdown(found.climb, again, POLICY, SINCE + 5000.0) == 25.0
    assert not remind(found.climb, again, POLICY, SINCE + 5024.9).unmask
    assert remind(found.climb, again, POLICY, SINCE + 5025.0).unmask


@pytest.mark.guarantee("G11")
def test_a_program_that_was_not_run_for_a_while_begins_with_the_countdown() -> None:
    found = remind(Climb(), MASKED, POLICY, SINCE + 900.0)
    assert not found.unmask
    assert found.rung, "and tells the rung beside it"
    assert found.climb.counted_from == SINCE + 900.0


def test_the_policys_unmask_can_be_put_off() -> None:
    at = SINCE + 390.0
    climb = put_off(counted(SINCE + 375.0), MASKED, POLICY, at)
    assert climb == Climb(SINCE, at + 20.0, 0, put_off_at=at)
    assert countdown(climb, MASKED, POLICY, at) is None
    assert not remind(climb, MASKED, POLICY, SINCE + 400.0).unmask
    told = replace(climb, given=9)
    assert due(told, MASKED, POLICY, at) == at + 20.0 + 375.0
    assert countdown(told, MASKED, POLICY, at + 20.0 + 375.0) == 25.0


def test_the_policys_unmask_that_failed_is_put_off_by_nothing_and_not_sent_again() -> None:
    tried = remind(counted(SINCE + 375.0), MASKED, POLICY, SINCE + 400.0).climb
    later = put_off(tried, MASKED, POLICY, SINCE + 410.0)
    assert later.unmasked_by_itself
    assert due(later, MASKED, POLICY, SINCE + 410.0) == SINCE + 480.0
    assert not remind(later, MASKED, POLICY, SINCE + 5000.0).unmask


# A whole afternoon, and ladders that would let it go wrong.


class Client:
    """The ladder as the controller drives it."""

    def __init__(self) -> None:
        self.climb = Climb()

    def remind(self, state: State, ladder: Ladder, now: float) -> Reminders:
        found = remind(self.climb, state, ladder, now)
        self.climb = found.climb
        return found

    def put_off(self, state: State, ladder: Ladder, now: float) -> None:
        self.climb = put_off(self.climb, state, ladder, now)


class StopsAfterTheFirstSound(Client):
    def remind(self, state: State, ladder: Ladder, now: float) -> Reminders:
        found = super().remind(state, ladder, now)
        return replace(found, rung=None) if found.rung and found.rung.number > Level.SOUND else found


class BeginsAnewWithEachState(Client):
    """MASKED grew old and became UNKNOWN: so the climb begins again, and again."""

    def __init__(self) -> None:
        super().__init__()
        self.phase = Phase.MASKED

    def remind(self, state: State, ladder: Ladder, now: float) -> Reminders:
        if state.phase is not self.phase:
            self.climb = Climb(state.masked_since, now)
        self.phase = state.phase
        return super().remind(state, ladder, now)


class UnmasksSilently(Client):
    def remind(self, state: State, ladder: Ladder, now: float) -> Reminders:
        found = super().remind(state, ladder, now)
        tired = now - SINCE > 4 * HOURS and ladder.auto_unmask is None
        return replace(found, unmask=True) if tired else found


class TakesUnknownForUnmasked(Client):
    def remind(self, state: State, ladder: Ladder, now: float) -> Reminders:
        return Reminders(self.climb) if state.phase is Phase.UNKNOWN else super().remind(state, ladder, now)


class IsPutOffForEver(Client):
    def put_off(self, state: State, ladder: Ladder, now: float) -> None:
        super().put_off(state, replace(ladder, snooze=24 * HOURS), now)


class NeverGetsLouder(Client):
    def remind(self, state: State, ladder: Ladder, now: float) -> Reminders:
        found = super().remind(state, ladder, now)
        return replace(found, rung=Rung(found.rung.number, Level.SAY)) if found.rung else found


def forgotten_for_eight_hours(client: Client) -> None:
    """Masked, each five minutes UNKNOWN for a while, put off once: told louder and louder until the end."""
    told: list[tuple[float, Level]] = []
    put_off_at = 2 * HOURS
    for second in range(int(8 * HOURS)):
        state = UNKNOWN if second // 300 % 2 else MASKED
        if second == put_off_at:
            client.put_off(state, LADDER, SINCE + second)
        found = client.remind(state, LADDER, SINCE + second)
        assert not found.unmask, "unmasked without anybody's wish"
        if found.rung:
            told.append((float(second), found.rung.level))
    sounds = [240.0 + 40.0 * n for n in range(174)]
    again = put_off_at + 70.0
    later = [again + 190.0 + 40.0 * n for n in range(534)]
    assert told == [
        *((50.0, Level.SAY), (130.0, Level.ALERT)),
        *((at, Level.SOUND) for at in sounds),
        *((again, Level.SAY), (again + 80.0, Level.ALERT)),
        *((at, Level.SOUND) for at in later),
    ]


@pytest.mark.guarantee("G11")
def test_a_forgotten_unmask_is_told_louder_and_louder_until_it_is_done() -> None:
    forgotten_for_eight_hours(Client())


@pytest.mark.guarantee("G11")
@pytest.mark.mutant("G11")
@pytest.mark.parametrize(
    "broken",
    [
        StopsAfterTheFirstSound,
        BeginsAnewWithEachState,
        UnmasksSilently,
        TakesUnknownForUnmasked,
        IsPutOffForEver,
        NeverGetsLouder,
    ],
)
def test_a_broken_ladder_is_caught(broken: type[Client]) -> None:
    with pytest.raises(AssertionError):
        forgotten_for_eight_hours(broken())
