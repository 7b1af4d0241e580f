"""How an answer's bytes go out: whole, by halves, drop by drop, or never.

The one rule: a request is written down as answered just before its last byte goes out, and as gone when its client
closes the connection first. So a client that asks again as soon as it has its answer never looks like two at once.
"""

from __future__ import annotations

import asyncio
import json
import math
import random
import time
from collections.abc import Callable
from email.utils import formatdate
from typing import Any

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from app.simulator.behaviour import Behaviour

Headers = list[tuple[bytes, bytes]]
Cut = Callable[[Scope], None]  # resets the connection that a request came on

PIECE = 65_536
DRIPPING = 400  # bytes of a drip: at 0.3 s each it outlives every deadline

PAGE = b"<!doctype html><html><head><title>Sign in to the guest network</title></head><body>Welcome</body></html>"


def _retry_after(behaviour: Behaviour) -> str:
    wait = behaviour.retry_after or 0.0
    if behaviour.retry_after_form == "date":
        return formatdate(math.ceil(time.time() + wait), usegmt=True)
    return f"{wait:g}" if wait != int(wait) else str(int(wait))


def _body(behaviour: Behaviour, status: int, content: dict[str, Any], seed: int) -> tuple[str, bytes]:
    """The content type and the body."""
    if behaviour.body == "empty" or status in (204, 304):
        return "", b""
    if behaviour.body == "html":
        return "text/html; charset=utf-8", PAGE
    if behaviour.body == "binary":
        return "application/json; charset=utf-16", random.Random(seed).randbytes(behaviour.size)
    if behaviour.body == "huge":
        return "application/json", b'{"message": "' + b"x" * behaviour.size + b'"}'
    body = json.dumps(content).encode()
    if behaviour.body == "drip":
        body += b" " * (DRIPPING - len(body))
    return "application/json; charset=utf-8", body


class Answer(Response):
    """One answer, given the way the behaviour says; tells `answered` or `gone` exactly one of which comes first."""

    def __init__(
        self,
        status: int,
        content: dict[str, Any],
        behaviour: Behaviour,
        *,
        extra: dict[str, str] | None = None,
        answered: Callable[[], None] = lambda: None,
        gone: Callable[[], None] = lambda: None,
        cut: Cut = lambda _scope: None,
        seed: int = 0,
    ) -> None:
        super().__init__(status_code=status)
        self._behaviour = behaviour
        self._answered, self._gone, self._cut = answered, gone, cut
        content_type, self._bytes = _body(behaviour, status, content, seed)
        headers = dict(extra or {})
        if content_type:
            headers["content-type"] = content_type
        if behaviour.retry_after is not None and status == behaviour.status:
            headers["retry-after"] = _retry_after(behaviour)
        if 300 <= status < 400:
            headers["location"] = behaviour.location
        if status >= 400:
            headers["icstatusdescription"] = str(content.get("message", ""))
        if behaviour.body != "huge" and status not in (204, 304):
            # A huge body comes in chunks: nothing warns the client of its size.
            headers["content-length"] = str(len(self._bytes))
        self._sent: Headers = [
            (name.encode("latin-1"), value.strip().encode("latin-1", "replace"))
            for name, value in headers.items()
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        speaking = asyncio.ensure_future(self._speak(scope, send))
        listening = asyncio.ensure_future(_disconnect(receive))
        try:
            await asyncio.wait({speaking, listening}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (speaking, listening):
                task.cancel()
            await asyncio.gather(speaking, listening, return_exceptions=True)
            self._gone()  # does nothing when it was answered

    async def _speak(self, scope: Scope, send: Send) -> None:
        behaviour = self._behaviour
        if behaviour.delay:
            await asyncio.sleep(behaviour.delay)
        if behaviour.body == "never":
            await asyncio.Event().wait()
        if behaviour.body == "reset":
            self._gone()
            self._cut(scope)
            await asyncio.Event().wait()
        body = self._bytes
        if behaviour.body == "drip":
            await self._start(send)
            for at in range(len(body) - 1):
                await send({"type": "http.response.body", "body": body[at : at + 1], "more_body": True})
                await asyncio.sleep(behaviour.drip_every)
            await self._last(send, body[-1:])
        elif behaviour.body == "half":
            self._answered()
            await self._start(send)
            await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
            # Returning without the rest makes the server close the connection.
        elif behaviour.body == "huge":
            await self._start(send)
            for at in range(0, len(body), PIECE):
                await send({"type": "http.response.body", "body": body[at : at + PIECE], "more_body": True})
                await asyncio.sleep(0)  # let others be served, and notice when the client has had enough
            await self._last(send, b"")
        else:
            self._answered()
            await self._start(send)
            await self._last(send, body)

    async def _start(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self._sent})

    async def _last(self, send: Send, body: bytes) -> None:
        self._answered()
        await send({"type": "http.response.body", "body": body, "more_body": False})


async def _disconnect(receive: Receive) -> None:
    """Returns when the client has closed the connection, or the answer is complete."""
    while (await receive())["type"] != "http.disconnect":
        pass
