"""Virtual time: an asyncio loop whose clock jumps to the next timer, so that eight hours take a second.

The one rule: nothing waits in real time; what the loop waits for has passed when it looks again.
"""

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from app.controller import Controller
from app.core.audit import Origin
from app.core.failures import Failure
from app.core.ports import Answer, Reading, Wish
from app.core.records import NoRecords
from app.core.reminders import Level
from app.core.settings import Settings
from app.core.states import Phase, State

START = 1_000.0
WALL = 1_800_000_000.0


class _Leaping(selectors.DefaultSelector):
    now = START

    def select(self, timeout: float | None = None) -> Any:
        ready = super().select(0)
        if not ready and timeout:
            self.now += timeout
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._leaping = _Leaping()
        super().__init__(self._leaping)

    def time(self) -> float:
        return self._leaping.now


def run(main: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run it to its end in virtual time."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(main())


@dataclass
class LoopClock:
    """The loop's time; the computer can be put to sleep, and its wall clock moved."""

    slept: float = 0.0
    step: float = 0.0

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time() + self.slept

    def asleep(self) -> float:
        return self.slept

    def wall(self) -> float:
        return WALL + self.monotonic() - START + self.step


@dataclass
class ScriptedRecorder:
    """Answers each wish as it is told to, `takes` seconds later. Counts, and sees overlaps."""

    answers: dict[Wish, Answer] = field(default_factory=dict)
    takes: float = 0.05
    asked: list[Wish] = field(default_factory=list)
    under_way: int = 0
    overlaps: int = 0

    async def ask(self, wish: Wish, correlation_id: str, limit: float) -> Answer:
        self.asked.append(wish)
        self.overlaps += self.under_way > 0
        self.under_way += 1
        try:
            await asyncio.sleep(min(self.takes, limit))
        finally:
            self.under_way -= 1
        if self.takes > limit:
            return Answer(failure=Failure.NO_ANSWER)
        return self.answers.get(wish, Answer(confirmed=True))

    async def warm(self) -> None: ...

    async def close(self) -> None: ...


class Book(NoRecords):
    """Keeps in memory what is to be written down, in order."""

    def __init__(self) -> None:
        self.lines: list[tuple[Any, ...]] = []

    def wished(self, wish: Wish, origin: Origin) -> None:
        self.lines.append(("wished", wish, origin))

    async def after(self, ticket: int, wish: Wish, correlation_id: str, answer: Answer, took: float) -> None:
        self.lines.append(("after", wish, answer.confirmed))

    def state(self, state: State, now: float) -> None:
        self.lines.append(("state", state.phase))

    def reminded(self, level: Level, origin: Origin | None = None) -> None:
        self.lines.append(("reminded", level, origin))

    def put_off(self) -> None:
        self.lines.append(("put off",))

    def slept(self, seconds: float) -> None:
        self.lines.append(("slept", seconds))

    def clock_stepped(self, seconds: float) -> None:
        self.lines.append(("stepped", round(seconds)))

    def of(self, kind: str) -> list[tuple[Any, ...]]:
        return [line for line in self.lines if line[0] == kind]


@dataclass
class Bench:
    """A controller with everything around it in memory."""

    settings: Settings = field(default_factory=Settings)
    state: State | None = None
    recorder: ScriptedRecorder = field(default_factory=ScriptedRecorder)
    clock: LoopClock = field(default_factory=LoopClock)
    book: Book = field(default_factory=Book)
    attention: list[Level] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.controller = Controller(
            self.recorder,
            self.clock,
            self.settings,
            chance=lambda: 0.5,
            new_id=lambda: "id",
            records=self.book,
            state=self.state,
        )
        self.controller.call_attention = self.attention.append
        self.controller.begin()

    async def reach(self, phase: Phase) -> None:
        """Until the phase is shown; fails after a minute of virtual time."""
        async with asyncio.timeout(60):
            while self.controller.view.phase is not phase:  # noqa: ASYNC110  costs nothing in virtual time
                await asyncio.sleep(0.01)

    async def mask(self) -> None:
        self.controller.ask(Wish.MASK, Origin.HOTKEY)
        await self.reach(Phase.MASKED)


@dataclass
class ScriptedReader:
    """Gives these readings in turn, the last one for ever."""

    readings: list[Reading]
    asked: int = 0

    async def read(self, correlation_id: str, limit: float) -> Reading:
        self.asked += 1
        await asyncio.sleep(0.05)
        return self.readings.pop(0) if len(self.readings) > 1 else self.readings[0]
