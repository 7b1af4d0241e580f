"""What the outside must be able to do, each with a null version that does nothing and says so.

The one rule: nothing here names a vendor, a library or a wire format.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from app.core.failures import Failure
from app.core.terms import Wish


class Seen(Enum):
    """What a read-back says of the voice recording."""

    MASKED = "masked"
    RECORDING = "recording"
    UNCLEAR = "unclear"
    """Anything else, known or not: never taken for a mask."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What one request to the recorder came to. Exactly one of: confirmed, accepted, a failure.

    confirmed    the recorder says that it is done (HTTP 200)
    accepted     the recorder will do it, and has not yet (HTTP 202)
    failure      what went wrong
    words        the service's own words, cleaned: one line, at most 200 characters, no digits run of a card
    retry_after  seconds that the service asks to wait, never negative
    status       HTTP status, None when there was none
    server_time  the server's clock (seconds since 1970, from the Date header), None when it did not say
    """

    confirmed: bool = False
    accepted: bool = False
    failure: Failure | None = None
    words: str = ""
    retry_after: float | None = None
    status: int | None = None
    server_time: float | None = None

    def __post_init__(self) -> None:
        if self.confirmed + self.accepted + (self.failure is not None) != 1:
            raise ValueError("an answer is confirmed, accepted or a failure: exactly one of them")


class Recorder(Protocol):
    """The recording service, for the one agent that this MaskBar serves."""

    async def ask(self, wish: Wish, correlation_id: str, limit: float) -> Answer:
        """Send one request and say what it came to within `limit` seconds. Never raises but for cancellation."""
        ...

    async def warm(self) -> None:
        """Make the next `ask` fast. Never raises, never touches a call."""
        ...

    async def close(self) -> None:
        """Let go of the network. Afterwards nothing is asked."""
        ...


@dataclass(frozen=True, slots=True)
class Reading:
    """What the recorder, asked for the recording's status, says.

    granted   False: this sign-in may not ask. None: it could not be found out (trouble on the way)
    seen      what it says of the voice; None when nothing was said
    contact   the call that it speaks of
    absent    it found nothing to speak of: no call, or no such service
    """

    granted: bool | None
    seen: Seen | None = None
    contact: str | None = None
    absent: bool = False


class Reader(Protocol):
    """The read-back: asks what is recorded, and changes nothing."""

    async def read(self, correlation_id: str, limit: float) -> Reading:
        """Within `limit` seconds. Never raises but for cancellation."""
        ...


class TokenError(Exception):
    """No token can be had. `failure` says why, `words` is what the sign-in service said (cleaned)."""

    def __init__(self, failure: Failure, words: str = "") -> None:
        super().__init__(failure.words.happened)
        self.failure = failure
        self.words = words


class TokenSource(Protocol):
    """Where the bearer token comes from."""

    async def token(self, refused: str | None = None) -> str:
        """A token that is good now; a new one if the service has `refused` the current one.

        Raises TokenError.
        """
        ...


class Clock(Protocol):
    """The time, in seconds."""

    def monotonic(self) -> float:
        """Never goes back, and goes on while the computer sleeps."""
        ...

    def asleep(self) -> float:
        """For how long the computer has slept since it was started; it grows by a sleep, and by nothing else."""
        ...

    def wall(self) -> float:
        """Seconds since 1970, UTC."""
        ...


class NullRecorder:
    """A recorder that is not there: every request is `NOT_REACHED`."""

    async def ask(self, wish: Wish, correlation_id: str, limit: float) -> Answer:  # noqa: ARG002  null
        return Answer(failure=Failure.NOT_REACHED)

    async def warm(self) -> None:
        return None

    async def close(self) -> None:
        return None
