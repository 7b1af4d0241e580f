"""The other end of the wire in virtual time: calls, a recording, and requests that land when they like.

The one rule: the world knows the truth and tells it to the tests only, never to the core.

A world is *calm* or *wild*. Calm: the service answers what is true, every change of call is told, and a
request that was given up lands within less than `quiet` seconds, or never. There the window can be compared with
the recording. Wild: anything may answer anything, and land on any call. There only evidence counts.
"""

from dataclasses import dataclass, field
from enum import Enum, auto

from app.core.failures import Failure, Fate
from app.core.ports import Answer, Seen, Wish
from app.core.states import Limits


class When(Enum):
    """When a request does what it was sent for."""

    NOW = auto()
    LATE = auto()
    NEVER = auto()


@dataclass(frozen=True, slots=True)
class Reply:
    """What the service makes of a request: an answer, and what really happens."""

    answer: Answer
    effect: When = When.NEVER


CONFIRMED = Reply(Answer(confirmed=True, status=200), When.NOW)
ACCEPTED = Reply(Answer(accepted=True, status=202), When.LATE)
LOCKED = Reply(Answer(failure=Failure.LOCKED, status=425))
NO_CALL = Reply(Answer(failure=Failure.NO_CALL, status=404))
INTERNAL = Reply(Answer(failure=Failure.INTERNAL_CALL, status=422))


def failed(failure: Failure, effect: When = When.NEVER, retry_after: float | None = None) -> Reply:
    return Reply(Answer(failure=failure, words="the service's words", retry_after=retry_after), effect)


def _failures(*fates: Fate) -> list[Reply]:
    """Every failure of these fates, once for each thing that may really have happened."""
    uncertain = fates[0] in (Fate.PERHAPS, Fate.UNEXPECTED)
    effects = list(When) if uncertain else [When.NEVER]
    return [failed(failure, effect) for failure in Failure if failure.fate in fates for effect in effects]


REPLIES = [
    *[[CONFIRMED]] * 4,
    *[[ACCEPTED]] * 2,
    [LOCKED, failed(Failure.THROTTLED, retry_after=3.0), failed(Failure.AWAY)],
    _failures(Fate.PERHAPS),
    _failures(Fate.PERHAPS),
    _failures(Fate.NOT_SENT),
    _failures(Fate.NOT_SENT),
    _failures(Fate.NOT_DONE),
    _failures(Fate.NO_CALL, Fate.INTERNAL),
    _failures(Fate.UNEXPECTED, Fate.DOUBT),
]
"""By kind: each kind is as likely as the next."""


@dataclass(slots=True)
class Request:
    """One request of ours, from the moment it left."""

    ticket: int
    wish: Wish
    sent_at: float
    limit: float
    answer: Answer | None = None
    """What the service has decided, while it is still on its way back."""


@dataclass(slots=True)
class Operation:
    """A mask or unmask that the service may still do."""

    wish: Wish
    given_up_at: float


@dataclass(slots=True)
class World:
    """The service and the agent's calls."""

    limits: Limits
    calm: bool = True
    call: int | None = 1
    calls: int = 1
    internal: bool = False
    masked: bool = False
    """The truth: this call's recording is masked."""
    working: Wish | None = None
    """A request that was accepted and holds the lock."""
    loose: list[Operation] = field(default_factory=list)
    """Requests that nobody waits for any more."""

    def land(self, wish: Wish) -> None:
        if self.call is not None and not self.internal:
            self.masked = wish is Wish.MASK

    def truthful(self, reply: Reply) -> Reply:
        """In a calm world: the reply, or the one that is true instead."""
        if not self.calm:
            return reply
        fate = reply.answer.failure.fate if reply.answer.failure else None
        if fate not in (None, Fate.NO_CALL, Fate.INTERNAL):
            return reply
        if self.call is None:
            return NO_CALL
        if self.internal:
            return INTERNAL
        if self.working:
            return LOCKED
        return CONFIRMED if fate else reply

    def serve(self, request: Request, reply: Reply, now: float) -> Answer:
        """The service takes the request up. What it does, it does now or later."""
        reply = self.truthful(reply)
        if reply.answer.accepted:
            self.working = request.wish
        elif reply.effect is When.NOW:
            self.land(request.wish)
        elif reply.effect is When.LATE:
            self.loose.append(Operation(request.wish, now))
        request.answer = reply.answer
        return reply.answer

    def finish(self, done: bool) -> None:
        """What was accepted is done, or silently dropped; the lock is off."""
        assert self.working
        if done:
            self.land(self.working)
        self.working = None

    def slip(self, now: float) -> None:
        """The lock is off although the accepted request is still to come."""
        assert self.working
        self.loose.append(Operation(self.working, now))
        self.working = None

    def late(self, index: int, done: bool) -> None:
        operation = self.loose.pop(index % len(self.loose))
        if done:
            self.land(operation.wish)

    def settle_by(self, now: float, done: bool) -> None:
        """In a calm world nothing lands later than `quiet` after it was given up."""
        if not self.calm:
            return
        overdue = [one for one in self.loose if now >= one.given_up_at + self.limits.quiet]
        self.loose = [one for one in self.loose if one not in overdue]
        for one in overdue:
            if done:
                self.land(one.wish)

    def end_call(self) -> None:
        """A calm world forgets what is under way: landing on the next call, it would be masked by nobody's wish."""
        if self.calm:
            self.loose.clear()
        self.call, self.internal, self.masked, self.working = None, False, False, None

    def start_call(self, internal: bool) -> None:
        self.end_call()
        self.calls += 1
        self.call, self.internal = self.calls, internal

    def look(self) -> Seen:
        """What a read-back says of this moment."""
        if self.call is None or self.internal:
            return Seen.UNCLEAR
        return Seen.MASKED if self.masked else Seen.RECORDING
