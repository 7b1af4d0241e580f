"""Each row of the table and each end of it, as a small story with all that it changes, and nothing else.

The one rule: a story names every field that is different afterwards; what it does not name must be as it was.

These are the fast, exact examples that the mutation testing runs (`dev.py mutation`); the same rules in every order are
tried by the machine (`test_machine.py`).

Longer than 300 lines because the stories stand as the table does: row by row, in one place, read beside it.
"""

from dataclasses import fields, is_dataclass
from typing import Any, NamedTuple

import pytest

from app.core.failures import Failure
from app.core.masking import TABLE, due, read, step
from app.core.ports import Answer, Seen, Wish
from app.core.states import (
    Acknowledged,
    Answered,
    Ask,
    Doubted,
    Effect,
    Event,
    How,
    Ignored,
    Known,
    Limits,
    Notice,
    Observed,
    Phase,
    Press,
    Proof,
    Say,
    Send,
    State,
    Tick,
)

UNMASKED, MASKING, MASKED = Phase.UNMASKED, Phase.MASKING, Phase.MASKED
UNMASKING, UNKNOWN = Phase.UNMASKING, Phase.UNKNOWN
MASK, UNMASK = Wish.MASK, Wish.UNMASK
PENDING = {MASK: MASKING, UNMASK: UNMASKING}

# No two alike, so that none can be taken for another.
LIMITS = Limits(
    deadline=20.0,
    attempt=6.0,
    first_pause=1.0,
    pause_factor=3.0,
    longest_pause=5.0,
    shortest_pause=0.5,
    quiet=4.0,
    evidence_life=100.0,
    chase_pause=7.0,
    chase_for=40.0,
    press_guard=0.25,
)
OK = Answer(confirmed=True, status=200)
TAKEN = Answer(accepted=True, status=202)
A_HAIR = 0.001

Changes = dict[str, Any]


def failed(failure: Failure, retry_after: float | None = None, words: str = "its words") -> Answer:
    return Answer(failure=failure, words=words, retry_after=retry_after)


LOCKED, AWAY = failed(Failure.LOCKED), failed(Failure.AWAY)
LOST, NOT_SENT = failed(Failure.NO_ANSWER), failed(Failure.NOT_REACHED)
NO, ODD = failed(Failure.NOT_ALLOWED), failed(Failure.UNEXPECTED)
NO_CALL, INTERNAL = failed(Failure.NO_CALL), failed(Failure.INTERNAL_CALL)


def play(state: State, *events: Event) -> State:
    for event in events:
        state, _ = step(state, event)
    return state


# What changes, in words.


def flat(value: Any, name: str) -> Changes:
    """Each field by its path, as in run.back.phase."""
    if not is_dataclass(value):
        return {name: value}
    return {
        path: one
        for field in fields(value)
        for path, one in flat(getattr(value, field.name), f"{name}.{field.name}").items()
    }


def changed(before: State, changes: Changes) -> Changes:
    """All of the state after the changes. None for a part takes away what was in it."""
    known = flat(before, "state")
    for path, value in changes.items():
        whole = f"state.{path}"
        for old in [old for old in known if old.startswith(f"{whole}.") or whole.startswith(f"{old}.")]:
            del known[old]
        known[whole] = value
    return known


def heard(at: float) -> Changes:
    return {"heard_at": at}


def landed(at: float) -> Changes:
    """The answer came: the line is free."""
    return {"flight": None, "heard_at": at}


def sends(ticket: int, wish: Wish) -> Changes:
    return {"ticket": ticket, "flight.ticket": ticket, "flight.wish": wish, "flight.stale": False}


def begins(wish: Wish, at: float, back: Known) -> Changes:
    """A wish is pending from now on; if nothing of it leaves, it goes back to what was known."""
    return {
        "phase": PENDING[wish],
        "since": at,
        "wish": wish,
        "next": None,
        "proof": None,
        "contact": None,
        "run.wish": wish,
        "run.began": at,
        "run.deadline": at + 20.0,
        "run.retry_at": at,
        "run.attempts": 0,
        "run.doubt": False,
        "run.accepted_at": None,
        "run.seconded": False,
        "run.why": None,
        "run.words": "",
        **flat(back, "run.back"),
    }


def again(attempts: int, retry_at: float, why: Failure | None, doubt: bool = True) -> Changes:
    """It will be asked again."""
    words = "its words" if why else ""
    run = {"attempts": attempts, "retry_at": retry_at, "why": why, "doubt": doubt, "words": words}
    return {f"run.{name}": value for name, value in run.items()}


def problem(failure: Failure, wish: Wish | None, at: float, words: str = "its words") -> Changes:
    told = {"failure": failure, "wish": wish, "at": at, "words": words}
    return {f"problem.{name}": value for name, value in told.items()}


def unknown(at: float, masked_since: float) -> Changes:
    ends = {"run": None, "next": None, "proof": None}
    return {"phase": UNKNOWN, "since": at, "masked_since": masked_since, **ends}


def chases(at: float) -> Changes:
    """UNKNOWN with the wish mask: ask on, slowly, for a while."""
    return {"run.deadline": at + 40.0, "run.retry_at": at + 7.0, "run.doubt": True}


def masked(at: float, masked_since: float, how: How = How.REPLY, until: float | None = None) -> Changes:
    ends = {"run": None, "next": None, "problem": None}
    proof = {"proof.how": how, "proof.until": at + 100.0 if until is None else until}
    return {"phase": MASKED, "since": at, "masked_since": masked_since, **proof, **ends}


def unmasked(at: float) -> Changes:
    ends = {"run": None, "next": None, "proof": None, "problem": None, "contact": None}
    return {"phase": UNMASKED, "since": at, "masked_since": None, **ends}


def fence(*wishes: Wish) -> Changes:
    return {"fence": frozenset(wishes)}


# Where the stories begin.

AT_START = Known(UNMASKED, 0.0, None, None)
AT_MASKED = Known(MASKED, 11.0, Proof(How.REPLY, 111.0), 11.0)

unmasked_call = State(limits=LIMITS)
masking_call = play(unmasked_call, Ask(MASK, 10.0))
masked_call = play(masking_call, Answered(1, OK, 11.0))
unmasking_call = play(masked_call, Ask(UNMASK, 50.0))
remasking_call = play(masked_call, Ask(MASK, 50.0))
seen_call = play(masked_call, Observed(Seen.MASKED, "call 1", 20.0, 20.5))
doubted_call = play(masked_call, Doubted(Failure.SUSPENDED, 40.0))
chased_call = play(masking_call, Answered(1, ODD, 12.0))
"""UNKNOWN: the mask is asked for again at 19, until 52."""
chasing_call = play(chased_call, Tick(19.0))
"""… and is in flight, ticket 2."""
lost_unmask = play(unmasking_call, Answered(2, ODD, 51.0))
"""UNKNOWN: an unmask may still land."""
fenced_mask = play(lost_unmask, Ask(MASK, 60.0))
lost_mask = play(masking_call, Answered(1, LOST, 12.0), Tick(13.0), Doubted(Failure.CALL_CHANGED, 13.5))
fenced_unmask = play(lost_mask, Answered(2, NOT_SENT, 14.0), Ask(UNMASK, 60.0))
lost_mask_alone = play(lost_mask, Answered(2, NOT_SENT, 14.0))
AT_LOST_UNMASK = Known(UNKNOWN, 51.0, None, 11.0)
AT_LOST_MASK = Known(UNKNOWN, 13.5, None, 10.0)


