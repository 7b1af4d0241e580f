"""How often an idle connection is used so that it is open when a press comes.

The one rule: a service that cannot be kept warm is not hammered.

**The warm connection.** A cold press pays three more round trips (TCP, TLS, and the certificate's check). So a `HEAD /`
without credentials goes out once every `warm_interval` seconds: nothing that the service has to look up, and the
only thing that stops the idle timers on the way (the service's, a firewall's, a NAT's), as TCP's keepalive does not.
When two pings in a row find their connection gone the interval shrinks by a tenth, so a service that closes after 60 s
is pinged every 54 s. A service whose connections do not live for even `warm_floor` seconds is not fought: the interval
goes up to `GIVEN_UP`, and presses are cold there.
"""

GIVEN_UP = 600.0
"""Seconds between pings of a service that closes its connections faster than we are willing to ping."""


class WarmPace:
    """How often to ping, learnt from what the pings find. Times in seconds."""

    def __init__(self, interval: float, floor: float) -> None:
        self.interval = interval
        self._start = interval
        self._floor = min(floor, interval)
        self._lost_in_a_row = 0

    def found(self, closed: bool) -> None:
        """A ping found its connection open, or closed by the other side."""
        self._lost_in_a_row = self._lost_in_a_row + 1 if closed else 0
        if not closed:
            if self.interval > self._start:
                self.interval = self._start
        elif self._lost_in_a_row >= 2 and self.interval <= self._start:
            self._lost_in_a_row = 0
            if self.interval <= self._floor:
                self.interval = max(GIVEN_UP, self._start)
            else:
                self.interval = max(self._floor, 0.9 * self.interval)
