"""The only holder of the state: performs effects through ports, turns every answer into an event, tells listeners.

The one rule: whatever happens outside becomes an event, and every change is shown before the loop goes on.
"""

import asyncio
import logging
from collections.abc import Callable
from enum import Enum

from app.core.failures import Failure
from app.core.masking import due, step
from app.core.ports import Answer, Clock, Recorder, Wish
from app.core.settings import Settings
from app.core.states import (
    Acknowledged,
    Answered,
    Ask,
    Doubted,
    Event,
    Ignored,
    Notice,
    Press,
    Say,
    Send,
    State,
    Tick,
)
from app.core.view import View, view

log = logging.getLogger("maskbar.controller")

NOTICE_FOR = 2.5
"""Seconds that the answer to a press which started nothing stays."""
REDRAW_PENDING = 0.25
"""Seconds between two pictures of a pending wish: its progress moves."""


class Origin(Enum):
    """Where a wish came from."""

    BUTTON = "button"
    HOTKEY = "hotkey"
    TRAY = "tray"
    COMMAND = "command"


class Controller:
    """Runs the state machine on the running asyncio loop. Not thread-safe: one loop, one thread."""

    def __init__(
        self,
        recorder: Recorder,
        clock: Clock,
        settings: Settings,
        chance: Callable[[], float],
        new_id: Callable[[], str],
    ) -> None:
        """`chance` gives numbers from 0 to 1, `new_id` a new correlation id for each attempt."""
        self._recorder = recorder
        self._clock = clock
        self._settings = settings
        self._chance = chance
        self._new_id = new_id
        self._listeners: list[Callable[[View], None]] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._notice: Notice | None = None
        self._notice_until = 0.0
        self._closed = False
        self.state = State(since=clock.monotonic(), limits=settings.limits)
        self.view = self._look()

    # What the surfaces call.

    def listen(self, show: Callable[[View], None]) -> None:
        """`show` gets the present View at once, and each later one."""
        self._listeners.append(show)
        show(self.view)

    def press(self, origin: Origin = Origin.BUTTON) -> None:
        """The button, as it is shown now."""
        log.info("press on %s by %s", self.view.button.label, origin.value)
        self.handle(Press(self.view.button.wish, self._clock.monotonic()))

    def ask(self, wish: Wish, origin: Origin) -> None:
        """An explicit wish."""
        log.info("wish %s by %s", wish.value, origin.value)
        self.handle(Ask(wish, self._clock.monotonic()))

    def doubt(self, failure: Failure) -> None:
        """Something outside ended all certainty: suspend, another user, another call."""
        self.handle(Doubted(failure, self._clock.monotonic()))

    def acknowledge(self) -> None:
        self.handle(Acknowledged(self._clock.monotonic()))

    def handle(self, event: Event) -> None:
        """Step, show, then do what follows: the press is answered before anything else is."""
        if self._closed:
            return
        before = self.state.phase
        self.state, effects = step(self.state, event)
        if self.state.phase is not before:
            log.info("%s -> %s", before.value, self.state.phase.value)
            self._notice = None
        for effect in effects:
            match effect:
                case Say(notice):
                    self._notice, self._notice_until = notice, event.at + NOTICE_FOR
                case Send():
                    self._start(effect)
                case Ignored():
                    log.warning("ignored in %s: %s", effect.phase.value, type(effect.event).__name__)
        self._show()
        self._arm()

    async def close(self) -> None:
        """Ask nothing more, and leave no task behind. What was in flight stays unknown."""
        self._closed = True
        if self._timer:
            self._timer.cancel()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # Attempts.

    def _start(self, send: Send) -> None:
        task = asyncio.get_running_loop().create_task(self._attempt(send), name=f"attempt {send.ticket}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _attempt(self, send: Send) -> None:
        try:
            answer = await self._recorder.ask(send.wish, self._new_id(), send.limit)
        except Exception:
            # A recorder never raises; one that does must not leave the window waiting for ever.
            log.exception("the recorder raised")
            answer = Answer(failure=Failure.NO_ANSWER)
        self.handle(Answered(send.ticket, answer, self._clock.monotonic(), self._chance()))

    # Time.

    def _arm(self) -> None:
        """One timer, and none at all while nothing is due: an idle MaskBar sleeps."""
        if self._timer:
            self._timer.cancel()
            self._timer = None
        now = self._clock.monotonic()
        moments = [moment for moment in (due(self.state), self._next_picture(now)) if moment is not None]
        if moments:
            wait = max(0.0, min(moments) - now)
            self._timer = asyncio.get_running_loop().call_later(wait, self._tick)

    def _next_picture(self, now: float) -> float | None:
        """When the View changes by time alone."""
        moments = [self._notice_until] if self._notice else []
        if self.state.phase.pending:
            moments.append(now + REDRAW_PENDING)
        elif self.state.masked_since is not None:
            # On the whole second of the masked time; a hair later, since timers may fire early.
            moments.append(now + 1.005 - (now - self.state.masked_since) % 1.0)
        return min(moments, default=None)

    def _tick(self) -> None:
        now = self._clock.monotonic()
        if self._notice and now >= self._notice_until:
            self._notice = None
        self.handle(Tick(now))

    # Showing.

    def _look(self) -> View:
        return view(self.state, self._clock.monotonic(), self._settings.remind_after, self._notice)

    def _show(self) -> None:
        looked = self._look()
        if looked != self.view:
            self.view = looked
            for show in self._listeners:
                show(looked)
