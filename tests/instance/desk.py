"""A desk in hand: the real state machine with a clock and answers that the test gives; and a wire to nowhere."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from app.adapters.instance_desk import Desk
from app.adapters.instance_talk import Caller, Talk
from app.adapters.instance_words import Request
from app.core.masking import step
from app.core.ports import Answer, Wish
from app.core.states import Answered, Ask, Event, Press, Say, Send, State, Tick
from app.core.view import NOTICES, View, view

CONFIRMED = Answer(confirmed=True, status=200)


class HandClock:
    def __init__(self) -> None:
        self.now = 100.0
        self.epoch = 1_753_452_000.0

    def monotonic(self) -> float:
        return self.now

    def asleep(self) -> float:
        return 0.0

    def wall(self) -> float:
        return self.epoch + self.now


class HandDesk:
    """`talk` is told of each change, as the controller tells its listeners."""

    def __init__(self, **kept: Any) -> None:
        self.clock = HandClock()
        self.state = State(since=self.clock.now)
        self.notice = ""
        self.sent: list[Send] = []
        self.shown = 0
        self.asks_before_leaving = ""
        self.left = 0
        self.talk = Talk(
            Desk(
                **{
                    "look": self.look,
                    "ask": lambda wish: self.handle(Ask(wish, self.clock.now)),
                    "press": lambda: self.handle(Press(self.look()[1].button.wish, self.clock.now)),
                    "show": self._show,
                    "leave": self._leave,
                    "clock": self.clock,
                    "agent": "agent-7",
                    **kept,
                }
            )
        )

    def look(self) -> tuple[State, View]:
        return self.state, replace(view(self.state, self.clock.now), notice=self.notice)

    def handle(self, event: Event) -> None:
        before = self.state.phase
        self.state, effects = step(self.state, event)
        if self.state.phase is not before:
            self.notice = ""
        for effect in effects:
            if isinstance(effect, Send):
                self.sent.append(effect)
            elif isinstance(effect, Say):
                self.notice = NOTICES[effect.notice]
        self.talk.show_view(self.look()[1])

    def answer(self, answer: Answer = CONFIRMED, after: float = 0.1) -> None:
        self.clock.now += after
        self.handle(Answered(self.sent[-1].ticket, answer, self.clock.now))

    def wait(self, seconds: float) -> None:
        self.clock.now += seconds
        self.handle(Tick(self.clock.now))

    @property
    def wishes(self) -> list[Wish]:
        return [send.wish for send in self.sent]

    def _show(self) -> None:
        self.shown += 1

    def _leave(self) -> str:
        self.left += not self.asks_before_leaving
        return self.asks_before_leaving


class HandWire:
    """Keeps what was written to it. `full`: nobody reads."""

    def __init__(self) -> None:
        self.written = b""
        self.full = False
        self.closed = False
        self.aborted = False
        self.caller: Caller | None = None

    def write(self, data: bytes) -> None:
        assert not self.closed, "written after the end"
        self.written += data

    def unread(self) -> int:
        return len(self.written) if self.full else 0

    def close(self) -> None:
        self.closed = True
        if not self.full:
            self._end()

    def abort(self) -> None:
        self.aborted = True
        self._end()

    def _end(self) -> None:
        if self.caller:
            asyncio.get_running_loop().call_soon(self.caller.lost)

    @property
    def said(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.written.splitlines()]


Story = Callable[[HandDesk], Awaitable[None]]


def tell(story: Story, **kept: Any) -> None:
    async def told() -> None:
        desk = HandDesk(**kept)
        await story(desk)
        await desk.talk.close()

    asyncio.run(told())


def call(desk: HandDesk, request: Request | bytes | None = None) -> tuple[Caller, HandWire]:
    wire = HandWire()
    wire.caller = caller = desk.talk.called(wire)
    if request is not None:
        caller.received(request.line() if isinstance(request, Request) else request)
    return caller, wire
