"""The truth: agents, their calls, what is being recorded, and every request that came.

The one rule: nothing happens here but by asking with the clock's now; there are no timers. Whatever was due by then
happens first, each thing at its own moment. Every method holds `lock`, so a test in another thread may read along.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from app.simulator import tenant
from app.simulator.behaviour import INSTANT, Behaviour, ControlError
from app.simulator.calls import MASK, MASKED, NOT_RECORDED, UNMASK, Call
from app.simulator.knobs import Knobs, in_scenario, turned
from app.simulator.requests import Request, RequestLog
from app.simulator.sign_in import SignIn

MOST_CALLS = 200  # kept of one agent, the latest

WORDS = {
    200: "The call is being {op}ed.",
    202: "The request is still being processed.",
    204: "",
    302: "",
    400: "The request was refused.",
    401: "The caller is not authenticated.",
    403: "The caller is not authorised: " + tenant.PERMISSION,
    404: "There is no active interaction for this agent.",
    422: "Internal calls are not supported.",
    425: "The call is locked by an earlier mask or unmask.",
    429: "Too many requests.",
    500: "An internal error occurred.",
    503: "The service is unavailable.",
    504: "The service timed out.",
}


@dataclass(frozen=True, slots=True)
class Reply:
    """What is answered, before `answers.py` decides how the bytes go out."""

    status: int
    message: str
    behaviour: Behaviour = INSTANT


@dataclass(slots=True)
class Agent:
    calls: list[Call] = field(default_factory=list)  # in the order they were joined

    def current(self) -> Call | None:
        return next((call for call in reversed(self.calls) if call.ended is None), None)

    def masked_last(self) -> Call | None:
        """The running call whose recording was masked latest; the current one when none is masked."""
        masked = [call for call in self.calls if call.ended is None and call.recording == MASKED]
        return max(masked, key=lambda call: call.segments[-1].start, default=self.current())


class World:
    def __init__(self, clock: Callable[[], float], knobs: Knobs | None = None) -> None:
        self.lock = threading.RLock()
        self.clock = clock
        self.sign_in = SignIn()
        self.knobs = knobs or Knobs()
        self._clear()

    def _clear(self) -> None:
        self.log = RequestLog()
        self._agents: dict[str, Agent] = {}
        self._calls_begun = 0
        self._rewind()

    # Setting the stage

    def reset(self, keep_tokens: bool = True) -> None:
        """No calls, no log, knobs as at first. Tokens stay good, so that a signed-in client need not sign in again."""
        with self.lock:
            self.knobs = Knobs()
            self._clear()
            if not keep_tokens:
                self.sign_in.forget()

    def turn(self, given: Any) -> None:
        """Turns the given knobs (the JSON of `POST /_sim/knobs`). Raises ControlError."""
        with self.lock:
            self._settle()
            self.knobs = turned(self.knobs, given)
            self._held.clear()
            if "script" in given:
                self._rewind()

    def play(self, name: Any, ops: tuple[str, ...] = (MASK, UNMASK), fields: Any = None) -> None:
        """Makes the service behave as the named scenario. Raises ControlError."""
        with self.lock:
            self._settle()
            self.knobs = in_scenario(self.knobs, name, ops, fields)
            self._rewind()

    def _rewind(self) -> None:
        self._script = {op: deque(queue) for op, queue in self.knobs.script.items()}
        self._held: dict[tuple[str, str], float] = {}

    def start_call(
        self,
        user_id: str = tenant.USER_ID,
        *,
        recorded: bool = True,
        internal: bool = False,
        call_id: str | None = None,
    ) -> str:
        """The agent joins a call: a new one, or the running one named by `call_id`. Returns its id."""
        with self.lock:
            self._settle()
            agent = self._agents.setdefault(user_id, Agent())
            running = self._running(call_id) if call_id is not None else None
            if running is None:
                self._calls_begun += 1
                name = call_id or f"contact-{self._calls_begun}"
                call = Call.begin(name, user_id, self.clock(), recorded, internal)
            else:
                call = running
                agent.calls = [other for other in agent.calls if other is not call]
                if user_id not in call.agents:
                    call.agents.append(user_id)
            agent.calls.append(call)
            del agent.calls[:-MOST_CALLS]
            return call.call_id

    def end_call(
        self, user_id: str = tenant.USER_ID, call_id: str | None = None, *, all_calls: bool = False
    ) -> list[str]:
        """Ends the agent's current call, the named one, or all of them, for everybody on it. Returns their ids."""
        with self.lock:
            self._settle()
            agent = self._agents.get(user_id, Agent())
            if all_calls:
                ending = [call for call in agent.calls if call.ended is None]
            else:
                chosen = self._chosen(agent, call_id)
                ending = [] if chosen is None else [chosen]
            for call in ending:
                call.end(self.clock())
            return [call.call_id for call in ending]

    def somebody_else(self, op: str, user_id: str = tenant.USER_ID, call_id: str | None = None) -> bool:
        """Another participant masks or unmasks the agent's call. Did that change the recording?"""
        with self.lock:
            self._settle()
            call = self._chosen(self._agents.get(user_id, Agent()), call_id)
            if call is None:
                return False
            call.settled = op
            return call.change(op, self.clock())

    def set_recorded(self, recorded: bool, user_id: str = tenant.USER_ID, call_id: str | None = None) -> bool:
        """A start- or stop-recording event on the agent's call. Did that change the recording?"""
        with self.lock:
            self._settle()
            call = self._chosen(self._agents.get(user_id, Agent()), call_id)
            return call is not None and call.set_recorded(recorded, self.clock())

    def _chosen(self, agent: Agent, call_id: str | None) -> Call | None:
        if call_id is None:
            return agent.current()
        found = next((c for c in agent.calls if c.call_id == call_id and c.ended is None), None)
        if found is None:
            raise ControlError(f"this agent is on no running call {call_id!r:.80}")
        return found

    def _running(self, call_id: str) -> Call | None:
        for agent in self._agents.values():
            for call in agent.calls:
                if call.call_id == call_id and call.ended is None:
                    return call
        return None

    # What the API does

    def arrive(
        self,
        op: str,
        user_id: str,
        headers: Mapping[str, str],
        peer: str = "",
        connected: Callable[[str], bool] = lambda _peer: True,
    ) -> Request:
        """`connected` tells of a peer whether its client still holds the connection."""
        with self.lock:
            return self.log.arrive(op, user_id, self.clock(), headers, peer, connected)

    def answered(self, request: Request, status: int) -> None:
        with self.lock:
            request.status = status
            self.log.answered(request, self.clock())

    def gone(self, request: Request) -> None:
        with self.lock:
            self.log.gone(request, self.clock())

    def behaviour(self, op: str, user_id: str = "") -> Behaviour:
        """The next of the script, else the default; uses up the script's entry."""
        with self.lock:
            queue = self._script.get(op)
            chosen = queue.popleft() if queue else self.knobs.behaviour(op)
            if chosen.holds is None:
                return chosen
            until = self._held.setdefault((op, user_id), self.clock() + chosen.holds)
            if self.clock() < until:
                return chosen
            del self._held[op, user_id]
            return INSTANT

    def ask(self, request: Request) -> Reply:
        """Mask or Unmask, by a caller who is authenticated and authorised."""
        with self.lock:
            self._settle()
            op, user_id = request.op, request.user_id
            behaviour = self.behaviour(op, user_id)
            agent = self._agents.get(user_id, Agent())
            by_mask = op == UNMASK and self.knobs.unmask_picks == "masked-last"
            call = agent.masked_last() if by_mask else agent.current()
            # A refusal that is forced by the knobs, without effect, was made before the service looked at any call.
            looks = behaviour.effect or behaviour.process != "at-once"
            if call is None or call.internal:
                natural = 404 if call is None else 422
                status = natural if looks and 200 <= behaviour.status < 300 else behaviour.status
            elif looks:
                request.call = call.call_id
                status = call.ask(op, behaviour, request.seq, self.clock())
                self._settle()
            else:
                status = behaviour.status
            words = behaviour.message or WORDS.get(status, "").format(op=op)
            return Reply(status, words, behaviour)

    def read_back(self, user_id: str) -> dict[str, str] | None:
        """The read-back of the agent's current call (voice only); None without one."""
        with self.lock:
            self._settle()
            call = self._agents.get(user_id, Agent()).current()
            if call is None:
                return None
            reason, status = "Policy", "Recording"
            if call.recording == MASKED:
                reason, status = "Mask", "Stopped"
            elif call.recording == NOT_RECORDED:
                status = "NoRecording"
            if self.knobs.read_back_spelling == "upper":
                reason, status = reason.upper(), status.upper()
            true = {
                "contactId": call.call_id,
                "segmentId": call.call_id + "-segment",
                "interactionId": call.call_id + "-interaction",
                "statusReason": reason,
                "recordingStatusToAgent": status,
                "recordingStatusFromAgent": status,
            }
            return true | dict(self.knobs.read_back_says)

    def _settle(self) -> None:
        now = self.clock()
        for agent in self._agents.values():
            for call in agent.calls:
                for done in call.settle(now):
                    self.log.effect(done.request, call.call_id, done.changed, done.at)

    # The truth

    def recording(self, user_id: str = tenant.USER_ID) -> str:
        """Of the call joined last: `recorded`, `masked`, `not_recorded`, or `none` without a call."""
        with self.lock:
            self._settle()
            call = self._agents.get(user_id, Agent()).current()
            return "none" if call is None else call.recording

    def truth(self, user_id: str = tenant.USER_ID, since: int = 0) -> dict[str, Any]:
        with self.lock:
            self._settle()
            agent = self._agents.get(user_id, Agent())
            call = agent.current()
            return {
                "now": self.clock(),
                "userId": user_id,
                "active": call is not None,
                "call": None if call is None else call.as_json(),
                "recording": "none" if call is None else call.recording,
                "calls": [each.as_json() for each in agent.calls],
                "in_flight": self.log.in_flight(user_id),
                "overlaps": self.log.overlaps[user_id],
                "overlaps_total": self.log.overlaps.total(),
                "requests": [each.as_json() for each in self.log.of(user_id, since)],
                "requests_total": self.log.count,
                "keep_warm": self.log.keep_warm,
                "tokens_issued": self.sign_in.issued,
            }
