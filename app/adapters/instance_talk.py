"""The window's side of the talk: every caller's request read, obeyed and answered. No socket and no pipe in it.

The one rule: nothing that a caller does or leaves undone can hold the window up: one request per caller, a time to
make it in, a bound on what waits to be read, and a bound on the callers.
"""

import asyncio
import logging
from collections.abc import Awaitable
from contextlib import suppress

from app import __version__
from app.adapters.instance_desk import Desk, Wire
from app.adapters.instance_words import LONGEST_REQUEST, VERSION, NotARequestError, Request, line, parse
from app.core.ports import Wish
from app.core.status import Document, Result, Verdict, document, ends_within, verdict, verdict_at_end
from app.core.view import View

log = logging.getLogger("maskbar.instance")

MOST_CALLERS = 32
REQUEST_TIME = 2.0
"""Seconds to make a request in."""
MOST_UNREAD = 64 * 1024
"""Bytes that may wait for a caller beside what the system holds for it."""
LAST_LINE_TIME = 2.0
"""Seconds that a caller has to read its last line."""
INCIDENT_TIME = 10.0
"""Seconds that a slow journal may take."""
GOODBYE_TIME = 0.5
"""Seconds that all callers together have to read the goodbye: the program wants to end."""
CLOCK_STEP = 0.5
"""Seconds by which the wall clock must move before what is said of the past moves with it."""


class Talk:
    """All callers of one window. `show_view` is to be called with every View that the window shows."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self._callers: set[Caller] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._epoch = desk.clock.wall() - desk.clock.monotonic()
        self._closing = False
        self._nobody = asyncio.Event()
        self._nobody.set()

    def show_view(self, _: View) -> None:
        """A listener of the controller."""
        self.changed()

    def changed(self) -> None:
        for caller in tuple(self._callers):
            caller.look_again()

    def called(self, wire: Wire) -> "Caller":
        """A new caller; one too many is turned away."""
        caller = Caller(self, wire)
        self._callers.add(caller)
        self._nobody.clear()
        if self._closing or len(self._callers) > MOST_CALLERS:
            caller.turn_away("Too many callers.", going=self._closing)
        return caller

    def gone(self, caller: "Caller") -> None:
        self._callers.discard(caller)
        if not self._callers:
            self._nobody.set()

    def document(self) -> Document:
        return document(*self.desk.look(), self._epoch_now(), self.desk.agent, __version__)

    def start(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Say goodbye to all callers, and do not wait long for those that do not listen."""
        self._closing = True
        for task in self._tasks:
            task.cancel()
        for caller in tuple(self._callers):
            caller.turn_away("MaskBar ended.", going=True)
        with suppress(TimeoutError):
            await asyncio.wait_for(self._nobody.wait(), GOODBYE_TIME)
        for caller in tuple(self._callers):
            caller.drop()
        await asyncio.sleep(0)

    def _epoch_now(self) -> float:
        """Two looks at two clocks are never quite the same distance apart; the past must not tremble with it."""
        epoch = self.desk.clock.wall() - self.desk.clock.monotonic()
        if abs(epoch - self._epoch) > CLOCK_STEP:
            self._epoch = epoch
        return self._epoch