class Story(NamedTuple):
    told: str
    given: State
    when: Event
    then: Changes
    effects: tuple[Effect, ...] = ()


def send(ticket: int, wish: Wish) -> Send:
    return Send(ticket, wish, 6.0)


STILL, KEPT = Say(Notice.STILL_PENDING), Say(Notice.KEPT_FOR_NEXT)

FROM_UNMASKED = [
    Story(
        "a wish to mask is asked for at once",
        unmasked_call,
        Ask(MASK, 10.0),
        begins(MASK, 10.0, AT_START) | sends(1, MASK),
        (send(1, MASK),),
    ),
    Story(
        "the button does the same",
        unmasked_call,
        Press(MASK, 10.0),
        begins(MASK, 10.0, AT_START) | sends(1, MASK),
        (send(1, MASK),),
    ),
    Story(
        "a wish to unmask what is not masked is asked for too: it may be masked by others",
        unmasked_call,
        Ask(UNMASK, 10.0),
        begins(UNMASK, 10.0, AT_START) | sends(1, UNMASK),
        (send(1, UNMASK),),
    ),
    Story(
        "somebody else masked the call",
        unmasked_call,
        Observed(Seen.MASKED, "call 1", 9.0, 9.5),
        masked(9.5, 9.5, How.RECORDER, 109.0) | heard(9.0) | {"contact": "call 1"},
    ),
    Story(
        "it is recorded, as known", unmasked_call, Observed(Seen.RECORDING, "call 1", 9.0, 9.5), heard(9.0)
    ),
    Story(
        "the recorder does not know", unmasked_call, Observed(Seen.UNCLEAR, "call 1", 9.0, 9.5), heard(9.0)
    ),
    Story("a doubt takes nothing away", unmasked_call, Doubted(Failure.SUSPENDED, 9.0), heard(9.0)),
]


