"""The only holder of the state: performs effects through ports, turns every answer into an event, tells listeners.

The one rule: whatever happens outside becomes an event, and every change is shown before the loop goes on. Only a mask
leaves first, and never while the window says that the card may be taken.

Longer than 300 lines because what an event leads to (state, record, picture, timer) is one path, read as one.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime

from app.core.audit import Origin
from app.core.failures import Failure
from app.core.masking import due, step
from app.core.ports import Answer, Clock, Recorder, Wish
from app.core.records import NoRecords, Records
from app.core.reminders import Climb, Level, Rung, put_off, remind
from app.core.reminders import due as reminder_due
from app.core.settings import Settings
from app.core.states import (
    Acknowledged,
    Answered,
    Ask,
    Doubted,
    Event,
    Ignored,
    Notice,
    Phase,
    Press,
    Say,
    Send,
    State,
    Tick,
)
from app.core.view import Beside, View, alarm, view

log = logging.getLogger("maskbar.controller")

DRAW_AFTER = 0.004
"""Seconds that a mask gets to leave before its press is drawn: drawing takes longer than sending."""
NOTICE_FOR = 2.5
"""Seconds that the answer to a press which started nothing stays."""
REDRAW_PENDING = 0.25
"""Seconds between two pictures of a pending wish: its progress moves."""
SLEEP = 2.0
"""Seconds: a shorter sleep of the computer changes nothing."""
STEP = 2.0
"""Seconds: a smaller correction of the wall clock is not worth a record."""
INCIDENT_BACK = 900.0
"""Seconds that an incident reaches back at the most."""


@dataclass(frozen=True, slots=True)
class Incident:
    """What a supervisor needs to find the recording: when (seconds since 1970), which call, which record."""

    begin: float
    end: float
    contact: str
    record: int | None

    def for_supervisor(self, user_id: str) -> str:
        """What a Data Policy or a request for deletion needs; no card data is in it."""
        begin, end = (datetime.fromtimestamp(when, UTC) for when in (self.begin, self.end))
        return (
            "Card data may have been recorded.\n"
            f"Agent: {user_id}\n"
            f"Time (UTC): {begin:%Y-%m-%d %H:%M:%S} to {end:%H:%M:%S}\n"
            f"Contact: {self.contact or 'not known'}\n"
            f"MaskBar journal record: {self.record or 'not written'}\n"
        )


class Controller:
    """Runs the state machine on the running asyncio loop. Not thread-safe: one loop, one thread."""

    def __init__(
        self,
        recorder: Recorder,
        clock: Clock,
        settings: Settings,
        chance: Callable[[], float],
        new_id: Callable[[], str],
        records: Records | None = None,
        state: State | None = None,
    ) -> None:
        """`chance` gives numbers from 0 to 1, `new_id` a new correlation id for each attempt.

        `state` is what is known at the start; without it, nothing is masked.
        """
        self._recorder = recorder
        self._clock = clock
        self._settings = settings
        self._chance = chance
        self._new_id = new_id
        self._records = records or NoRecords()
        self._listeners: list[Callable[[View], None]] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._notice: Notice | None = None
        self._notice_until = 0.0
        self._foretold: Wish | None = None
        self._climb = Climb()
        self._leaving = False
        self._leave: Callable[[], None] | None = None
        self._leave_when_unmasked = False
        self._closed = False
        self._slept = clock.asleep()
        self._offset = clock.wall() - clock.monotonic()
        self._faults: dict[str, str] = {}
        self.call_attention: Callable[[Level], None] = lambda _level: None
        """Called for each reminder that is more than words in the window."""
        self.state = state or State(since=clock.monotonic(), limits=settings.limits)
        self.view = self._look()

    # What the surfaces call.

    def listen(self, show: Callable[[View], None]) -> Callable[[], None]:
        """`show` gets the present View at once, and each later one until what is returned is called."""
        self._listeners.append(show)
        show(self.view)
        return lambda: self._listeners.remove(show)

    def begin(self) -> None:
        """Write down what is known at the start, and begin to remind."""
        self._records.state(self.state, self._clock.monotonic())
        self._arm()

    def foretell(self) -> None:
        """The button went down. The record is safe by the time it comes up, and the request need not wait for it."""
        button = self.view.button
        if button.enabled:
            self._records.wished(button.wish, Origin.BUTTON)
            self._foretold = button.wish

    def withdraw(self) -> None:
        """The button came up beside itself: what was foretold is not wished, and the state stands as it was."""
        if self._foretold:
            self._foretold = None
            self._records.state(self.state, self._clock.monotonic())

    def press(self, origin: Origin = Origin.BUTTON) -> None:
        """The button, as it is shown now."""
        button = self.view.button
        if button.enabled and not (origin is Origin.BUTTON and self._foretold is button.wish):
            self._records.wished(button.wish, origin)
        self._foretold = None
        self.handle(Press(button.wish, self._clock.monotonic()))

    def ask(self, wish: Wish, origin: Origin) -> None:
        """An explicit wish."""
        self._records.wished(wish, origin)
        self.handle(Ask(wish, self._clock.monotonic()))

    def doubt(self, failure: Failure) -> None:
        """Something outside ended all certainty: another user, another call."""
        self.handle(Doubted(failure, self._clock.monotonic()))

    def acknowledge(self) -> None:
        if self.state.problem:
            self._records.acknowledged(self.state.problem.failure)
        self.handle(Acknowledged(self._clock.monotonic()))

    def put_off(self) -> None:
        """The agent is still taking the card."""
        self._records.put_off()
        self._climb = put_off(self._climb, self.state, self._settings.ladder, self._clock.monotonic())
        self._show()
        self._arm()

    async def incident(self) -> Incident:
        """Card data may have been recorded: since what is known now began, or somewhat before now."""
        now, wall = self._clock.monotonic(), self._clock.wall()
        begin = wall - min(now - self.state.since, INCIDENT_BACK)
        contact = self.state.contact or ""
        record = await self._records.incident(begin, wall, contact)
        self._notice, self._notice_until = Notice.INCIDENT, self._clock.monotonic() + NOTICE_FOR
        self._show()
        self._arm()
        return Incident(begin, wall, contact, record)

    def show_fault(self, source: str, sentence: str) -> None:
        """Something beside the recording is wrong with `source`; "" when it is right again."""
        self._faults[source] = sentence
        self._show()

    # Leaving.

    def leave(self, end: Callable[[], None]) -> None:
        """End by `end`: at once when nothing can be masked, else ask first. Asked again, ask on."""
        if self.state.phase is Phase.UNMASKED:
            end()
            return
        self._leave, self._leaving = end, True
        self._show()

    def stay(self) -> None:
        self._leave, self._leaving, self._leave_when_unmasked = None, False, False
        self._show()

    def leave_masked(self) -> None:
        """The agent has read that the call stays masked, and goes."""
        if self._leave:
            self._leave()

    def unmask_and_leave(self, origin: Origin = Origin.BUTTON) -> None:
        """End as soon as the call is unmasked; stay when it cannot be."""
        self._leaving, self._leave_when_unmasked = False, True
        self.ask(Wish.UNMASK, origin)

    # Events.

    def handle(self, event: Event) -> None:
        """Step, then show, and do what follows. A mask does not wait for the drawing (3 ms and more)."""
        if self._closed:
            return
        self._watch_clocks(event.at)
        before = self.state
        self.state, effects = step(self.state, event)
        if self.state.phase is not before.phase:
            log.info("%s -> %s", before.phase.value, self.state.phase.value)
            self._notice = None
        if self.state.phase is not before.phase or self.state.problem is not before.problem:
            self._records.state(self.state, event.at)
        for effect in effects:
            match effect:
                case Say(notice):
                    self._notice, self._notice_until = notice, event.at + NOTICE_FOR
                case Send():
                    self._start(effect)
                case Ignored():
                    log.warning("ignored in %s: %s", effect.phase.value, type(effect.event).__name__)
        self._finish_leaving()
        # An unmask is drawn before it leaves: the window must not say MASKED when it may be over.
        first = any(isinstance(effect, Send) and effect.wish is Wish.MASK for effect in effects)
        first = first and not self.view.card
        self._show(after=DRAW_AFTER if first else 0.0)
        if alarm(self.state) and not alarm(before):
            self.call_attention(Level.SOUND)
        self._remind(event.at)
        if not first:
            self._arm()

    def spawn(self, work: Coroutine[None, None, None], name: str) -> None:
        """Run it beside; `close` ends it."""
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Ask nothing more, and leave no task behind. What was in flight stays unknown."""
        self._closed = True
        if self._timer:
            self._timer.cancel()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _finish_leaving(self) -> None:
        if self._leave_when_unmasked and not self.state.phase.pending:
            self._leave_when_unmasked = False
            if self.state.phase is Phase.UNMASKED and self._leave:
                self._leave()
        if self._leaving and self.state.phase is Phase.UNMASKED:
            self._leaving = False  # the question is no question any more

    def _watch_clocks(self, now: float) -> None:
        """A sleep of the computer ends all certainty, before whatever woke us is looked at."""
        slept, self._slept = self._clock.asleep() - self._slept, self._clock.asleep()
        if slept > SLEEP:
            log.info("slept for %.0f s", slept)
            self._records.slept(slept)
            self.handle(Doubted(Failure.SUSPENDED, now))
        offset = self._clock.wall() - self._clock.monotonic()
        stepped, self._offset = offset - self._offset, offset
        if abs(stepped) > STEP:
            log.info("the wall clock was moved by %.0f s", stepped)
            self._records.clock_stepped(stepped)

    # Attempts.

    def _start(self, send: Send) -> None:
        self.spawn(self._attempt(send), f"attempt {send.ticket}")

    async def _attempt(self, send: Send) -> None:
        """The wish is on disk before the request leaves, and what it came to before anything claims it."""
        correlation_id = self._new_id()
        try:
            await self._records.before()
            began = self._clock.monotonic()
            answer = await self._recorder.ask(send.wish, correlation_id, send.limit)
            took = self._clock.monotonic() - began
            await self._records.after(send.ticket, send.wish, correlation_id, answer, took)
        except Exception:
            # A recorder never raises; one that does must not leave the window waiting for ever.
            log.exception("an attempt raised")
            answer = Answer(failure=Failure.NO_ANSWER)
        self.handle(Answered(send.ticket, answer, self._clock.monotonic(), self._chance()))

    # Reminders.

    def _remind(self, now: float) -> None:
        found = remind(self._climb, self.state, self._settings.ladder, now)
        self._climb = found.climb
        if found.rung:
            self._tell(found.rung)
        if found.unmask:
            self._records.reminded(Level.SAY, Origin.RULE)
            self.ask(Wish.UNMASK, Origin.RULE)

    def _tell(self, rung: Rung) -> None:
        log.info("reminder %d", rung.number)
        self._records.reminded(rung.level)
        self._show()
        if rung.level >= Level.ALERT:
            self.call_attention(rung.level)

    # Time.

    def _arm(self) -> None:
        """One timer, and none at all while nothing is due: an idle MaskBar sleeps."""
        if self._timer:
            self._timer.cancel()
            self._timer = None
        if self._closed:
            return
        now = self._clock.monotonic()
        moments = (
            due(self.state),
            reminder_due(self._climb, self.state, self._settings.ladder, now),
            self._next_picture(now),
        )
        wanted = [moment for moment in moments if moment is not None]
        if wanted:
            # A timer may fire a little early: never so soon again that the loop would spin until the moment has come.
            wait = max(0.001, min(wanted) - now)
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
        ladder = self._settings.ladder
        fault = " ".join(filter(None, self._faults.values()))
        beside = Beside(self._climb, ladder, self._notice, self._leaving, fault)
        return view(self.state, self._clock.monotonic(), beside)

    def _show(self, after: float = 0.0) -> None:
        """Look again; what looks different is drawn, at once or `after` some seconds."""
        before, self.view = self.view, self._look()
        if after:
            asyncio.get_running_loop().call_later(after, self._draw_sent)
        elif self.view != before:
            self._draw()

    def _draw_sent(self) -> None:
        if not self._closed:
            self._draw()
            self._arm()

    def _draw(self) -> None:
        for show in self._listeners:
            show(self.view)
