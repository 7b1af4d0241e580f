"""Where the bearer token comes from: an access key, posted to the region's sign-in service.

The one rule: the key and the token stay in this object's memory. They are never logged, printed or put in an error.

Sources: the vendor's "Get a token with an access key" (JSON in, `access_token` and `expires_in` out) and its agent
SDK (the agent's id is the token's claim `userId`, else `sub` without its first five characters).
"""

import asyncio
import base64
import json
import logging
import math
import re
from dataclasses import dataclass

from app import __version__
from app.adapters import answers
from app.adapters.answers import Reply
from app.adapters.clock import SystemClock
from app.adapters.network import Network
from app.core.address import check_base_url
from app.core.failures import Failure
from app.core.ports import Clock, TokenError

log = logging.getLogger("maskbar.signin")

ASSUMED_LIFE = 300.0
"""Seconds that a token is taken to live when the service does not say so in a way that makes sense."""

LONGEST_LIFE = 86_400.0
"""Seconds: nothing is believed to live longer than a day."""

RENEWAL_LIMIT = 10.0
"""Seconds that one sign-in may take."""

RETRY_PAUSE = 5.0
"""Seconds after a failed renewal in which none is begun in the background. One that is waited for always is."""

_TOKEN = re.compile(r"[!-~]{1,16384}")
_AREA = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class _Held:
    """A token and its life, in seconds."""

    token: str
    identity: str
    life: float
    since: float

    def left(self, clock: Clock) -> float:
        return self.life - (clock.monotonic() - self.since)

    def __repr__(self) -> str:
        return f"<token, life {self.life:.0f} s>"