def of_a_pending_wish(wish: Wish) -> list[Story]:
    """What masking and unmasking share."""
    other = wish.other
    call = play(unmasked_call, Ask(wish, 10.0))
    waiting = play(call, Ask(other, 10.5))
    idle = play(call, Answered(1, NOT_SENT, 11.0))
    from_masked = play(masked_call, Ask(wish, 50.0))
    from_unknown = play(doubted_call, Ask(wish, 50.0))
    fenced, since_fenced = (fenced_mask, 11.0) if wish is MASK else (fenced_unmask, 10.0)
    back_masked = {"phase": MASKED, "since": 11.0, "proof.how": How.REPLY, "proof.until": 111.0, "run": None}
    back_unmasked = {"phase": UNMASKED, "since": 0.0, "masked_since": None, "run": None, "next": None}
    superseded = play(waiting, Tick(30.0))

    def turns(at: float, failure: Failure, words: str = "its words", ticket: int = 2) -> Changes:
        """The wish that waited begins; what the first one came to is not known."""
        back = Known(UNKNOWN, at, None, 10.0)
        told = problem(failure, wish, at, words)
        return begins(other, at, back) | told | sends(ticket, other) | {"masked_since": 10.0, "heard_at": at}

    def ends(at: float) -> Changes:
        """In UNKNOWN: a mask is chased, an unmask is not."""
        chase = {"run": None} if wish is UNMASK else chases(at)
        return {"phase": UNKNOWN, "since": at, "masked_since": 10.0, "next": None, "proof": None, **chase}

    then_other = (send(2, other),)
    return [
        Story("a press only says so", call, Press(wish, 11.0), {}, (STILL,)),
        Story("a press on what was offered before, too", call, Press(other, 11.0), {}, (STILL,)),
        Story(
            "the same wish again forgets the one that waits",
            waiting,
            Ask(wish, 11.0),
            {"next": None},
            (STILL,),
        ),
        Story("the opposite wish is kept", call, Ask(other, 11.0), {"next": other}, (KEPT,)),
        Story(
            "with the line free, the opposite wish begins at once; nothing had left",
            idle,
            Ask(other, 11.5),
            begins(other, 11.5, AT_START) | problem(Failure.NOT_REACHED, wish, 11.5) | sends(2, other),
            then_other,
        ),
        Story(
            "with the line free, the opposite wish begins at once; something may have been done",
            play(call, Answered(1, LOCKED, 11.0)),
            Ask(other, 11.5),
            turns(11.5, Failure.LOCKED) | heard(11.0),
            then_other,
        ),
        Story(
            "confirmed",
            call,
            Answered(1, OK, 11.0),
            (masked(11.0, 11.0) if wish is MASK else unmasked(11.0)) | landed(11.0),
        ),
        Story(
            "confirmed, and the wish that waited begins",
            waiting,
            Answered(1, OK, 11.0),
            begins(other, 11.0, AT_MASKED if wish is MASK else Known(UNMASKED, 11.0, None, None))
            | {"masked_since": 11.0 if wish is MASK else None, "heard_at": 11.0}
            | sends(2, other),
            then_other,
        ),
        Story(
            "confirmed behind the fence: once more, after a quiet pause",
            fenced,
            Answered(3, OK, 61.0),
            landed(61.0) | again(1, 65.0, None) | {"run.seconded": True},
        ),
        Story(
            "what an earlier attempt said is forgotten when it is confirmed behind the fence",
            play(fenced, Answered(3, LOCKED, 61.0), Tick(62.0)),
            Answered(4, OK, 63.0),
            landed(63.0) | again(2, 67.0, None) | {"run.seconded": True},
        ),
        Story(
            "no answer behind the fence: now both may still land",
            fenced,
            Answered(3, LOST, 61.0),
            landed(61.0) | again(1, 61.75, Failure.NO_ANSWER) | fence(MASK, UNMASK),
        ),
        Story(
            "accepted behind the fence and not confirmed: now both may still land",
            play(fenced, Answered(3, TAKEN, 61.0)),
            Doubted(Failure.SUSPENDED, 61.5),
            unknown(61.5, since_fenced)
            | heard(61.5)
            | fence(MASK, UNMASK)
            | problem(Failure.SUSPENDED, None, 61.5, ""),
        ),
        Story(
            "confirmed twice behind the fence: done, and the fence is down",
            play(fenced, Answered(3, OK, 61.0), Tick(65.0)),
            Answered(4, OK, 66.0),
            (masked(66.0, since_fenced) if wish is MASK else unmasked(66.0)) | landed(66.0) | fence(),
        ),
        Story(
            "confirmed behind the fence, but the opposite is wished meanwhile",
            play(fenced, Ask(other, 60.5)),
            Answered(3, OK, 61.0),
            begins(other, 61.0, Known(UNKNOWN, 61.0, None, since_fenced))
            | problem(Failure.NOT_CONFIRMED, wish, 61.0, "")
            | {"heard_at": 61.0}
            | sends(4, other),
            (send(4, other),),
        ),
        Story(
            "accepted is not confirmed: asked again",
            call,
            Answered(1, TAKEN, 11.0, chance=0.0),
            landed(11.0) | again(1, 11.5, None) | {"run.accepted_at": 11.0},
        ),
        Story(
            "accepted a second time: the first one counts",
            play(call, Answered(1, TAKEN, 11.0), Tick(12.0)),
            Answered(2, TAKEN, 13.0, chance=1.0),
            landed(13.0) | again(2, 16.0, None),
        ),
        Story(
            "accepted, and the opposite is wished: it may still land",
            waiting,
            Answered(1, TAKEN, 11.0),
            turns(11.0, Failure.NOT_CONFIRMED, "") | fence(wish),
            then_other,
        ),
        Story(
            "busy: asked again after a pause",
            call,
            Answered(1, LOCKED, 11.0, chance=1.0),
            landed(11.0) | again(1, 12.0, Failure.LOCKED),
        ),
        Story(
            "busy: the service says how long",
            call,
            Answered(1, failed(Failure.THROTTLED, retry_after=9.0), 11.0),
            landed(11.0) | again(1, 20.0, Failure.THROTTLED),
        ),
        Story(
            "busy: the service asks for less than our pause",
            call,
            Answered(1, failed(Failure.THROTTLED, retry_after=0.1), 11.0, chance=0.5),
            landed(11.0) | again(1, 11.75, Failure.THROTTLED),
        ),
        Story(
            "busy with the opposite waiting",
            waiting,
            Answered(1, AWAY, 11.0),
            turns(11.0, Failure.AWAY),
            then_other,
        ),
        Story(
            "no answer: asked again, and it may still land",
            call,
            Answered(1, LOST, 11.0, chance=0.0),
            landed(11.0) | again(1, 11.5, Failure.NO_ANSWER) | fence(wish),
        ),
        Story(
            "no answer with the opposite waiting",
            waiting,
            Answered(1, LOST, 11.0),
            turns(11.0, Failure.NO_ANSWER) | fence(wish),
            then_other,
        ),
        Story(
            "no answer to what was accepted before is told as not confirmed",
            play(call, Answered(1, TAKEN, 11.0), Tick(12.0), Ask(other, 12.5)),
            Answered(2, LOST, 13.0),
            turns(13.0, Failure.NOT_CONFIRMED, ticket=3) | fence(wish),
            (send(3, other),),
        ),
        Story(
            "not sent: asked again, nothing has been done",
            call,
            Answered(1, NOT_SENT, 11.0, chance=0.0),
            landed(11.0) | again(1, 11.5, Failure.NOT_REACHED, doubt=False),
        ),
        Story(
            "not sent after one that perhaps was: the doubt stays",
            play(call, Answered(1, LOCKED, 11.0), Tick(12.0)),
            Answered(2, NOT_SENT, 13.0, chance=0.0),
            landed(13.0) | again(2, 13.5, Failure.NOT_REACHED),
        ),
        Story(
            "not sent with the opposite waiting",
            waiting,
            Answered(1, NOT_SENT, 11.0),
            begins(other, 11.0, AT_START)
            | problem(Failure.NOT_REACHED, wish, 11.0)
            | heard(11.0)
            | sends(2, other),
            then_other,
        ),
        Story(
            "the pause grows with each attempt",
            play(call, Answered(1, NOT_SENT, 11.0), Tick(12.0)),
            Answered(2, NOT_SENT, 13.0, chance=1.0),
            landed(13.0) | again(2, 16.0, Failure.NOT_REACHED, doubt=False),
        ),
        Story(
            "the pause grows to the longest",
            play(call, Answered(1, NOT_SENT, 11.0), Tick(12.0), Answered(2, NOT_SENT, 12.5), Tick(15.0)),
            Answered(3, NOT_SENT, 15.5, chance=1.0),
            landed(15.5) | again(3, 20.5, Failure.NOT_REACHED, doubt=False),
        ),
        Story(
            "refused: nothing was done, so back to UNMASKED",
            call,
            Answered(1, NO, 11.0),
            back_unmasked | landed(11.0) | problem(Failure.NOT_ALLOWED, wish, 11.0),
        ),
        Story(
            "refused: back to MASKED, with the evidence that it had",
            from_masked,
            Answered(2, NO, 51.0),
            back_masked | landed(51.0) | problem(Failure.NOT_ALLOWED, wish, 51.0),
        ),
        Story(
            "refused just before the evidence is over",
            play(masked_call, Ask(wish, 100.0)),
            Answered(2, NO, 111.0 - A_HAIR),
            back_masked | landed(111.0 - A_HAIR) | problem(Failure.NOT_ALLOWED, wish, 111.0 - A_HAIR),
        ),
        Story(
            "refused when the evidence is over",
            play(masked_call, Ask(wish, 100.0)),
            Answered(2, NO, 111.0),
            unknown(111.0, 11.0) | landed(111.0) | problem(Failure.NOT_ALLOWED, wish, 111.0),
        ),
        Story(
            "refused in doubt: back to UNKNOWN",
            from_unknown,
            Answered(2, NO, 51.0),
            unknown(51.0, 11.0) | landed(51.0) | problem(Failure.NOT_ALLOWED, wish, 51.0),
        ),
        Story(
            "refused after an attempt that was perhaps done: UNKNOWN, not chased",
            play(call, Answered(1, LOCKED, 11.0), Tick(12.0)),
            Answered(2, NO, 13.0),
            unknown(13.0, 10.0) | landed(13.0) | problem(Failure.NOT_ALLOWED, wish, 13.0),
        ),
        Story(
            "refused with the opposite waiting",
            waiting,
            Answered(1, NO, 11.0),
            begins(other, 11.0, AT_START)
            | problem(Failure.NOT_ALLOWED, wish, 11.0)
            | heard(11.0)
            | sends(2, other),
            then_other,
        ),
        Story(
            "no call: unmasked, and nothing is kept for the next call",
            waiting,
            Answered(1, NO_CALL, 11.0),
            unmasked(11.0) | landed(11.0) | problem(Failure.NO_CALL, wish, 11.0),
        ),
        Story(
            "no call says nothing of what is still on its way",
            fenced,
            Answered(3, NO_CALL, 61.0),
            unmasked(61.0) | landed(61.0) | problem(Failure.NO_CALL, wish, 61.0),
        ),
        Story(
            "an unexpected answer ends the wish; it may have been done",
            call,
            Answered(1, ODD, 11.0),
            ends(11.0)
            | landed(11.0)
            | fence(wish)
            | problem(Failure.UNEXPECTED, wish, 11.0)
            | ({"run.why": Failure.UNEXPECTED, "run.words": "its words"} if wish is MASK else {}),
        ),
        Story(
            "an answer that no recorder gives is unexpected",
            call,
            Answered(1, failed(Failure.SUSPENDED), 11.0),
            ends(11.0)
            | landed(11.0)
            | fence(wish)
            | problem(Failure.SUSPENDED, wish, 11.0)
            | ({"run.why": Failure.SUSPENDED, "run.words": "its words"} if wish is MASK else {}),
        ),
        Story(
            "an unexpected answer with the opposite waiting",
            waiting,
            Answered(1, ODD, 11.0),
            turns(11.0, Failure.UNEXPECTED) | fence(wish),
            then_other,
        ),
        Story(
            "a superseded answer frees the line for what is wished now",
            superseded,
            Answered(1, OK, 31.0),
            landed(31.0) | sends(2, other),
            then_other,
        ),
        Story(
            "a superseded request that was accepted may still land",
            superseded,
            Answered(1, TAKEN, 31.0),
            landed(31.0) | sends(2, other) | fence(wish),
            then_other,
        ),
        Story(
            "a superseded request without an answer may still land",
            superseded,
            Answered(1, LOST, 31.0),
            landed(31.0) | sends(2, other) | fence(wish),
            then_other,
        ),
        Story(
            "no call, said to a superseded request, is as true for what is wished now",
            superseded,
            Answered(1, NO_CALL, 31.0),
            unmasked(31.0) | landed(31.0) | problem(Failure.NO_CALL, wish, 31.0),
        ),
        Story(
            "a superseded answer, and the first wish waits again",
            play(superseded, Ask(wish, 30.5)),
            Answered(1, NO, 31.0),
            begins(wish, 31.0, Known(UNKNOWN, 31.0, None, 10.0))
            | problem(Failure.NO_ANSWER, other, 31.0, "")
            | heard(31.0)
            | sends(2, wish),
            (send(2, wish),),
        ),
        Story("just before the deadline", call, Tick(30.0 - A_HAIR), {}),
        Story(
            "the deadline, with a request in flight",
            call,
            Tick(30.0),
            ends(30.0) | problem(Failure.NO_ANSWER, wish, 30.0, ""),
        ),
        Story(
            "the deadline of what was accepted",
            play(call, Answered(1, TAKEN, 11.0), Tick(12.0)),
            Tick(30.0),
            ends(30.0) | fence(wish) | problem(Failure.NOT_CONFIRMED, wish, 30.0, ""),
        ),
        Story(
            "the deadline of what was accepted and is busy with it",
            play(call, Answered(1, TAKEN, 11.0), Tick(12.0), Answered(2, LOCKED, 13.0)),
            Tick(30.0),
            ends(30.0) | fence(wish) | problem(Failure.NOT_CONFIRMED, wish, 30.0),
        ),
        Story(
            "the deadline of what was accepted, and then not reached any more",
            play(call, Answered(1, TAKEN, 11.0), Tick(12.0), Answered(2, NOT_SENT, 13.0)),
            Tick(30.0),
            ends(30.0) | fence(wish) | problem(Failure.NOT_REACHED, wish, 30.0),
        ),
        Story(
            "the deadline, and nothing ever left",
            idle,
            Tick(30.0),
            back_unmasked | problem(Failure.NOT_REACHED, wish, 30.0),
        ),
        Story(
            "the deadline, nothing left, and it was masked",
            play(from_masked, Answered(2, NOT_SENT, 51.0)),
            Tick(70.0),
            back_masked | problem(Failure.NOT_REACHED, wish, 70.0),
        ),
        Story(
            "the deadline with the opposite waiting",
            waiting,
            Tick(30.0),
            {**turns(30.0, Failure.NO_ANSWER, ""), **sends(1, wish), "heard_at": float("-inf")},
        ),
        Story(
            "a doubt ends the wish, and the answer on its way speaks of another call",
            waiting,
            Doubted(Failure.CALL_CHANGED, 12.0),
            unknown(12.0, 10.0)
            | {"flight.stale": True}
            | heard(12.0)
            | problem(Failure.CALL_CHANGED, None, 12.0, ""),
        ),
        Story(
            "a doubt while nothing is in flight, after it was accepted: it may still land",
            play(call, Answered(1, TAKEN, 11.0)),
            Doubted(Failure.USER_CHANGED, 11.5),
            unknown(11.5, 10.0) | heard(11.5) | fence(wish) | problem(Failure.USER_CHANGED, None, 11.5, ""),
        ),
        Story("an unclear read-back", idle, Observed(Seen.UNCLEAR, "call 1", 11.2, 11.5), heard(11.2)),
        Story(
            "an unclear read-back ends the mask to go back to",
            play(from_masked, Answered(2, NOT_SENT, 51.0)),
            Observed(Seen.UNCLEAR, None, 51.2, 51.5),
            heard(51.2) | {"run.back.phase": UNKNOWN, "run.back.proof": None},
        ),
    ]


