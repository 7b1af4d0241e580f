"""The line to one service: its connections, and how one of them is open when a press comes.

The one rule: a press never waits for a ping, and a service that cannot be kept warm is not hammered.

**The warm connection.** A cold press pays three more round trips (TCP, TLS, and the certificate's check). So a `HEAD /`
without credentials goes out once every `interval` seconds: nothing that the service has to look up, and the
only thing that stops the idle timers on the way (the service's, a firewall's, a NAT's), as TCP's keepalive does not.

**The pace** begins slow, below the idle time of the networks' own devices (four to six minutes), and is learnt from
what the pings find: 150 s, and with each connection that was closed meanwhile half of it, down to a minute; from there
on a tenth less when it happens twice in a row. A service that closes after 60 s is pinged every 54 s after five minutes.
After an hour without a loss a longer interval is tried again: one connection may have been lost by chance. A service
whose connections do not live for even `floor` seconds is not fought: the interval goes up to `GIVEN_UP`, and presses
are cold there. In the first minutes, when it is not known yet what the service does, a sign that a press is near (the
pointer comes into the window) pings too, when the connection has been idle for longer than it is known to live.

**What it costs.** A ping is 131 bytes up and 136 down over TLS (a test measures it), and wakes an idle computer twice:
by its timer and by its answer. 10,000 agents are 67 requests a second, 9 kB/s each way, for a service that keeps its
connections; 185 a second, 25 kB/s each way, for one that closes them after 60 s.
"""

import asyncio
import logging
from typing import TYPE_CHECKING

from app import __version__
from app.adapters.network import Network
from app.core.ports import Clock

if TYPE_CHECKING:
    from app.adapters.answers import Reply
    from app.adapters.wire import Trip, Wire

log = logging.getLogger("maskbar.line")

USER_AGENT = f"MaskBar/{__version__}"

PING_LIMIT = 5.0
"""Seconds that one ping may take."""

GIVEN_UP = 600.0
"""Seconds between pings of a service that closes its connections faster than we are willing to ping."""


HOPE = 0.4
"""Above so much of the first interval, an interval is only a hope: the first loss takes it back."""

TRY_LONGER = 3600.0
"""Seconds without a loss after which a longer interval is tried; twice as many each further time."""

SURE = 30.0
"""Seconds that a connection is taken to live without a proof."""


class WarmPace:
    """How often to ping, learnt from what the pings find. Times in seconds.

    interval    until the next ping
    proven      after so long a rest a connection was still open
    """

    def __init__(self, interval: float, floor: float) -> None:
        self.interval = interval
        self.proven = 0.0
        self._start = interval
        self._floor = min(floor, interval)
        self._hope = max(self._floor, HOPE * interval)
        self._lost_in_a_row = 0
        self._open_for = 0.0
        self._patience = TRY_LONGER

    def found(self, closed: bool, rested: float = 0.0) -> None:
        """A ping found its connection, unused for `rested`, open, or closed by the other side."""
        if closed:
            self._lost()
            return
        self.proven = max(self.proven, rested)
        self._lost_in_a_row = 0
        if self.interval > self._start:
            self.interval = self._start
        elif self.interval < self._start:
            self._open_for += self.interval
            if self._open_for >= self._patience:
                self._open_for, self._patience = 0.0, 2 * self._patience
                self.interval = min(self._start, 2 * self.interval)

    def _lost(self) -> None:
        self.proven = self._open_for = 0.0
        self._lost_in_a_row += 1
        if self.interval > self._start:
            return  # given up already
        if self.interval > self._hope:
            self.interval = max(self._hope, self.interval / 2)
        elif self._lost_in_a_row >= 2:
            self._lost_in_a_row = 0
            if self.interval <= self._floor:
                self.interval = max(GIVEN_UP, self._start)
            else:
                self.interval = max(self._floor, 0.9 * self.interval)


