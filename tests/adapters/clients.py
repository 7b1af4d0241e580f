"""Real clients on real sockets for the tests of the adapters, and the broken ones that the same tests must catch.

The one rule: a broken client differs from the real one by exactly the mistake that its name tells.
"""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

import httpx

from app.adapters.answers import Reply
from app.adapters.cxone import CxoneRecorder
from app.adapters.network import Network
from app.adapters.signin import StaticToken
from app.adapters.wire import Trip, Wire, rootless_context
from app.core.failures import Failure
from app.core.ports import Answer, TokenSource, Wish

T = TypeVar("T")

TOKEN = "canary-token-0123456789abcdef"
AGENT = "11e9-a/b c+ü%"


@dataclass
class HandClock:
    """A clock that only the test moves. Seconds."""

    now: float = 1000.0
    today: float = 1_700_000_000.0

    def monotonic(self) -> float:
        return self.now

    def asleep(self) -> float:
        return 0.0

    def wall(self) -> float:
        return self.today

    def pass_(self, seconds: float) -> None:
        self.now += seconds
        self.today += seconds


@dataclass
class Tokens:
    """A token source that counts, and answers as it is told: a token, or an exception to raise."""

    answers: list[str | Exception] = field(default_factory=lambda: [TOKEN])
    asked: list[str | None] = field(default_factory=list)

    async def token(self, refused: str | None = None) -> str:
        self.asked.append(refused)
        answer = self.answers[min(len(self.asked), len(self.answers)) - 1]
        if isinstance(answer, Exception):
            raise answer
        return answer


def recorder(
    url: str,
    tokens: TokenSource | None = None,
    network: Network | None = None,
    kind: type[CxoneRecorder] = CxoneRecorder,
) -> CxoneRecorder:
    return kind(url, AGENT, tokens or StaticToken(TOKEN), network=network)


def ask(client: CxoneRecorder, wish: Wish = Wish.MASK, limit: float = 5.0) -> Answer:
    """One request of one client, in a loop of its own; no task may be left behind."""

    async def once(client: CxoneRecorder) -> Answer:
        return await client.ask(wish, "cid-1", limit)

    return run(client, once)


def run(client: CxoneRecorder, story: Callable[[CxoneRecorder], Awaitable[T]]) -> T:
    async def live() -> T:
        try:
            return await story(client)
        finally:
            await client.close()
            left = asyncio.all_tasks() - {asyncio.current_task()}
            assert not left, f"tasks left behind: {left}"

    return asyncio.run(live())


# The broken ones.


class WireOf(Network):
    """A network that hands out a wire of the test's own kind, without TLS."""

    def __init__(self, kind: type[Wire]) -> None:
        super().__init__()
        self._kind = kind

    async def wire(self, secure: bool) -> Wire:
        return self._kind(rootless_context())


class FollowsRedirects(Wire):
    def __init__(self, context: ssl.SSLContext) -> None:
        super().__init__(context)
        self._client.follow_redirects = True


class TakesHalfAnswers(Wire):
    """Believes the status, whatever becomes of the body."""

    async def send(
        self,
        method: str,
        url: httpx.URL | str,
        headers: Mapping[str, str],
        trip: Trip,
        body: bytes | None = None,
    ) -> Reply:
        request = self._client.build_request(
            method, url, headers=dict(headers), extensions={"trace": trip.note}
        )
        response = await self._client.send(request, stream=True)
        await response.aclose()
        return Reply(response.status_code, dict(response.headers), b"")


class ReadsItAll(Wire):
    """Has no bound for what it reads."""

    async def send(
        self,
        method: str,
        url: httpx.URL | str,
        headers: Mapping[str, str],
        trip: Trip,
        body: bytes | None = None,
    ) -> Reply:
        response = await self._client.post(url, headers=dict(headers))
        return Reply(response.status_code, dict(response.headers), response.content)


class SendsAgain(Wire):
    """Sends once more when a connection breaks, as many HTTP clients do for the caller's comfort."""

    async def send(
        self,
        method: str,
        url: httpx.URL | str,
        headers: Mapping[str, str],
        trip: Trip,
        body: bytes | None = None,
    ) -> Reply:
        try:
            return await super().send(method, url, headers, trip, body)
        except httpx.TransportError:
            return await super().send(method, url, headers, Trip(), body)


class BelievesAny2xx(CxoneRecorder):
    def _meaning(self, reply: Reply, token: str) -> Answer:
        if 200 <= reply.status < 300:
            return Answer(confirmed=True, status=reply.status)
        return super()._meaning(reply, token)


class BelievesPages(CxoneRecorder):
    """Takes a 200 for a 200, whoever says it."""

    def _meaning(self, reply: Reply, token: str) -> Answer:
        return Answer(confirmed=True) if reply.status == 200 else super()._meaning(reply, token)


class GuessesNotSent(CxoneRecorder):
    """Calls every broken connection a request that never left."""

    def _verdict(self, attempt: object, error: Exception) -> Failure:
        return Failure.NOT_REACHED
