"""What is written down of what happens, as the controller says it, and the version that writes nothing.

The one rule: nothing here can hold a mask back for longer than its record may take (50 ms), or raise.
"""

from typing import Protocol

from app.core.audit import Origin
from app.core.failures import Failure
from app.core.ports import Answer, Wish
from app.core.reminders import Level
from app.core.states import State


class Records(Protocol):
    """Times in seconds on the controller's monotonic clock."""

    def wished(self, wish: Wish, origin: Origin) -> None:
        """The agent wishes it. The record is on its way to the disk when this returns."""
        ...

    async def before(self) -> None:
        """What was said so far is on disk; or 50 ms have passed."""
        ...

    async def after(self, ticket: int, wish: Wish, correlation_id: str, answer: Answer, took: float) -> None:
        """The attempt came to this; `took` seconds. On disk; or 50 ms have passed."""
        ...

    def state(self, state: State, now: float) -> None:
        """What is known from now on."""
        ...

    def reminded(self, level: Level, origin: Origin | None = None) -> None: ...

    def put_off(self) -> None:
        """The agent is still taking the card."""
        ...

    def acknowledged(self, failure: Failure) -> None: ...

    def slept(self, seconds: float) -> None: ...

    def clock_stepped(self, seconds: float) -> None:
        """The wall clock was moved by this much."""
        ...

    def seen(self, contact: str) -> None:
        """A read-back told another call than before."""
        ...

    async def incident(self, begin: float, end: float, contact: str) -> int | None:
        """Card data may have been recorded between these (seconds since 1970). The record's sequence number."""
        ...


class NoRecords:
    """Writes nothing."""

    def wished(self, wish: Wish, origin: Origin) -> None: ...

    async def before(self) -> None: ...

    async def after(
        self, ticket: int, wish: Wish, correlation_id: str, answer: Answer, took: float
    ) -> None: ...

    def state(self, state: State, now: float) -> None: ...

    def reminded(self, level: Level, origin: Origin | None = None) -> None: ...

    def put_off(self) -> None: ...

    def acknowledged(self, failure: Failure) -> None: ...

    def slept(self, seconds: float) -> None: ...

    def clock_stepped(self, seconds: float) -> None: ...

    def seen(self, contact: str) -> None: ...

    async def incident(self, begin: float, end: float, contact: str) -> int | None:  # noqa: ARG002  null
        return None