masking_idle = play(masking_call, Answered(1, NOT_SENT, 11.0))
masking_accepted = play(masking_call, Answered(1, TAKEN, 11.0))
remasking_idle = play(remasking_call, Answered(2, NOT_SENT, 51.0))
BACK_IN_DOUBT = {"run.back.phase": UNKNOWN, "run.back.proof": None}

FROM_MASKING = [
    Story(
        "an internal call: it was not masked",
        play(masking_call, Ask(UNMASK, 10.5)),
        Answered(1, INTERNAL, 11.0),
        {"phase": UNMASKED, "since": 0.0, "run": None, "next": None}
        | landed(11.0)
        | problem(Failure.INTERNAL_CALL, MASK, 11.0),
    ),
    Story(
        "an internal call after a mask: the masked one may be on hold",
        play(remasking_call, Ask(UNMASK, 50.5)),
        Answered(2, INTERNAL, 51.0),
        unknown(51.0, 11.0) | landed(51.0) | problem(Failure.INTERNAL_CALL, MASK, 51.0),
    ),
    Story(
        "an internal call after an attempt that was perhaps done",
        play(masking_call, Answered(1, LOCKED, 11.0), Tick(12.0)),
        Answered(2, INTERNAL, 13.0),
        unknown(13.0, 10.0) | landed(13.0) | problem(Failure.INTERNAL_CALL, MASK, 13.0),
    ),
    Story(
        "the recorder says that it is masked",
        masking_accepted,
        Observed(Seen.MASKED, "call 1", 11.2, 11.5),
        masked(11.5, 11.5, How.RECORDER, 111.2) | heard(11.2) | {"contact": "call 1"},
    ),
    Story(
        "… which proves nothing of an accepted mask when it was masked before",
        play(remasking_call, Answered(2, TAKEN, 51.0)),
        Observed(Seen.MASKED, None, 51.2, 51.5),
        masked(51.5, 11.0, How.RECORDER, 151.2) | heard(51.2) | fence(MASK),
    ),
    Story(
        "masked, while an unmask may still land: not yet",
        play(fenced_mask, Answered(3, NOT_SENT, 61.0)),
        Observed(Seen.MASKED, None, 61.2, 61.5),
        heard(61.2),
    ),
    Story(
        "masked, as the second confirmation",
        play(fenced_mask, Answered(3, OK, 61.0)),
        Observed(Seen.MASKED, None, 61.2, 61.5),
        masked(61.5, 11.0, How.RECORDER, 161.2) | heard(61.2) | fence(),
    ),
    Story(
        "still recorded: the mask has not come yet",
        masking_idle,
        Observed(Seen.RECORDING, "call 1", 11.2, 11.5),
        heard(11.2),
    ),
    Story(
        "recorded, though it was masked when the wish began",
        remasking_idle,
        Observed(Seen.RECORDING, "call 1", 51.2, 51.5),
        heard(51.2) | BACK_IN_DOUBT,
    ),
]