class AccessKeySignIn:
    """Satisfies `TokenSource`. Touches no network until the first token is asked for."""

    def __init__(
        self,
        key_id: str,
        key_secret: str,
        *,
        area: str | None = None,
        url: str | None = None,
        network: Network | None = None,
        clock: Clock | None = None,
    ) -> None:
        """`area` is the region (na1, eu1, …), `url` the whole address of the sign-in instead. ValueError, if bad."""
        if not key_id or not key_secret:
            raise ValueError("an access key has an id and a secret: one of them is empty")
        if url is None:
            if area is None or not _AREA.fullmatch(area):
                raise ValueError("an area like na1 or eu1 is expected")
            url = f"https://{area}.nice-incontact.com/authentication/v1/token/access-key"
        self._url = check_base_url(url)
        self._key_id = key_id
        self._key_secret = key_secret
        self._network = network or Network()
        self._clock = clock or SystemClock()
        self._held: _Held | None = None
        self._renewal: asyncio.Task[_Held | TokenError] | None = None
        self._renewed_for: str | None = None
        self._failed_at: float | None = None

    def __repr__(self) -> str:
        return f"<AccessKeySignIn {self._url}>"

    async def token(self, refused: str | None = None) -> str:
        """A token that is good now. Raises TokenError."""
        if self._held is not None and self._held.token == refused:
            self._held = None
        held = self._held
        if held is not None:
            left = held.left(self._clock)
            if left > min(10.0, 0.05 * held.life):
                if left < min(600.0, 0.2 * held.life):
                    self._renew_in_background()
                return held.token
        elif refused is not None and refused == self._renewed_for and not self._is_renewing():
            raise TokenError(Failure.SIGN_IN, "the sign-in service has no other token")
        renewal = self._renew()
        await asyncio.wait([renewal])  # whoever gives up waiting does not stop it for the others
        if renewal.cancelled():
            raise TokenError(Failure.NO_TOKEN)  # by `close`
        result = renewal.result()
        if isinstance(result, TokenError):
            raise TokenError(result.failure, result.words)
        self._renewed_for = refused or self._renewed_for
        if result.token == refused:
            self._held = None
            raise TokenError(Failure.SIGN_IN, "the sign-in service has no other token")
        return result.token

    def user_id(self) -> str | None:
        """The agent's id as the token's claims give it; None before the first token, or when there is none in it."""
        if self._held is None:
            return None
        return agent_id(self._held.token) or agent_id(self._held.identity)

    async def close(self) -> None:
        """Forget the token, and end a renewal that is under way."""
        self._held = None
        if self._renewal is not None:
            self._renewal.cancel()
            await asyncio.wait([self._renewal])

    def _renew_in_background(self) -> None:
        if self._failed_at is None or self._clock.monotonic() - self._failed_at >= RETRY_PAUSE:
            self._renew()

    def _renew(self) -> "asyncio.Task[_Held | TokenError]":
        """The renewal that is under way, or a new one: never two. It goes on when whoever waits for it gives up."""
        if self._renewal is None or self._renewal.done():
            self._renewal = asyncio.create_task(self._sign_in())
        return self._renewal

    def _is_renewing(self) -> bool:
        return self._renewal is not None and not self._renewal.done()

    async def _sign_in(self) -> _Held | TokenError:
        """The outcome, as a value: nobody may be waiting for it."""
        result = await self._post()
        if isinstance(result, TokenError):
            self._failed_at = self._clock.monotonic()
            log.info("sign-in failed: %s %s", result.failure.name, result.words)
        else:
            self._failed_at = None
            self._held = result
            log.info("signed in for %.0f s", result.life)
        return result

    async def _post(self) -> _Held | TokenError:
        trip = None
        began = self._clock.monotonic()
        try:
            async with asyncio.timeout(RENEWAL_LIMIT):
                # A wire of its own: once an hour, so its connection is not kept.
                wire = await self._network.wire(self._url.startswith("https"))
                from app.adapters.wire import Trip

                trip = Trip()
                body = json.dumps({"accessKeyId": self._key_id, "accessKeySecret": self._key_secret}).encode()
                headers = {
                    "Accept": "application/json",
                    "Content-Type": "application/json",
                    "User-Agent": f"MaskBar/{__version__}",
                }
                try:
                    reply = await wire.send("POST", self._url, headers, trip, body)
                finally:
                    await wire.close()
        except Exception as error:  # noqa: BLE001 - whatever it was, there is no token
            log.debug("sign-in ended by %s", type(error).__name__)
            distrust = trip is not None and trip.failure(error) is Failure.BAD_CERTIFICATE
            return TokenError(Failure.BAD_CERTIFICATE if distrust else Failure.NO_TOKEN)
        return self._read(reply, began)

    def _read(self, reply: Reply, began: float) -> _Held | TokenError:
        words = answers.words_of(reply, hide=(self._key_secret, self._key_id))
        if reply.status in (400, 401, 403):
            return TokenError(Failure.SIGN_IN, words)
        if reply.status == 429 or reply.status >= 500:
            return TokenError(Failure.NO_TOKEN, words)
        if reply.status != 200 or reply.is_page or reply.too_long:
            return TokenError(Failure.ODD_SIGN_IN, words)
        try:
            said = json.loads(reply.body)
        except (ValueError, RecursionError):
            said = None
        token = said.get("access_token") if isinstance(said, dict) else None
        if not isinstance(said, dict) or not isinstance(token, str) or not _TOKEN.fullmatch(token):
            return TokenError(Failure.ODD_SIGN_IN, "no token in the answer of the sign-in service")
        identity = said.get("id_token")
        # Counted from before the request: the service's clock started somewhere in between.
        return _Held(
            token,
            identity if isinstance(identity, str) else "",
            life_of(said.get("expires_in")),
            began,
        )


def life_of(expires_in: object) -> float:
    """Seconds, whatever the service wrote into `expires_in`."""
    if isinstance(expires_in, bool) or not isinstance(expires_in, int | float | str):
        return ASSUMED_LIFE
    try:
        life = float(expires_in)
    except (ValueError, OverflowError):
        return LONGEST_LIFE if isinstance(expires_in, int) and expires_in > 0 else ASSUMED_LIFE
    return min(life, LONGEST_LIFE) if life > 0 and not math.isnan(life) else ASSUMED_LIFE


def agent_id(token: str) -> str | None:
    """The agent's id in a token's claims. Nothing is verified: it is a default that the settings may override."""
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, RecursionError):
        return None
    if not isinstance(claims, dict):
        return None
    user = claims.get("userId")
    if isinstance(user, str | int) and not isinstance(user, bool) and user != "":
        return str(user)
    subject = claims.get("sub")
    return subject[5:] or None if isinstance(subject, str) else None


class StaticToken:
    """Satisfies `TokenSource` with one token that somebody brought along; there is no other when it is refused."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __repr__(self) -> str:
        return "<StaticToken>"

    async def token(self, refused: str | None = None) -> str:
        if refused == self._token:
            raise TokenError(Failure.SIGN_IN)
        return self._token
