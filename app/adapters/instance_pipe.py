"""The window's named pipe on Windows, by QLocalServer: asyncio's own pipes have no access list.

The one rule: nobody but our own user gets as far as being read: the pipe's access list names him alone
(UserAccessOption), and who gets through is asked for his user all the same.

Qt runs it on every system, so the tests do too; only the look at the peer is Windows' own (instance_windows.py).
"""

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from PySide6.QtNetwork import QLocalServer, QLocalSocket

from app.adapters.instance_talk import MOST_CALLERS, Talk

log = logging.getLogger("maskbar.instance")

READ_AHEAD = 64 * 1024
"""Bytes that Qt reads before it is asked for them."""


class Connection:
    """One caller's end of the pipe: hands bytes on, both ways."""

    def __init__(self, talk: Talk, socket: QLocalSocket) -> None:
        self._socket: QLocalSocket | None = socket
        socket.setReadBufferSize(READ_AHEAD)
        self._caller = talk.called(self)
        socket.readyRead.connect(self._read)
        socket.disconnected.connect(self._lost)
        self._read()  # what came with the connection is not announced

    def _read(self) -> None:
        if self._socket and self._socket.bytesAvailable():
            self._caller.received(bytes(self._socket.readAll().data()))

    def _lost(self) -> None:
        socket, self._socket = self._socket, None
        self._caller.lost()
        if socket:
            socket.deleteLater()

    # What the talk asks of a wire.

    def write(self, data: bytes) -> None:
        if self._socket:
            self._socket.write(data)
            self._socket.flush()

    def unread(self) -> int:
        return self._socket.bytesToWrite() if self._socket else 0

    def close(self) -> None:
        if self._socket:
            self._socket.disconnectFromServer()

    def abort(self) -> None:
        if self._socket:
            self._socket.abort()


@asynccontextmanager
async def listening(name: str, talk: Talk, known: Callable[[int], bool]) -> AsyncIterator[None]:
    """Listen at the pipe `name`; `known` gets a connection's handle. Raises OSError."""
    server = QLocalServer()
    server.setSocketOptions(QLocalServer.SocketOption.UserAccessOption)
    server.setMaxPendingConnections(MOST_CALLERS)

    def accept() -> None:
        while (socket := server.nextPendingConnection()) is not None:
            if known(int(socket.socketDescriptor())):
                Connection(talk, socket)
            else:
                log.warning("another user's process called; it was not listened to")
                socket.abort()
                socket.deleteLater()

    server.newConnection.connect(accept)
    if not server.listen(name):
        raise OSError(f"the pipe cannot be made ({server.errorString()})")
    try:
        yield
    finally:
        server.close()
        await talk.close()
        server.deleteLater()