FROM_MASKED = [
    Story(
        "masked again: to confirm it",
        masked_call,
        Ask(MASK, 50.0),
        begins(MASK, 50.0, AT_MASKED) | sends(2, MASK),
        (send(2, MASK),),
    ),
    Story(
        "a wish to unmask",
        seen_call,
        Ask(UNMASK, 50.0),
        begins(UNMASK, 50.0, Known(MASKED, 11.0, Proof(How.RECORDER, 120.0), 11.0, "call 1"))
        | sends(2, UNMASK),
        (send(2, UNMASK),),
    ),
    Story(
        "the second half of a double-click",
        masked_call,
        Press(UNMASK, 11.25 - A_HAIR),
        {},
        (Say(Notice.DOUBLE_CLICK),),
    ),
    Story(
        "a press after that",
        masked_call,
        Press(UNMASK, 11.25),
        begins(UNMASK, 11.25, AT_MASKED) | sends(2, UNMASK),
        (send(2, UNMASK),),
    ),
    Story(
        "an explicit wish is no double-click",
        masked_call,
        Ask(UNMASK, 11.1),
        begins(UNMASK, 11.1, AT_MASKED) | sends(2, UNMASK),
        (send(2, UNMASK),),
    ),
    Story(
        "a quick press on Mask is none either",
        masked_call,
        Press(MASK, 11.1),
        begins(MASK, 11.1, AT_MASKED) | sends(2, MASK),
        (send(2, MASK),),
    ),
    Story(
        "the recorder confirms it",
        masked_call,
        Observed(Seen.MASKED, "call 1", 20.0, 20.5),
        {"proof.how": How.RECORDER, "proof.until": 120.0, "contact": "call 1"} | heard(20.0),
    ),
    Story(
        "the recorder confirms it without naming the call",
        seen_call,
        Observed(Seen.MASKED, None, 30.0, 30.5),
        {"proof.until": 130.0} | heard(30.0),
    ),
    Story(
        "the recorder confirms it, of the same call",
        seen_call,
        Observed(Seen.MASKED, "call 1", 30.0, 30.5),
        {"proof.until": 130.0} | heard(30.0),
    ),
    Story(
        "another call is masked",
        seen_call,
        Observed(Seen.MASKED, "call 2", 30.0, 30.5),
        unknown(30.5, 11.0) | heard(30.0) | problem(Failure.CALL_CHANGED, None, 30.5, ""),
    ),
    Story(
        "recording again",
        masked_call,
        Observed(Seen.RECORDING, None, 20.0, 20.5),
        unknown(20.5, 11.0) | heard(20.0) | problem(Failure.RECORDING_AGAIN, None, 20.5, ""),
    ),
    Story(
        "the recorder does not say masked any more",
        masked_call,
        Observed(Seen.UNCLEAR, None, 20.0, 20.5),
        unknown(20.5, 11.0) | heard(20.0) | problem(Failure.NOT_PROVEN, None, 20.5, ""),
    ),
    Story(
        "a doubt",
        masked_call,
        Doubted(Failure.SUSPENDED, 40.0),
        unknown(40.0, 11.0) | heard(40.0) | problem(Failure.SUSPENDED, None, 40.0, ""),
    ),
    Story("just before the evidence is over", masked_call, Tick(111.0 - A_HAIR), {}),
    Story(
        "the evidence is over",
        masked_call,
        Tick(111.0),
        unknown(111.0, 11.0) | problem(Failure.EVIDENCE_OLD, None, 111.0, ""),
    ),
    Story(
        "the evidence is over before what comes late is looked at",
        masked_call,
        Acknowledged(112.0),
        unknown(112.0, 11.0) | {"problem": None},
    ),
]

unmasking_idle = play(unmasking_call, Answered(2, NOT_SENT, 51.0))
unmasking_unmasked = play(unmasked_call, Ask(UNMASK, 10.0), Answered(1, NOT_SENT, 11.0))

