"""The log of what arrived: which requests, what they were answered, and which of them overlapped.

The one rule: a request is in flight from its arrival until it was answered or its client went away. A client that
closes its connection and asks again on another one has not overlapped, though the server's loop can hear of the close
after the new request. So each arrival asks whether the connections of the others are still there; `GRACE` is for where
that cannot be seen (a proxy in between, an operating system that does not tell).
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

GRACE = 0.05  # seconds by which the news of a close may come after the next request
MOST_REQUESTS = 2_000

# Never Authorization: not even a made-up token belongs in a log.
KEPT_HEADERS = (
    "accept",
    "content-length",
    "correlationid",
    "traceparent",
    "user-agent",
    "x-correlation-id",
    "x-request-id",
)


@dataclass(slots=True)
class Request:
    seq: int
    op: str
    user_id: str
    at: float
    headers: dict[str, str]
    peer: str
    status: int | None = None
    ended: str | None = None  # "answered", or "gone" when the connection ended first
    ended_at: float | None = None
    call: str | None = None
    effect: bool = False  # did it change the recording?
    effect_at: float | None = None
    overlapped: bool = False
    beside: set[int] = field(default_factory=set)  # the requests that were in flight when it arrived

    def as_json(self) -> dict[str, Any]:
        return {
            "seq": self.seq,
            "op": self.op,
            "userId": self.user_id,
            "at": self.at,
            "status": self.status,
            "ended": self.ended,
            "ended_at": self.ended_at,
            "call": self.call,
            "effect": self.effect,
            "effect_at": self.effect_at,
            "overlapped": self.overlapped,
            "headers": dict(self.headers),
            "peer": self.peer,
        }


class RequestLog:
    def __init__(self) -> None:
        self.requests: deque[Request] = deque(maxlen=MOST_REQUESTS)
        self.overlaps: Counter[str] = Counter()
        self.count = 0  # requests ever logged: the log itself forgets
        self.keep_warm = 0  # HEAD / and GET /
        self._in_flight: dict[str, dict[int, Request]] = {}
        self._by_seq: dict[int, Request] = {}

    def arrive(
        self,
        op: str,
        user_id: str,
        now: float,
        headers: Mapping[str, str],
        peer: str,
        connected: Callable[[str], bool],
    ) -> Request:
        self.count += 1
        kept = {name: headers[name][:200] for name in KEPT_HEADERS if name in headers}
        request = Request(self.count, op, user_id, now, kept, peer)
        if len(self.requests) == MOST_REQUESTS:
            self._by_seq.pop(self.requests[0].seq, None)
        self.requests.append(request)
        self._by_seq[request.seq] = request
        if op in ("mask", "unmask"):  # a read-back or a sign-in beside a mask is no overlap
            flying = self._in_flight.setdefault(user_id, {})
            if connected(peer):  # else its client gave up before the request was even seen
                request.beside = {seq for seq, other in flying.items() if connected(other.peer)}
            if request.beside:
                request.overlapped = True
                self.overlaps[user_id] += 1
            flying[request.seq] = request
        return request

    def answered(self, request: Request, now: float) -> None:
        self._end(request, now, "answered")

    def gone(self, request: Request, now: float) -> None:
        """The client closed the connection before it had its answer."""
        if request.ended is not None:
            return
        self._end(request, now, "gone")
        for other in reversed(self.requests):
            if now - other.at > GRACE:
                break
            if request.seq in other.beside:
                other.beside.discard(request.seq)
                if not other.beside:
                    other.overlapped = False
                    self.overlaps[other.user_id] -= 1

    def _end(self, request: Request, now: float, how: str) -> None:
        if request.ended is not None:
            return
        request.ended, request.ended_at = how, now
        flying = self._in_flight.get(request.user_id, {})
        flying.pop(request.seq, None)
        if not flying:
            self._in_flight.pop(request.user_id, None)

    def in_flight(self, user_id: str) -> int:
        return len(self._in_flight.get(user_id, {}))

    def effect(self, seq: int, call: str, changed: bool, at: float) -> None:
        request = self._by_seq.get(seq)
        if request is not None:
            request.call, request.effect, request.effect_at = call, changed, at

    def of(self, user_id: str, since: int = 0) -> list[Request]:
        """Oldest first: the agent's and those that name no agent (sign-ins), after the one numbered `since`."""
        return [r for r in self.requests if r.seq > since and r.user_id in (user_id, "")]