class Line:
    """Made cheaply; what it needs is made by the first request."""

    def __init__(self, base_url: str, network: Network, clock: Clock, pace: WarmPace) -> None:
        scheme, _, rest = base_url.partition("://")
        self._secure = scheme.lower() == "https"
        self._origin = f"{scheme}://{rest.partition('/')[0]}/"
        self._network = network
        self._clock = clock
        self._pace = pace
        self._wire: Wire | None = None
        self._making: asyncio.Task[Wire] | None = None
        self._under_way = 0
        self._kept = False
        self._heard = 0.0
        self._pinged = 0.0
        self._closed = False

    async def ready(self) -> "Wire":
        """The wire, made when it is first wanted; a new one after a sleep, when the old connections are dead.

        Raises ConnectionError after `close`, and what the making raises.
        """
        if self._closed:
            raise ConnectionError("closed")
        if self._wire is not None and not self._slept():
            return self._wire
        if self._making is None:
            self._making = asyncio.create_task(self._remake())
        making = self._making
        await asyncio.wait([making])  # whoever gives up waiting does not take it from the others
        return making.result()

    async def send(
        self, wire: "Wire", method: str, url: str, headers: dict[str, str], trip: "Trip"
    ) -> "Reply":
        """One request; see `Wire.send`."""
        self._kept = False  # until it is known that this one leaves its connection open
        self._under_way += 1
        try:
            reply = await wire.send(method, url, {"User-Agent": USER_AGENT, **headers}, trip)
        finally:
            self._under_way -= 1
        self._heard = self._clock.monotonic()
        self._kept = "close" not in reply.headers.get("connection", "").lower()
        return reply

    def _slept(self) -> bool:
        """Whether no answer came for so long that the machine must have slept (or nobody called `ping`).

        Such connections are dead as a rule, and nobody told us: a request into one would wait for its whole limit.
        """
        silent = self._clock.monotonic() - self._heard
        return not self._under_way and silent > max(180.0, 1.5 * self._pace.interval)

    @property
    def doubtful(self) -> bool:
        """Whether it is not known that a connection lives, and nobody is trying: worth a ping when a press is near."""
        idle = self._clock.monotonic() - max(self._heard, self._pinged)
        return not self._under_way and idle > max(SURE, self._pace.proven)

    async def _remake(self) -> "Wire":
        try:
            old, self._wire = self._wire, None
            if old is not None:
                await old.close()
            wire = await self._network.wire(self._secure)
            if self._closed:
                await wire.close()
                raise ConnectionError("closed")
            self._wire, self._heard, self._kept = wire, self._clock.monotonic(), False
            return wire
        finally:
            self._making = None

    async def ping(self) -> None:
        """Use an idle connection, or open one. Never raises; takes at most `PING_LIMIT`."""
        self._pinged = self._clock.monotonic()
        try:
            async with asyncio.timeout(PING_LIMIT):
                wire = await self.ready()
                if await self._ping(wire, had=self._kept):
                    # A connection that was dead without our knowing: the next one is opened now, not by the press.
                    await self._ping(wire, had=False)
        except Exception as error:  # noqa: BLE001 - warming is a favour: the press will say what is wrong
            log.debug("ping: %s", type(error).__name__)

    async def _ping(self, wire: "Wire", had: bool) -> bool:
        """Whether it was lost in a connection that had been dead for a while."""
        from app.adapters.wire import Trip

        trip = Trip()
        rested = self._clock.monotonic() - self._heard
        try:
            await self.send(wire, "HEAD", self._origin, {"Accept": "*/*"}, trip)
        except Exception:
            if trip.sent and not trip.opened:
                self._pace.found(closed=True)
                return True
            raise
        self._pace.found(
            closed=not self._kept or (had and trip.opened), rested=0.0 if trip.opened else rested
        )
        return False

    async def close(self) -> None:
        """Let go of the network: what is under way ends at once, as not answered."""
        self._closed = True
        if self._making is not None:
            making = self._making
            await asyncio.wait([making], timeout=1.0)
            if making.done() and not making.cancelled():
                making.exception()  # nobody waits for it any more: looked at, so that nobody is warned of it
        if self._wire is not None:
            await self._wire.close()
            self._wire = None
