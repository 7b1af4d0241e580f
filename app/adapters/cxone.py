"""The recorder of NICE CXone Multi-ACD: asks it to mask and unmask one agent's call, and keeps the line warm.

The one rule: a request that may have left this machine is never told as "not sent", and never sent again from here.

What goes over the wire: `POST {base}/interaction-recording-management-service/v1/interactions/mask?userId=…` (and
`/unmask`), no body. What an answer means is in `answers.py`. How the line is kept warm is told in `line.py`.
"""

import asyncio
import logging
import re
import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from app.adapters import answers
from app.adapters.clock import SystemClock
from app.adapters.line import PING_LIMIT, Line, WarmPace
from app.adapters.network import Network
from app.core.address import check_base_url
from app.core.failures import Failure
from app.core.ports import Answer, Clock, TokenError, TokenSource, Wish

if TYPE_CHECKING:
    from app.adapters.answers import Reply
    from app.adapters.wire import Trip

log = logging.getLogger("maskbar.cxone")

SERVICE = "/interaction-recording-management-service/v1/interactions/"
STATUS = "get-recording-status"

_NOT_ID = re.compile(r"[^A-Za-z0-9._-]")


@dataclass(slots=True)
class _Attempt:
    """One request: how far it got, for the log and for the verdict when the time is up."""

    op: str
    id: str
    trip: "Trip | None" = None
    signing_in: bool = False
    began: float = 0.0
    theirs: str = ""
    connection: str = "no"