FROM_UNMASKING = [
    Story(
        "an internal call: the masked one may be on hold",
        play(unmasking_call, Ask(MASK, 50.5)),
        Answered(2, INTERNAL, 51.0),
        unknown(51.0, 11.0) | landed(51.0) | problem(Failure.INTERNAL_CALL, UNMASK, 51.0),
    ),
    Story(
        "an internal call, though nothing was masked: another one may be",
        play(unmasked_call, Ask(UNMASK, 10.0)),
        Answered(1, INTERNAL, 11.0),
        unknown(11.0, 10.0) | landed(11.0) | problem(Failure.INTERNAL_CALL, UNMASK, 11.0),
    ),
    Story(
        "still masked: the unmask has not come yet",
        unmasking_idle,
        Observed(Seen.MASKED, "call 1", 51.2, 51.5),
        heard(51.2),
    ),
    Story(
        "another call is masked",
        play(seen_call, Ask(UNMASK, 50.0), Answered(2, NOT_SENT, 51.0)),
        Observed(Seen.MASKED, "call 2", 51.2, 51.5),
        heard(51.2) | BACK_IN_DOUBT,
    ),
    Story(
        "masked, though it was not when the wish began",
        unmasking_unmasked,
        Observed(Seen.MASKED, "call 1", 11.2, 11.5),
        heard(11.2) | BACK_IN_DOUBT | {"masked_since": 11.5},
    ),
    Story(
        "the recorder says that it is recording",
        unmasking_idle,
        Observed(Seen.RECORDING, None, 51.2, 51.5),
        unmasked(51.5) | heard(51.2),
    ),
    Story(
        "… which proves an accepted unmask done, since it was masked before",
        play(unmasking_call, Answered(2, TAKEN, 51.0)),
        Observed(Seen.RECORDING, None, 51.2, 51.5),
        unmasked(51.5) | heard(51.2),
    ),
    Story(
        "… which proves nothing of an accepted unmask when it was recording before",
        play(unmasked_call, Ask(UNMASK, 10.0), Answered(1, TAKEN, 11.0)),
        Observed(Seen.RECORDING, None, 11.2, 11.5),
        unmasked(11.5) | heard(11.2) | fence(UNMASK),
    ),
    Story(
        "recording, while a mask may still land: not yet",
        play(fenced_unmask, Answered(3, NOT_SENT, 61.0)),
        Observed(Seen.RECORDING, None, 61.2, 61.5),
        heard(61.2),
    ),
    Story(
        "recording, as the second confirmation",
        play(fenced_unmask, Answered(3, OK, 61.0)),
        Observed(Seen.RECORDING, None, 61.2, 61.5),
        unmasked(61.5) | heard(61.2) | fence(),
    ),
]

late_unmask = play(unmasking_call, Tick(70.0))
"""UNKNOWN past the deadline, and its request still out: ticket 2."""
chased_fenced = play(fenced_mask, Answered(3, ODD, 61.0), Tick(68.0))
"""A chase behind the fence, in flight: ticket 4."""


def chase_goes_on(at: float, retry_at: float, why: Failure | None) -> Changes:
    words = "its words" if why else ""
    return landed(at) | {"run.retry_at": retry_at, "run.why": why, "run.words": words}


superseded_chase = play(late_unmask, Ask(MASK, 71.0), Tick(91.0))
"""UNKNOWN: a chase, and the unmask before it is still out: ticket 2."""
SURE = LIMITS.attempt + LIMITS.quiet
"""Seconds in UNKNOWN after which nothing that was asked before can still land."""

FROM_UNKNOWN = [
    Story(
        "no call, said to a request that the chase has superseded",
        superseded_chase,
        Answered(2, NO_CALL, 92.0),
        unmasked(92.0) | landed(92.0) | problem(Failure.NO_CALL, UNMASK, 92.0),
    ),
    Story(
        "masked, asked for while an unmask may still land",
        lost_unmask,
        Observed(Seen.MASKED, None, 51.0 + SURE - A_HAIR, 70.0),
        heard(51.0 + SURE - A_HAIR),
    ),
    Story(
        "masked, asked for when none can land any more",
        lost_unmask,
        Observed(Seen.MASKED, None, 51.0 + SURE, 70.0),
        masked(70.0, 11.0, How.RECORDER, 151.0 + SURE) | heard(51.0 + SURE) | fence(),
    ),
    Story(
        "recording, asked for while a mask may still land",
        lost_mask_alone,
        Observed(Seen.RECORDING, None, 13.5 + SURE - A_HAIR, 70.0),
        heard(13.5 + SURE - A_HAIR),
    ),
    Story(
        "recording, asked for when none can land any more",
        lost_mask_alone,
        Observed(Seen.RECORDING, None, 13.5 + SURE, 70.0),
        unmasked(70.0) | heard(13.5 + SURE) | fence() | problem(Failure.CALL_CHANGED, None, 13.5, ""),
    ),
    Story(
        "another call is recorded: the masked one may be on hold",
        play(seen_call, Observed(Seen.MASKED, "call 2", 30.0, 30.0)),
        Observed(Seen.RECORDING, "call 2", 31.0, 31.0),
        heard(31.0),
    ),
    Story(
        "a wish to mask",
        doubted_call,
        Ask(MASK, 50.0),
        begins(MASK, 50.0, Known(UNKNOWN, 40.0, None, 11.0)) | sends(2, MASK),
        (send(2, MASK),),
    ),
    Story(
        "a press on Unmask, however soon",
        doubted_call,
        Press(UNMASK, 40.1),
        begins(UNMASK, 40.1, Known(UNKNOWN, 40.0, None, 11.0)) | sends(2, UNMASK),
        (send(2, UNMASK),),
    ),
    Story(
        "a wish while the chase is in flight waits for the line",
        chasing_call,
        Ask(UNMASK, 20.0),
        begins(UNMASK, 20.0, Known(UNKNOWN, 12.0, None, 10.0)),
    ),
    Story("the chase asks slowly", chased_call, Tick(19.0 - A_HAIR), {}),
    Story("the chase asks", chased_call, Tick(19.0), sends(2, MASK), (send(2, MASK),)),
    Story("the chase is confirmed", chasing_call, Answered(2, OK, 20.0), masked(20.0, 10.0) | landed(20.0)),
    Story("an unmask is confirmed late", late_unmask, Answered(2, OK, 71.0), unmasked(71.0) | landed(71.0)),
    Story(
        "the chase is confirmed behind the fence: once more, after a quiet pause",
        chased_fenced,
        Answered(4, OK, 69.0),
        landed(69.0) | {"run.seconded": True, "run.retry_at": 73.0},
    ),
    Story(
        "the chase is confirmed twice behind the fence",
        play(chased_fenced, Answered(4, OK, 69.0), Tick(73.0)),
        Answered(5, OK, 74.0),
        masked(74.0, 11.0) | landed(74.0) | fence(MASK),
    ),
    Story(
        "confirmed behind the fence, and the chase is over",
        play(chased_fenced, Tick(101.0)),
        Answered(4, OK, 102.0),
        landed(102.0),
    ),
    Story(
        "an unmask is confirmed late behind the fence",
        play(fenced_unmask, Tick(80.0)),
        Answered(3, OK, 81.0),
        landed(81.0),
    ),
    Story(
        "the chase is accepted",
        chasing_call,
        Answered(2, TAKEN, 20.0),
        chase_goes_on(20.0, 27.0, None) | {"run.accepted_at": 20.0},
    ),
    Story(
        "a chase without a doubtful attempt is accepted: it may still land",
        play(masking_call, Answered(1, LOCKED, 11.0), Tick(30.0), Tick(37.0)),
        Answered(2, TAKEN, 38.0),
        chase_goes_on(38.0, 45.0, None) | {"run.accepted_at": 38.0} | fence(MASK),
    ),
    Story("an unmask is accepted late", late_unmask, Answered(2, TAKEN, 71.0), landed(71.0) | fence(UNMASK)),
    Story("an unmask was busy, told late", late_unmask, Answered(2, LOCKED, 71.0), landed(71.0)),
    Story(
        "the chase is busy",
        chasing_call,
        Answered(2, LOCKED, 20.0),
        chase_goes_on(20.0, 27.0, Failure.LOCKED),
    ),
    Story(
        "the chase is to wait longer",
        chasing_call,
        Answered(2, failed(Failure.THROTTLED, retry_after=9.0), 20.0),
        chase_goes_on(20.0, 29.0, Failure.THROTTLED),
    ),
    Story(
        "the chase is not asked to hurry",
        chasing_call,
        Answered(2, failed(Failure.THROTTLED, retry_after=0.5), 20.0),
        chase_goes_on(20.0, 27.0, Failure.THROTTLED),
    ),
    Story(
        "the chase has no answer",
        chasing_call,
        Answered(2, LOST, 20.0),
        chase_goes_on(20.0, 27.0, LOST.failure),
    ),
    Story(
        "the chase is not sent",
        chasing_call,
        Answered(2, NOT_SENT, 20.0),
        chase_goes_on(20.0, 27.0, NOT_SENT.failure),
    ),
    Story(
        "the chase is answered oddly",
        chasing_call,
        Answered(2, ODD, 20.0),
        chase_goes_on(20.0, 27.0, ODD.failure),
    ),
    Story(
        "the chase is refused: asking on is of no use",
        chasing_call,
        Answered(2, NO, 20.0),
        landed(20.0) | {"run": None} | problem(Failure.NOT_ALLOWED, MASK, 20.0),
    ),
    Story(
        "the chase meets an internal call",
        chasing_call,
        Answered(2, INTERNAL, 20.0),
        landed(20.0) | {"run": None} | problem(Failure.INTERNAL_CALL, MASK, 20.0),
    ),
    Story(
        "there is no call any more; what is on its way may still land",
        chasing_call,
        Answered(2, NO_CALL, 20.0),
        unmasked(20.0) | landed(20.0) | problem(Failure.NO_CALL, MASK, 20.0),
    ),
    Story(
        "an answer that speaks of another call",
        play(masking_call, Doubted(Failure.CALL_CHANGED, 12.0)),
        Answered(1, OK, 13.0),
        landed(13.0),
    ),
    Story(
        "an accepted mask of another call may still land",
        play(masking_call, Doubted(Failure.CALL_CHANGED, 12.0)),
        Answered(1, TAKEN, 13.0),
        landed(13.0) | fence(MASK),
    ),
    Story(
        "the recorder says that it is masked",
        chased_call,
        Observed(Seen.MASKED, "call 1", 13.0, 13.5),
        masked(13.5, 10.0, How.RECORDER, 113.0) | heard(13.0) | {"contact": "call 1"},
    ),
    Story(
        "the recorder says that it is recording",
        doubted_call,
        Observed(Seen.RECORDING, "call 1", 41.0, 41.5),
        {**unmasked(41.5), **heard(41.0), **problem(Failure.SUSPENDED, None, 40.0, "")},
    ),
    Story(
        "while the chase goes on, recording only says that the mask has not come yet",
        chased_call,
        Observed(Seen.RECORDING, "call 1", 13.0, 13.5),
        heard(13.0),
    ),
    Story("the recorder does not know", doubted_call, Observed(Seen.UNCLEAR, None, 41.0, 41.5), heard(41.0)),
    Story(
        "a doubt ends the chase",
        chased_call,
        Doubted(Failure.CALL_CHANGED, 14.0),
        unknown(14.0, 10.0) | heard(14.0) | problem(Failure.CALL_CHANGED, None, 14.0, ""),
    ),
    Story("just before the chase is over", play(chased_call, Tick(19.0)), Tick(52.0 - A_HAIR), {}),
    Story("the chase is over", chasing_call, Tick(52.0), {"run": None}),
    Story("no chase is sent in its last moment", chased_call, Tick(52.0), {"run": None}),
]

