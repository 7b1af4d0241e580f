"""Stand-ins for our own parts, and recorders that are broken on purpose, for tests of the whole program.

The one rule: a broken one differs from the real one by exactly the mistake that its name tells.
"""

import asyncio
import time
from dataclasses import dataclass, field, replace

from app.core.failures import Failure
from app.core.ports import Answer, Recorder, Wish


class Wrapping:
    """A recorder that passes everything on."""

    def __init__(self, inner: Recorder) -> None:
        self.inner = inner

    async def ask(self, wish: Wish, correlation_id: str, limit: float) -> Answer:
        return await self.inner.ask(wish, correlation_id, limit)

    async def warm(self) -> None:
        await self.inner.warm()

    async def close(self) -> None:
        await self.inner.close()


@dataclass(slots=True)
class Asked:
    """One attempt, as the controller made it. Times in seconds, monotonic."""

    wish: Wish
    began: float
    ended: float | None = None
    answer: Answer | None = None


@dataclass
class Witnessed(Wrapping):
    """Writes down every attempt and how many were under way at once."""

    inner: Recorder
    asked: list[Asked] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0

    async def ask(self, wish: Wish, correlation_id: str, limit: float) -> Answer:
        one = Asked(wish, time.monotonic())
        self.asked.append(one)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            one.answer = await self.inner.ask(wish, correlation_id, limit)
            return one.answer
        finally:
            self.at_once -= 1
            one.ended = time.monotonic()

    def count(self, wish: Wish | None = None) -> int:
        return sum(1 for one in self.asked if wish in (None, one.wish))


class Scripted:
    """A recorder without a network: answers what it is told to, one after the other; the last one for ever."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers) or [Answer(confirmed=True, status=200)]
        self.asked: list[Wish] = []

    async def ask(self, wish: Wish, correlation_id: str, limit: float) -> Answer:
        self.asked.append(wish)
        await asyncio.sleep(0)
        return self.answers[min(len(self.asked), len(self.answers)) - 1]

    async def warm(self) -> None:
        return None

    async def close(self) -> None:
        return None


# The broken ones.


class BelievesAccepted(Wrapping):
    """Takes 202 for done."""

    async def ask(self, wish: Wish, correlation_id: str, limit: float) -> Answer:
        answer = await super().ask(wish, correlation_id, limit)
        return replace(answer, accepted=False, confirmed=True) if answer.accepted else answer


class BelievesSilence(Wrapping):
    """Takes no answer for done: most requests do arrive."""

    async def ask(self, wish: Wish, correlation_id: str, limit: float) -> Answer:
        answer = await super().ask(wish, correlation_id, limit)
        return Answer(confirmed=True) if answer.failure is Failure.NO_ANSWER else answer


class BlocksTheLoop(Wrapping):
    """Does its work where the window lives."""

    async def ask(self, wish: Wish, correlation_id: str, limit: float) -> Answer:
        time.sleep(0.2)  # noqa: ASYNC251  the mistake
        return await super().ask(wish, correlation_id, limit)


class ForgetsTheTime(Wrapping):
    """Has no limit for an attempt."""

    async def ask(self, wish: Wish, correlation_id: str, limit: float) -> Answer:
        return await super().ask(wish, correlation_id, 3600.0)
