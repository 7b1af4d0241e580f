"""Asks the recorder, once a second, what is really recorded: while anything but a settled "not masked" is shown.

The one rule: a read-back that is not granted is no error to show; it is remembered, and said where capabilities are.
"""

import asyncio
import logging
from collections.abc import Callable

from app.controller import Controller
from app.core.ports import Clock, Reader
from app.core.states import Observed, Phase
from app.core.view import View

log = logging.getLogger("maskbar.watcher")

EVERY = 1.0
"""Seconds from one question to the next, as the vendor's own agent asks during a call."""
LONGEST_PAUSE = 15.0
"""Seconds: the pause doubles with each trouble, up to this."""
ABSENT = 2
"""So many answers of "nothing there" during a mask say that there is no read-back here."""
LIMIT = 3.0
"""Seconds that one question may take."""


class Watcher:
    """`run` it as a task beside the controller."""

    def __init__(
        self, reader: Reader, controller: Controller, clock: Clock, new_id: Callable[[], str]
    ) -> None:
        self._reader = reader
        self._controller = controller
        self._clock = clock
        self._new_id = new_id
        self._wanted = asyncio.Event()
        self._absent = 0
        self.granted: bool | None = None
        """Whether this sign-in may ask; None: not known yet."""

    async def run(self) -> None:
        """Until it is cancelled, or it is known that this sign-in may not ask."""
        self._controller.listen(self._follow)
        pause = EVERY
        while self.granted is not False:
            pause = EVERY if await self._ask() else min(2 * pause, LONGEST_PAUSE)
            await asyncio.sleep(pause)
            await self._wanted.wait()

    async def _ask(self) -> bool:
        """One question. Whether an answer came."""
        asked = self._clock.monotonic()
        reading = await self._reader.read(self._new_id(), LIMIT)
        if reading.absent and self._controller.state.phase is Phase.MASKED:
            # A call was just masked, so there is a call: what is not there is the service.
            self._absent += 1
        granted = False if self._absent >= ABSENT and not self.granted else reading.granted
        if granted is not None and granted is not self.granted:
            log.info("read-back %s", "granted" if granted else "not granted")
            self.granted = granted
        if reading.seen:
            self._controller.handle(Observed(reading.seen, reading.contact, asked, self._clock.monotonic()))
        return reading.granted is not None

    def _follow(self, view: View) -> None:
        if view.phase is Phase.UNMASKED:
            self._wanted.clear()
        else:
            self._wanted.set()