EVERYWHERE = [
    ("unmasked", unmasked_call),
    ("masking", masking_call),
    ("masked", masked_call),
    ("unmasking", unmasking_call),
    ("unknown", chasing_call),
]
IN_ANY_PHASE = [
    story
    for name, call in EVERYWHERE
    for story in [
        Story(f"{name}: a tick", call, Tick(call.since + 0.5), {}),
        Story(f"{name}: a problem that was read", call, Acknowledged(call.since + 0.5), {"problem": None}),
        Story(
            f"{name}: a read-back that was asked for before all else that is known",
            call,
            Observed(Seen.MASKED, None, -200.0, call.since + 0.5),
            {},
        ),
        Story(
            f"{name}: an answer to an old ticket",
            call,
            Answered(99, OK, call.since + 0.5),
            {},
            (Ignored(call.phase, Answered(99, OK, call.since + 0.5)),),
        ),
    ]
]

STORIES = [
    *FROM_UNMASKED,
    *of_a_pending_wish(MASK),
    *of_a_pending_wish(UNMASK),
    *FROM_MASKING,
    *FROM_MASKED,
    *FROM_UNMASKING,
    *FROM_UNKNOWN,
    *IN_ANY_PHASE,
]


@pytest.mark.parametrize("story", STORIES, ids=lambda story: f"{story.given.phase.value}: {story.told}")
def test_story(story: Story) -> None:
    after, effects = step(story.given, story.when)
    assert flat(after, "state") == changed(story.given, story.then)
    assert effects == story.effects


def test_every_row_and_every_end_of_it_has_a_story() -> None:
    told = set()
    for story in STORIES:
        given = story.given if isinstance(story.when, Tick) else play(story.given, Tick(story.when.at))
        row = TABLE.get((given.phase, read(given, story.when)))
        if row:
            told.add((given.phase, read(given, story.when), row.action(given, story.when).phase))
    promised = {(*key, to) for key, row in TABLE.items() for to in row.to}
    assert promised - told == set()
    assert told <= promised


# Moments.


@pytest.mark.parametrize(
    ("state", "moment"),
    [
        (unmasked_call, None),
        (masked_call, 111.0),
        (doubted_call, None),
        (masking_call, 30.0),
        (play(masking_call, Answered(1, NOT_SENT, 11.0, chance=1.0)), 12.0),
        (play(masking_call, Answered(1, failed(Failure.AWAY, retry_after=60.0), 11.0)), 30.0),
        (chased_call, 19.0),
        (chasing_call, 52.0),
        (late_unmask, None),
    ],
)
def test_when_the_next_tick_is_wanted(state: State, moment: float | None) -> None:
    assert due(state) == moment


