"""What is due when, for a call that is left masked: a ladder that is climbed until the call is unmasked.

The one rule: what may be masked counts as masked (UNKNOWN too), and only the agent puts a reminder off.

The time is counted from `State.masked_since`, on a clock that goes on while the computer sleeps. "Still taking the
card" moves the foot of the ladder, so that the next rung comes `snooze` seconds later and the climb begins anew.
An unmask that was wished and failed stands on the first rung at once.

The policy's unmask comes when its countdown was in the window in full: a mask that is confirmed again long after that
moment, or a program that was not run for a while, begins with the countdown.
"""

from dataclasses import dataclass, replace

from app.core.states import State
from app.core.terms import Ladder, Level, Phase, Wish


@dataclass(frozen=True, slots=True)
class Climb:
    """Where on the ladder the present mask is. The default: nothing is masked."""

    since: float | None = None
    """The `masked_since` that it belongs to."""
    foot: float = 0.0
    """From when the ladder's times are counted: `since`, or later when it was put off."""
    given: int = 0
    """The number of the last rung that was told."""
    unmasked_by_itself: bool = False
    """The policy's unmask was sent: once for a mask, not again when it fails."""
    put_off_at: float = float("-inf")
    """When the agent last put it off: an unmask that failed before then is no news."""
    counted_from: float | None = None
    """When the countdown to the policy's unmask came in sight; None: it is not."""


@dataclass(frozen=True, slots=True)
class Rung:
    """One reminder. `number` counts from 1; each sound is one of its own."""

    number: int
    level: Level


@dataclass(frozen=True, slots=True)
class Reminders:
    """What is due now."""

    climb: Climb
    rung: Rung | None = None
    """To be told now: raise, notify, sound, record."""
    unmask: bool = False
    """The policy's unmask is due now."""


def masked_for(state: State, now: float) -> float | None:
    """For how long (s) the call may have been masked; None: it is not."""
    return None if state.masked_since is None else max(0.0, now - state.masked_since)


def level(climb: Climb, state: State, ladder: Ladder, now: float) -> Level:
    """How loudly the window says it now."""
    return _level(_number(_follow(climb, state), state, ladder, now))


def countdown(climb: Climb, state: State, ladder: Ladder, now: float) -> float | None:
    """Seconds until the policy's unmask, while it is counted down; None otherwise."""
    climb = _follow(climb, state)
    if ladder.auto_unmask is None or state.phase is not Phase.MASKED or climb.unmasked_by_itself:
        return None
    if now < climb.foot + ladder.auto_unmask - ladder.countdown:
        return None
    begun = now if climb.counted_from is None else climb.counted_from
    return max(0.0, begun + ladder.countdown - now)


def remind(climb: Climb, state: State, ladder: Ladder, now: float) -> Reminders:
    """What is due at `now`. Rungs that were slept through are told once, as the highest of them."""
    climb = _follow(climb, state)
    left = countdown(climb, state, ladder, now)
    if left is None:
        climb = replace(climb, counted_from=None)
    elif left == 0.0:
        return Reminders(replace(climb, unmasked_by_itself=True), unmask=True)
    elif climb.counted_from is None:
        climb = replace(climb, counted_from=now)
    if state.phase.pending:
        return Reminders(climb)  # a wish is on its way: the agent has not forgotten
    number = _number(climb, state, ladder, now)
    if number <= climb.given:
        return Reminders(climb)
    return Reminders(replace(climb, given=number), rung=Rung(number, _level(number)))


def due(climb: Climb, state: State, ladder: Ladder, now: float) -> float | None:
    """When (s) `remind` has something to say; None: not before the state changes."""
    climb = _follow(climb, state)
    if climb.since is None or state.phase.pending:
        return None
    moments = [climb.foot + _time(climb.given + 1, ladder)]
    if _failed_unmask(climb, state) and climb.given == 0:
        moments.append(now)
    if ladder.auto_unmask is not None and state.phase is Phase.MASKED and not climb.unmasked_by_itself:
        if climb.counted_from is None:
            moments.append(climb.foot + ladder.auto_unmask - ladder.countdown)
        else:
            moments.append(climb.counted_from + ladder.countdown)
    return min(moments)


def put_off(climb: Climb, state: State, ladder: Ladder, now: float) -> Climb:
    """The agent is still taking the card."""
    climb = _follow(climb, state)
    return replace(climb, foot=now + ladder.snooze - ladder.say, given=0, put_off_at=now, counted_from=None)


def _follow(climb: Climb, state: State) -> Climb:
    """A new mask begins at the foot of the ladder."""
    if climb.since == state.masked_since:
        return climb
    return Climb(since=state.masked_since, foot=state.masked_since or 0.0)


def _failed_unmask(climb: Climb, state: State) -> bool:
    problem = state.problem
    return problem is not None and problem.wish is Wish.UNMASK and problem.at > climb.put_off_at


def _number(climb: Climb, state: State, ladder: Ladder, now: float) -> int:
    if climb.since is None:
        return 0
    passed = now - climb.foot
    if passed >= ladder.sound:
        return Level.SOUND + int((passed - ladder.sound) // ladder.sound_every)
    if passed >= ladder.alert:
        return Level.ALERT
    return Level.SAY if passed >= ladder.say or _failed_unmask(climb, state) else Level.QUIET


def _level(number: int) -> Level:
    return Level(min(number, Level.SOUND))


def _time(number: int, ladder: Ladder) -> float:
    """Seconds from the foot to the rung with this number."""
    if number == Level.SAY:
        return ladder.say
    return (
        ladder.alert if number == Level.ALERT else ladder.sound + (number - Level.SOUND) * ladder.sound_every
    )