class CxoneRecorder:
    """Satisfies `Recorder`. Making it costs nothing: what it needs is made by the first `warm` or `ask`."""

    def __init__(
        self,
        base_url: str,
        user_id: str,
        tokens: TokenSource,
        *,
        network: Network | None = None,
        clock: Clock | None = None,
        warm_interval: float = 150.0,
        warm_floor: float = 15.0,
    ) -> None:
        """Times in seconds. Raises ValueError, with a sentence, for a bad address or an empty agent id."""
        base = check_base_url(base_url)
        if not user_id:
            raise ValueError("the agent's id must not be empty")
        try:
            agent = quote(user_id, safe="")
        except UnicodeEncodeError:
            raise ValueError("the agent's id contains characters that cannot be sent") from None
        self._urls = {
            op: f"{base}{SERVICE}{op}?userId={agent}" for op in (*(wish.value for wish in Wish), STATUS)
        }
        self._tokens = tokens
        self._clock = clock or SystemClock()
        self._pace = WarmPace(warm_interval, warm_floor)
        self._line = Line(base, network or Network(), self._clock, self._pace)
        self._closed = False
        self._asking = 0
        self._warming = False
        self._sign_in_refused = False

    @property
    def warm_interval(self) -> float:
        """Seconds from one `warm` to the next that keep the connection open, as far as is known by now."""
        return self._pace.interval

    @property
    def doubtful(self) -> bool:
        """Whether a `warm` is worth it when a press is near, before the interval is over."""
        return self._line.doubtful

    async def ask(self, wish: Wish, correlation_id: str, limit: float) -> Answer:
        """One request, two when the first was refused with 401; never raises but for cancellation.

        limit: seconds for all of it, the token and the connection included.
        """
        attempt = _Attempt(wish.value, _NOT_ID.sub("-", correlation_id)[:128], began=self._clock.monotonic())
        self._asking += 1
        try:
            async with asyncio.timeout(limit):
                answer = await self._ask(attempt)
        except TokenError as error:
            self._sign_in_refused = error.failure is Failure.SIGN_IN
            answer = Answer(failure=error.failure, words=answers.clean(error.words))
        except asyncio.CancelledError:
            log.info("%s %s: cancelled", wish.value, attempt.id)
            raise
        except Exception as error:  # noqa: BLE001 - whatever it was: what became of the request must be told
            answer = Answer(failure=self._verdict(attempt, error))
        finally:
            self._asking -= 1
        self._log(attempt, answer)
        return answer

    async def _ask(self, attempt: _Attempt) -> Answer:
        token = await self._token(attempt)
        reply = await self._post(attempt, token)
        if reply.status == 401:
            # The service said that it did nothing, so the same request may go out again: with another token, once.
            attempt.trip = None
            try:
                fresh = await self._token(attempt, refused=token)
            except TokenError as error:
                if error.failure is not Failure.SIGN_IN:
                    raise
                fresh = token
            if fresh != token:
                token = fresh
                reply = await self._post(attempt, token)
        self._sign_in_refused = reply.status == 401
        return self._meaning(reply, token)

    def _meaning(self, reply: "Reply", token: str) -> Answer:
        return answers.read(reply, self._clock.wall(), hide=(token,))

    async def _token(self, attempt: _Attempt, refused: str | None = None) -> str:
        attempt.signing_in = True
        token = await self._tokens.token(refused)
        attempt.signing_in = False
        return token

    async def read_status(self, correlation_id: str, limit: float) -> "Reply | None":
        """What the service says of the recording's status (`readback.py` reads it); None when no answer came.

        Within `limit` seconds. Changes nothing, and never raises but for cancellation.
        """
        attempt = _Attempt(STATUS, _NOT_ID.sub("-", correlation_id)[:128])
        try:
            async with asyncio.timeout(limit):
                token = await self._tokens.token()
                reply = await self._read(attempt, token)
                if reply.status == 401:
                    reply = await self._read(attempt, await self._tokens.token(refused=token))
                return reply
        except Exception as error:  # noqa: BLE001 - a question that failed is asked again by whoever asks
            log.debug("read-back %s ended by %s", attempt.id, type(error).__name__)
            return None

    async def _read(self, attempt: _Attempt, token: str) -> "Reply":
        return await self._request("GET", self._urls[attempt.op], self._headers(attempt, token), attempt)

    async def _post(self, attempt: _Attempt, token: str) -> "Reply":
        reply = await self._request("POST", self._urls[attempt.op], self._headers(attempt, token), attempt)
        attempt.theirs = next(
            (
                answers.clean(found)
                for name in ("correlationid", "x-request-id")
                if (found := reply.headers.get(name))
            ),
            "",
        )
        return reply

    @staticmethod
    def _headers(attempt: _Attempt, token: str) -> dict[str, str]:
        return {
            "Authorization": f"Bearer {token}",
            "Accept": "application/json",
            "X-Request-Id": attempt.id,
            "CorrelationId": attempt.id,
        }

    async def _request(self, method: str, url: str, headers: dict[str, str], attempt: _Attempt) -> "Reply":
        """The door for every request that speaks of a call."""
        wire = await self._line.ready()
        from app.adapters.wire import Trip

        attempt.trip = Trip()
        try:
            return await self._line.send(wire, method, url, headers, attempt.trip)
        finally:
            attempt.connection = "new" if attempt.trip.opened else "warm"

    def _verdict(self, attempt: _Attempt, error: Exception) -> Failure:
        if attempt.trip is not None:
            failure = attempt.trip.failure(error)
        else:
            failure = Failure.NO_TOKEN if attempt.signing_in else Failure.NOT_REACHED
        if isinstance(error, OSError) or type(error).__module__.startswith("httpx"):
            log.debug("%s %s ended by %s", attempt.op, attempt.id, type(error).__name__)
        else:
            # No fault of a network: of ours. Without the error's words, which might repeat a header.
            where = traceback.extract_tb(error.__traceback__)[-1]
            log.warning(
                "%s %s ended by %s in %s:%s",
                attempt.op,
                attempt.id,
                type(error).__name__,
                where.filename,
                where.lineno,
            )
        return failure

    def _log(self, attempt: _Attempt, answer: Answer) -> None:
        log.info(
            "%s %s: %s %s, %.0f ms, %s connection%s",
            attempt.op,
            attempt.id,
            answer.status or "-",
            answer.failure.name if answer.failure else "accepted" if answer.accepted else "confirmed",
            1000 * (self._clock.monotonic() - attempt.began),
            attempt.connection,
            f", theirs {attempt.theirs}" if attempt.theirs and attempt.theirs != attempt.id else "",
        )

    async def warm(self) -> None:
        """Make sure of a token and of an open connection. Never raises; a press never waits for it.

        Does nothing while another `warm` or a press is under way. Takes at most `PING_LIMIT`, as far as it depends
        on the recording service; a sign-in that is slower than that goes on by itself.
        """
        if self._warming or self._asking or self._closed:
            return
        self._warming = True
        try:
            await asyncio.gather(self._line.ping(), self._sign_in())
        finally:
            self._warming = False

    async def _sign_in(self) -> None:
        if self._sign_in_refused:
            return  # a key that was refused is not sent again and again: somebody locks it. A press tries it.
        try:
            async with asyncio.timeout(PING_LIMIT):
                await self._tokens.token()
        except TokenError as error:
            self._sign_in_refused = error.failure is Failure.SIGN_IN
            log.info("no token yet: %s", error.failure.name)
        except Exception as error:  # noqa: BLE001 - warming is a favour: the press will say what is wrong
            log.info("no token yet: %s", type(error).__name__)

    async def close(self) -> None:
        """Let go of the network: what is under way ends at once, as not answered."""
        self._closed = True
        await self._line.close()
