"""One call and the truth about its recording, as segments.

The one rule: the recording is changed nowhere but here, and only at the moment the change is due, so that the segments
are what a listener would find in the finished recording. Times are arguments, in monotonic seconds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from app.simulator.behaviour import Behaviour

MASK = "mask"
UNMASK = "unmask"

RECORDED = "recorded"
MASKED = "masked"
NOT_RECORDED = "not_recorded"

MOST_SEGMENTS = 2_000  # of one call: a test of hours must not fill the memory

TOO_EARLY = 425
ACCEPTED = 202


@dataclass(slots=True)
class Segment:
    what: str
    start: float
    end: float | None = None

    def as_json(self) -> dict[str, Any]:
        return {"what": self.what, "start": self.start, "end": self.end}


@dataclass(slots=True)
class Work:
    """A mask or unmask that was taken up and will change the recording when it is due."""

    op: str
    request: int
    due: float
    was_recorded: bool  # when it was asked for: the vendor makes an Unmask depend on that moment


@dataclass(frozen=True, slots=True)
class Done:
    """What became of a piece of work: for the request's own line in the log."""

    request: int
    at: float
    changed: bool


@dataclass(slots=True)
class Call:
    call_id: str
    joined: float
    internal: bool
    agents: list[str]
    segments: list[Segment]
    ended: float | None = None
    settled: str | None = None  # the last mask or unmask that was completed
    locked_until: float = 0.0
    work: list[Work] = field(default_factory=list)

    @classmethod
    def begin(cls, call_id: str, agent: str, now: float, recorded: bool, internal: bool) -> Call:
        what = RECORDED if recorded else NOT_RECORDED
        return cls(call_id, now, internal, [agent], [Segment(what, now)])

    @property
    def recording(self) -> str:
        return self.segments[-1].what

    def ask(self, op: str, behaviour: Behaviour, request: int, now: float) -> int:
        """Takes up the request as the behaviour has it; the status that is answered. Call `settle` first."""
        if now < self.locked_until:
            return TOO_EARLY
        if behaviour.process == "at-once":
            if behaviour.effect:
                self._take_up(op, request, now, behaviour)
            return behaviour.status
        underway = self.work[-1].op if self.work else None
        done = underway is None and self.settled == op
        if done and behaviour.process != "for-ever":
            return behaviour.status
        if not done and underway != op:
            if behaviour.effect:
                self._take_up(op, request, now, behaviour)
            if behaviour.process == "lock":
                self.locked_until = now + behaviour.lock_for
        return ACCEPTED

    def _take_up(self, op: str, request: int, now: float, behaviour: Behaviour) -> None:
        recorded = self.recording != NOT_RECORDED
        self.work.append(Work(op, request, now + behaviour.effect_after, recorded))

    def settle(self, now: float) -> list[Done]:
        """Lets everything happen that is due by now, each at its own moment and in the order of those moments."""
        due = sorted((work for work in self.work if work.due <= now), key=lambda work: work.due)
        if not due:
            return []
        self.work = [work for work in self.work if work.due > now]
        return [Done(work.request, work.due, self._carry_out(work)) for work in due]

    def _carry_out(self, work: Work) -> bool:
        self.settled = work.op
        return work.was_recorded and self.change(work.op, work.due)

    def change(self, op: str, at: float) -> bool:
        """Masks or unmasks what is recorded; False when that changes nothing."""
        if op == MASK and self.recording == RECORDED:
            self._turn(MASKED, at)
            return True
        if op == UNMASK and self.recording == MASKED:
            self._turn(RECORDED, at)
            return True
        return False

    def set_recorded(self, recorded: bool, at: float) -> bool:
        """A start- or stop-recording event. A stop during a mask ends the mask: the Unmask then does nothing."""
        if recorded == (self.recording != NOT_RECORDED):
            return False
        self._turn(RECORDED if recorded else NOT_RECORDED, at)
        return True

    def end(self, at: float) -> None:
        self.work.clear()  # what was not done by now never will be
        self.ended = at
        self.segments[-1].end = at

    def _turn(self, what: str, at: float) -> None:
        self.segments[-1].end = at
        self.segments.append(Segment(what, at))
        del self.segments[:-MOST_SEGMENTS]

    def as_json(self) -> dict[str, Any]:
        return {
            "call": self.call_id,
            "agents": list(self.agents),
            "joined": self.joined,
            "ended": self.ended,
            "internal": self.internal,
            "recording": self.recording,
            "segments": [segment.as_json() for segment in self.segments],
        }
