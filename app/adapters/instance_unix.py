"""The window's socket on Linux and macOS, on asyncio's loop.

The one rule: nobody but our own user gets as far as being read: the folder is closed, the socket is closed, and who
gets through both is asked for his user id before a byte of his is looked at.
"""

import asyncio
import logging
import os
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, cast

from app.adapters.instance_peer import is_me
from app.adapters.instance_talk import MOST_CALLERS, Caller, Talk

if TYPE_CHECKING:
    from app.adapters.instance_peer import Socket

assert sys.platform != "win32"  # noqa: S101  for mypy: nothing below is for Windows

log = logging.getLogger("maskbar.instance")

BACKLOG = 2 * MOST_CALLERS
"""Callers that wait while the window is busy; more than there is room for, so that these can be told so."""


class Connection(asyncio.Protocol):
    """One caller's socket: hands bytes on, both ways."""

    def __init__(self, talk: Talk, known: Callable[["Socket"], bool]) -> None:
        self._talk = talk
        self._known = known
        self._transport: asyncio.Transport | None = None
        self._caller: Caller | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        if self._known(transport.get_extra_info("socket")):
            self._caller = self._talk.called(self)
        else:
            log.warning("another user's process called; it was not listened to")
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        if self._caller:
            self._caller.received(data)

    def eof_received(self) -> bool:
        if self._caller:
            self._caller.finished()
        return True  # the answer still goes out

    def connection_lost(self, _: Exception | None) -> None:
        self._transport = None
        if self._caller:
            self._caller.lost()

    # What the talk asks of a wire.

    def write(self, data: bytes) -> None:
        if self._transport:
            self._transport.write(data)

    def unread(self) -> int:
        return self._transport.get_write_buffer_size() if self._transport else 0

    def close(self) -> None:
        if self._transport:
            self._transport.close()

    def abort(self) -> None:
        if self._transport:
            self._transport.abort()


@asynccontextmanager
async def listening(path: str, talk: Talk, known: Callable[["Socket"], bool] = is_me) -> AsyncIterator[None]:
    """Listen at `path`, whose lock is ours: what is there was left by a process that is dead. Raises OSError."""
    listener = _bound(path)
    try:
        server = await asyncio.get_running_loop().create_unix_server(
            lambda: Connection(talk, known), sock=listener, backlog=BACKLOG
        )
    except BaseException:
        listener.close()
        raise
    try:
        yield
    finally:
        server.close()
        _unlink(path)
        await talk.close()


def _bound(path: str) -> socket.socket:
    """Closed for others before anybody can connect, which is from listen() on."""
    _unlink(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.bind(path)
        os.chmod(path, 0o600)  # noqa: PTH101
        listener.setblocking(False)
    except BaseException:
        listener.close()
        raise
    return listener


def _unlink(path: str) -> None:
    with suppress(FileNotFoundError):
        Path(path).unlink()