class Caller:
    """One connection: a request, then answers."""

    def __init__(self, talk: Talk, wire: Wire) -> None:
        self._talk = talk
        self._desk = talk.desk
        self._wire = wire
        self._raw = b""
        self._request: Request | None = None
        self._wish: Wish | None = None
        self._last: Document | None = None
        self._timer = asyncio.get_running_loop().call_later(REQUEST_TIME, self._too_slow)
        self._over = False

    # What the connection tells.

    def received(self, data: bytes) -> None:
        if self._over:
            return
        if self._request is not None:
            self._error("expected one request, and nothing after it")
            return
        self._raw += data
        raw, end, rest = self._raw.partition(b"\n")
        if not end and len(raw) < LONGEST_REQUEST:
            return
        try:
            if rest:
                raise NotARequestError("expected one request, and nothing after it")
            self._request = parse(raw)
        except NotARequestError as error:
            self._error(str(error))
            return
        self._timer.cancel()
        self._raw = b""
        try:
            self._obey(self._request)
        except Exception:
            log.exception("a command failed")
            self._say_last("error", reason="MaskBar could not do it; its log says why.")

    def finished(self) -> None:
        """The caller says no more. It may still listen."""
        if self._request is None and not self._over:
            self._error("the request ended before its line did")

    def lost(self) -> None:
        """The connection is gone. What was wished goes on."""
        self._over = True
        self._timer.cancel()
        self._talk.gone(self)

    # What the window tells.

    def look_again(self) -> None:
        """The View has changed."""
        if self._over or self._request is None:
            return
        if self._request.op == "follow":
            self._push()
        elif self._wish is not None:
            said = verdict(*self._desk.look(), self._wish, patient=self._request.wait is not None)
            if said is not None:
                self._end(said)

    def turn_away(self, reason: str, going: bool = False) -> None:
        self._say_last("bye", reason=reason, going=going)

    def drop(self) -> None:
        self._wire.abort()

    # Obeying.

    def _obey(self, request: Request) -> None:
        log.info("command %s", request.op)
        match request.op:
            case "status":
                self._say_last("status", status=self._talk.document())
            case "follow":
                self._push()
            case "show":
                self._desk.show()
                self._end(Verdict(Result.DONE))
            case "quit":
                asked = self._desk.leave()
                if asked:
                    self._end(Verdict(Result.REFUSED, f"{asked} The window asks."))
                else:
                    self._end(Verdict(Result.DONE), close=False)  # closed when the window is gone
            case "incident":
                self._talk.start(self._incident())
            case _:
                self._wish_for(request)

    def _wish_for(self, request: Request) -> None:
        state, view = self._desk.look()
        wish = view.button.wish if request.op == "toggle" else Wish(request.op)
        # A toggle while a wish is pending only waits for it: that unmasks nothing.
        waits = request.op == "toggle" and state.phase.pending
        if wish is Wish.UNMASK and not self._desk.may_unmask and not waits:
            self._end(Verdict(Result.NOT_ALLOWED, "Your organisation does not allow to unmask by command."))
            return
        if request.op == "toggle":
            self._desk.press()
        else:
            self._desk.ask(wish)
        self._wish = wish
        state, _ = self._desk.look()
        within = ends_within(state, self._desk.clock.monotonic()) if request.wait is None else request.wait
        self._say("taken", within=round(within, 3))
        self.look_again()
        if request.wait is not None and not self._over:
            self._timer = asyncio.get_running_loop().call_later(request.wait, self._waited)

    def _waited(self) -> None:
        if self._wish is not None:
            self._end(verdict_at_end(*self._desk.look(), self._wish))

    async def _incident(self) -> None:
        if self._desk.incident is None:
            self._end(Verdict(Result.REFUSED, "This MaskBar keeps no journal."))
            return
        self._say("taken", within=INCIDENT_TIME)
        try:
            sentence = await self._desk.incident()
        except Exception:
            log.exception("an incident could not be put down")
            self._end(Verdict(Result.REFUSED, "It could not be written into the journal; the log says why."))
        else:
            self._end(Verdict(Result.DONE, sentence))

    # Saying.

    def _push(self) -> None:
        said = self._talk.document()
        if said == self._last:
            return
        self._last = said
        if self._wire.unread() > MOST_UNREAD:
            self.turn_away("Too slow: what MaskBar said was not read.")
            return
        self._say("status", status=said)

    def _end(self, said: Verdict, close: bool = True) -> None:
        if self._over:
            return
        status = self._talk.document()
        words: Document = {"result": said.result.value, "reason": said.reason, "status": status}
        if close:
            self._say_last("ended", **words)
        else:
            self._wish = None
            self._say("ended", **words)

    def _error(self, reason: str) -> None:
        log.warning("a request was none: %s", reason)
        self._say_last("error", reason=reason)

    def _too_slow(self) -> None:
        self._error(f"no request within {REQUEST_TIME:g} s")

    def _say(self, answer: str, **words: object) -> None:
        self._wire.write(line({"maskbar": VERSION, "answer": answer, **words}))

    def _say_last(self, answer: str, **words: object) -> None:
        """Once; then the caller has a moment to read it."""
        if self._over:
            return
        self._over = True
        self._timer.cancel()
        self._say(answer, **words)
        self._wire.close()
        self._timer = asyncio.get_running_loop().call_later(LAST_LINE_TIME, self._wire.abort)
