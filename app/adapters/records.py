"""Writes the controller's records into the journal.

The one rule: it says what happened in the journal's closed words, and adds nothing.
"""

import asyncio
from dataclasses import replace

from app.adapters.journal import Journal
from app.core.audit import Entry, Kind, Moment, Origin, Outcome, Resource
from app.core.failures import Failure, Fate
from app.core.ports import Answer, Clock, Wish
from app.core.reminders import Level
from app.core.states import Phase, State


class JournalRecords:
    """Satisfies `Records`."""

    def __init__(self, journal: Journal, clock: Clock) -> None:
        self._journal = journal
        self._clock = clock
        self._last: asyncio.Future[int] | None = None

    def wished(self, wish: Wish, origin: Origin) -> None:
        self._put(replace(self._entry(Kind.INTENT, origin=origin), operation=wish))

    async def before(self) -> None:
        if self._last is not None:
            await self._journal.settled(self._last)

    async def after(self, ticket: int, wish: Wish, correlation_id: str, answer: Answer, took: float) -> None:
        failed = answer.failure
        outcome = Outcome.SUCCESS if answer.confirmed else Outcome.UNKNOWN
        if failed and failed.fate not in (Fate.PERHAPS, Fate.UNEXPECTED):
            outcome = Outcome.FAILURE
        entry = replace(
            self._entry(Kind.ATTEMPT, outcome, Origin.RECORDER if answer.status else Origin.PROGRAM),
            operation=wish,
            ticket=ticket,
            correlation=correlation_id,
            status=answer.status,
            failure=failed,
            duration=round(took * 1000),
            server_time=answer.server_time,
        )
        await self._journal.durable(entry)

    def state(self, state: State, now: float) -> None:
        problem = state.problem
        outcome = Outcome.UNKNOWN if state.phase is Phase.UNKNOWN else Outcome.SUCCESS
        if problem and outcome is Outcome.SUCCESS:
            outcome = Outcome.FAILURE
        since = None if state.masked_since is None else self._clock.wall() - (now - state.masked_since)
        entry = replace(
            self._entry(Kind.STATE, outcome),
            phase=state.phase,
            operation=state.wish,
            failure=problem.failure if problem else None,
            masked_since=since,
            contact=state.contact or "",
        )
        self._put(entry)

    def reminded(self, level: Level, origin: Origin | None = None) -> None:
        self._put(replace(self._entry(Kind.REMINDER, origin=origin or Origin.PROGRAM), amount=int(level)))

    def put_off(self) -> None:
        self._put(self._entry(Kind.SNOOZED, origin=Origin.BUTTON))

    def acknowledged(self, failure: Failure) -> None:
        self._put(replace(self._entry(Kind.ACKNOWLEDGED, origin=Origin.BUTTON), failure=failure))

    def slept(self, seconds: float) -> None:
        self._computer(Kind.SUSPEND, seconds)

    def clock_stepped(self, seconds: float) -> None:
        self._computer(Kind.CLOCK_STEP, seconds)

    def seen(self, contact: str) -> None:
        self._put(replace(self._entry(Kind.READ_BACK, origin=Origin.RECORDER), contact=contact))

    async def incident(self, begin: float, end: float, contact: str) -> int | None:
        entry = replace(
            self._entry(Kind.INCIDENT, Outcome.UNKNOWN, Origin.BUTTON), span=(begin, end), contact=contact
        )
        record = self._journal.put(entry)
        written = await self._journal.settled(record, within=2.0)
        return record.result() if written else None

    def _computer(self, kind: Kind, seconds: float) -> None:
        self._put(
            replace(
                self._entry(kind, origin=Origin.SYSTEM),
                resource=Resource.COMPUTER,
                amount=round(seconds * 1000),
            )
        )

    def _entry(
        self, kind: Kind, outcome: Outcome = Outcome.SUCCESS, origin: Origin = Origin.PROGRAM
    ) -> Entry:
        at = Moment(self._clock.wall(), self._clock.monotonic())
        return Entry(kind, at, self._journal.scene, outcome, origin)

    def _put(self, entry: Entry) -> None:
        self._last = self._journal.put(entry)