@pytest.mark.guarantee("G08")
@pytest.mark.parametrize("state", [masking_call, masked_call, chased_call, chasing_call, masking_idle])
def test_the_tick_that_was_wanted_leaves_nothing_overdue(state: State) -> None:
    moment = due(state)
    assert moment is not None
    after, _ = step(state, Tick(moment))
    assert after != state
    next_one = due(after)
    assert next_one is None or next_one > moment


@pytest.mark.guarantee("G05")
@pytest.mark.parametrize(
    ("at", "goes"), [(12.0 - A_HAIR, False), (12.0, True), (30.0 - A_HAIR, True), (30.0, False)]
)
def test_a_repeat_goes_out_from_its_moment_until_the_deadline(at: float, goes: bool) -> None:
    idle = play(masking_call, Answered(1, NOT_SENT, 11.0, chance=1.0))
    _, effects = step(idle, Tick(at))
    assert effects == ((send(2, MASK),) if goes else ())


@pytest.mark.guarantee("G09")
@pytest.mark.parametrize("wish", Wish)
def test_what_is_overdue_goes_out_only_if_it_is_still_wished(wish: Wish) -> None:
    idle = play(unmasked_call, Ask(wish, 10.0), Answered(1, NOT_SENT, 11.0))
    assert step(idle, Ask(wish, 15.0))[1] == (STILL, send(2, wish))
    assert step(idle, Press(wish, 15.0))[1] == (STILL, send(2, wish))
    assert step(idle, Ask(wish.other, 15.0))[1] == (send(2, wish.other),)
    assert step(idle, Doubted(Failure.CALL_CHANGED, 15.0))[1] == ()


@pytest.mark.guarantee("G08")
@pytest.mark.parametrize(("at", "phase"), [(30.0 - A_HAIR, MASKED), (30.0, UNKNOWN)])
def test_an_answer_in_the_moment_of_the_deadline_is_late(at: float, phase: Phase) -> None:
    """Time comes first. A mask that is confirmed later still counts, as the answer to the chase would."""
    timed = play(masking_call, Tick(at))
    assert (timed.phase is UNKNOWN) == (phase is UNKNOWN)
    assert play(masking_call, Answered(1, OK, at)).since == at
    assert play(masking_call, Answered(1, NO, at)).phase is (UNMASKED if phase is MASKED else UNKNOWN)


@pytest.mark.guarantee("G04")
@pytest.mark.parametrize("seen", Seen)
def test_a_read_back_beside_a_request_says_nothing(seen: Seen) -> None:
    for call in (masking_call, unmasking_call, chasing_call):
        assert play(call, Observed(seen, None, call.since + 0.1, call.since + 0.2)) == call


@pytest.mark.guarantee("G04")
@pytest.mark.parametrize(("asked_at", "news"), [(11.0 - A_HAIR, False), (11.0, False), (11.0 + A_HAIR, True)])
def test_a_read_back_asked_for_by_the_newest_knowledge_says_nothing(asked_at: float, news: bool) -> None:
    after = play(masked_call, Observed(Seen.RECORDING, None, asked_at, 12.0))
    assert (after.phase is UNKNOWN) == news


@pytest.mark.guarantee("G04")
@pytest.mark.parametrize(("age", "news"), [(100.0 + A_HAIR, False), (100.0, False), (100.0 - A_HAIR, True)])
def test_a_read_back_as_old_as_evidence_may_be_says_nothing(age: float, news: bool) -> None:
    after = play(unmasked_call, Observed(Seen.MASKED, None, 500.0 - age, 500.0))
    assert (after.phase is MASKED) == news


@pytest.mark.guarantee("G07")
@pytest.mark.parametrize("state", [masked_call, unmasked_call, doubted_call, masking_idle])
def test_an_answer_while_nothing_is_in_flight_is_ignored(state: State) -> None:
    event = Answered(1, OK, state.since + 0.3)
    assert step(state, event) == (state, (Ignored(state.phase, event),))


# A tenant that the organisation has measured: a 202 so long after the first one counts.

settled_limits = Limits(
    settle=3.0, quiet=4.0, deadline=20.0, evidence_life=100.0, chase_pause=7.0, chase_for=40.0
)


@pytest.mark.guarantee("G02")
@pytest.mark.parametrize("wish", Wish)
@pytest.mark.parametrize(("at", "done"), [(14.0 - A_HAIR, False), (14.0, True)])
def test_accepted_counts_when_it_has_settled(at: float, done: bool, wish: Wish) -> None:
    call = play(State(limits=settled_limits), Ask(wish, 10.0), Answered(1, TAKEN, 11.0), Tick(13.0))
    after = play(call, Answered(2, TAKEN, at))
    assert after.phase is ({MASK: MASKED, UNMASK: UNMASKED}[wish] if done else PENDING[wish])
    assert after.proof == (Proof(How.ACCEPTED, at + 100.0) if done and wish is MASK else None)


@pytest.mark.guarantee("G02")
def test_a_first_acceptance_never_counts_by_itself() -> None:
    at_once = State(limits=Limits(settle=0.0))
    assert play(at_once, Ask(MASK, 10.0), Answered(1, TAKEN, 11.0)).phase is MASKING


@pytest.mark.guarantee("G02")
def test_a_confirmation_is_the_better_proof_also_there() -> None:
    call = play(State(limits=settled_limits), Ask(MASK, 10.0), Answered(1, TAKEN, 11.0), Tick(13.0))
    assert play(call, Answered(2, OK, 15.0)).proof == Proof(How.REPLY, 115.0)


@pytest.mark.guarantee("G02")
@pytest.mark.parametrize(("answer", "how"), [(TAKEN, How.ACCEPTED), (OK, How.REPLY)])
def test_the_chase_settles_too(answer: Answer, how: How) -> None:
    call = play(State(limits=settled_limits), Ask(MASK, 10.0), Answered(1, TAKEN, 11.0), Tick(12.0))
    call = play(call, Answered(2, ODD, 12.5), Tick(19.5))
    assert play(call, Answered(3, answer, 20.0)).proof == Proof(how, 120.0)


def test_a_late_acceptance_without_a_run_settles_nothing() -> None:
    call = play(
        State(limits=settled_limits), Ask(UNMASK, 10.0), Answered(1, TAKEN, 11.0), Tick(13.0), Tick(30.0)
    )
    assert play(call, Answered(2, TAKEN, 31.0)).phase is UNKNOWN


def test_time_that_stands_still_ends_nothing() -> None:
    assert step(masking_call, Tick(10.0)) == (masking_call, ())


def test_a_chase_that_is_not_told_how_long_to_wait_takes_its_own_pause() -> None:
    quick = State(limits=Limits(chase_pause=0.5))
    call = play(quick, Ask(MASK, 10.0), Answered(1, ODD, 11.0), Tick(11.5))
    assert due(play(call, Answered(2, LOCKED, 12.0))) == 12.5
