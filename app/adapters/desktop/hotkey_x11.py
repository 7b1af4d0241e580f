"""Hotkeys on X11: passive grabs, on a connection and a thread of their own.

The one rule: between a press and `let_go` the thread does nothing. The grab freezes the keyboard, so that no
further key can reach us; what the agent types meanwhile waits in the server and goes to the customer's form the
moment we let go, even while our window is busy. (A plain XGrabKey gets every key until the combination is
released: tests/desktop keeps one, and catches it.)
"""

import asyncio
import contextlib
import logging
import os
import selectors
import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue

from app.adapters.desktop.hotkey import Bindings, Changed, Code, NoWayError, Pressed, Results, Unavailable
from app.adapters.desktop.hotkey_holdings import Holdings
from app.adapters.desktop.hotkey_x11_grabs import Grabs
from app.adapters.desktop.hotkey_x11_wire import KeysMoved, Wire
from app.adapters.desktop.hotkey_x11_xcb import ServerGoneError
from app.core.shortcut import Spelling

log = logging.getLogger("maskbar.hotkey.x11")

ANSWER_WITHIN = 5.0
"""Seconds for the X server to answer."""
GONE = "The X server does not answer any more, so that hotkeys do not work."


class X11Hotkeys:
    """Satisfies Hotkeys. One start and one close in its life."""

    def __init__(self, connect: Callable[[], Wire] = Wire) -> None:
        self._connect = connect
        self._orders: SimpleQueue[tuple[Bindings, asyncio.Future[Results]]] = SimpleQueue()
        self._waiting: set[asyncio.Future[Results]] = set()
        self._closing = threading.Event()
        self._end: str | None = None
        """Why the thread has ended."""

    async def start(self, bindings: Bindings, pressed: Pressed, changed: Changed) -> Results:
        self._loop = asyncio.get_running_loop()
        self._pressed, self._changed = pressed, changed
        self._bindings = bindings
        self._woken, self._wake = os.pipe()
        self._ended = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="hotkeys", daemon=True)
        self._thread.start()
        try:
            async with asyncio.timeout(ANSWER_WITHIN):
                return await self._order(bindings)
        except TimeoutError:
            self._closing.set()
            raise NoWayError("The X server does not answer.") from None
        finally:
            if self._end is not None:
                await self.close()

    async def change(self, bindings: Bindings) -> Results:
        self._bindings = bindings
        try:
            return await self._order(bindings)
        except NoWayError as error:
            return dict.fromkeys(bindings, Unavailable(str(error), Code.GONE))

    async def configure(self) -> bool:
        return False

    async def close(self) -> None:
        self._closing.set()
        os.write(self._wake, b"!")
        with contextlib.suppress(TimeoutError):  # a server that hangs must not keep us from ending
            async with asyncio.timeout(ANSWER_WITHIN):
                await self._ended.wait()
            self._thread.join()
            os.close(self._wake)
            os.close(self._woken)

    async def _order(self, bindings: Bindings) -> Results:
        """What the thread makes of it. Raises NoWayError."""
        if self._end is not None:
            raise NoWayError(self._end)
        answer: asyncio.Future[Results] = self._loop.create_future()
        self._waiting.add(answer)
        self._orders.put((bindings, answer))
        os.write(self._wake, b"!")
        try:
            return await answer
        finally:
            self._waiting.discard(answer)

    # On the loop, told by the thread.

    def _answered(self, answer: asyncio.Future[Results], results: Results) -> None:
        if not answer.done():
            answer.set_result(results)

    def _thread_ended(self, reason: str) -> None:
        waiting = [answer for answer in self._waiting if not answer.done()]
        for answer in waiting:
            answer.set_exception(NoWayError(reason))
        self._end = reason
        self._ended.set()
        if not waiting and not self._closing.is_set():
            log.warning("hotkeys ended: %s", reason)
            self._changed(dict.fromkeys(self._bindings, Unavailable(reason, Code.GONE)))

    # The thread.

    def _tell(self, function: Callable[..., None], *arguments: object) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended: nobody is left to tell
            self._loop.call_soon_threadsafe(function, *arguments)

    def _run(self) -> None:
        reason = GONE
        try:
            with contextlib.closing(self._connect()) as wire:
                self._serve(wire)
        except ServerGoneError as error:
            log.info("X server: %s", error)
        finally:
            self._tell(self._thread_ended, reason)

    def _serve(self, wire: Wire) -> None:
        """Until we close. Sleeps unless a combination is pressed, the keyboard changes or the loop wants something."""
        grabs = Grabs(wire)
        holdings = Holdings(grabs.take, grabs.let_go, Spelling.LINUX)
        with selectors.DefaultSelector() as selector:
            selector.register(wire, selectors.EVENT_READ)
            selector.register(self._woken, selectors.EVENT_READ)
            while not self._closing.is_set():
                self._hear(wire, grabs, holdings)
                for key, _ in selector.select():
                    if key.fd == self._woken:
                        os.read(self._woken, 64)
                        self._obey(holdings)

    def _hear(self, wire: Wire, grabs: Grabs, holdings: Holdings) -> None:
        """All that waits from the X server."""
        moved = False
        while event := wire.event():
            if isinstance(event, KeysMoved):
                moved = True
                continue
            wire.let_go(event.time)
            if (shortcut := grabs.pressed(event)) and (action := holdings.action(shortcut)):
                self._tell(self._pressed, action)
        if moved and grabs.keys_moved():
            self._tell(self._changed, holdings.results(grabs.troubles))

    def _obey(self, holdings: Holdings) -> None:
        """What the loop wants. Answers of the server may have brought events along: they are heard next."""
        with contextlib.suppress(Empty):
            while True:
                bindings, answer = self._orders.get_nowait()
                self._tell(self._answered, answer, holdings.change(bindings))
