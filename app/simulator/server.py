"""Serving the world over real HTTP: in this process's main thread, or in a thread of a test.

The one rule: it listens before it says so, and it ends without a word: every connection closed, no task left.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import select
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.types import Scope

from app.simulator.answers import Cut
from app.simulator.control import Control
from app.simulator.service import Service
from app.simulator.world import World

PATIENCE = 10.0  # seconds for a thread to begin or end


def application(world: World, cut: Cut, connected: Callable[[str], bool]) -> Starlette:
    return Starlette(routes=[*Service(world, cut, connected).routes(), *Control(world).routes()])


def listen(host: str, port: int) -> socket.socket:
    """A bound socket that the server will listen on; port 0 takes a free one. Raises OSError, OverflowError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol must be named: asyncio sets TCP_NODELAY only on sockets that say they are TCP, and without it each
    # answer waits 40 ms for the client's delayed ACK between its header and its body.
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if hasattr(socket, "SO_EXCLUSIVEADDRUSE"):  # Windows, where SO_REUSEADDR would share a port in use
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
    except (OSError, OverflowError):  # the latter for a port past 65535
        bound.close()
        raise
    return bound


class Server(uvicorn.Server):
    """uvicorn that leaves signals to whoever runs it and lets go of unanswered requests when it ends."""

    def __init__(
        self,
        world: World,
        bound: socket.socket,
        *,
        keepalive: float = 75.0,
        tls: tuple[Path, Path] | None = None,
        on_listening: Callable[[str], None] = lambda _url: None,
    ) -> None:
        # Its errors are the faults that were asked for (half an answer, a reset), so none is worth a line.
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL + 1)
        config = uvicorn.Config(
            application(world, self._cut, self._connected),
            loop="asyncio",
            http="h11",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=keepalive,  # type: ignore[arg-type]  # handed to call_later, which takes any number
            timeout_graceful_shutdown=2,
            ssl_certfile=tls[0] if tls else None,
            ssl_keyfile=tls[1] if tls else None,
        )
        super().__init__(config)
        self._bound = bound
        self._on_listening = on_listening
        host, port = bound.getsockname()[:2]
        host = f"[{host}]" if ":" in host else host
        self.url = f"{'https' if tls else 'http'}://{host}:{port}"

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        # uvicorn's own would raise the signal again after a clean end, and the exit code would not be 0.
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_listening(self.url)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for connection in list(self.server_state.connections):
            cycle = getattr(connection, "cycle", None)
            if cycle is not None and not cycle.response_complete:
                connection.transport.abort()
        await super().shutdown(sockets)

    def _cut(self, scope: Scope) -> None:
        """Resets the connection that the request came on (RST, not FIN)."""
        for connection in list(self.server_state.connections):
            if getattr(connection, "client", None) == scope.get("client"):
                raw = connection.transport.get_extra_info("socket")
                if raw is not None:
                    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                connection.transport.abort()

    def _connected(self, peer: str) -> bool:
        """Is this client's connection whole, as far as the operating system knows? Its word comes before the loop's."""
        for connection in list(self.server_state.connections):
            client = getattr(connection, "client", None)
            if client is not None and f"{client[0]}:{client[1]}" == peer:
                return not _closed_by_peer(connection.transport.get_extra_info("socket"))
        return False

    async def serve_bound(self) -> None:
        asyncio.get_running_loop().set_exception_handler(_unless_the_wire)
        await self.serve([self._bound])


def _closed_by_peer(raw: Any) -> bool:
    if raw is None or raw.fileno() < 0:
        return True
    if not hasattr(select, "POLLRDHUP"):  # not Linux: `requests.GRACE` has to do
        return False
    poller = select.poll()
    poller.register(raw.fileno(), select.POLLRDHUP)
    return bool(poller.poll(0))


def _unless_the_wire(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """A failed handshake or a broken connection is what clients come here to try; only the rest is worth a line."""
    if not isinstance(context.get("exception"), OSError):
        loop.default_exception_handler(context)


@dataclass(frozen=True, slots=True)
class Simulator:
    """A running one, in a thread of this process. The world's methods may be called from any thread."""

    url: str
    world: World


@contextlib.contextmanager
def serve_in_thread(
    *,
    scenario: str = "instant",
    host: str = "127.0.0.1",
    port: int = 0,
    keepalive: float = 75.0,
    tls: tuple[Path, Path] | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[Simulator]:
    """Serves a new world, with no call in it, until the block is left. `tls`: certificate and key, PEM files."""
    world = World(clock)
    world.play(scenario)
    listening = threading.Event()
    bound = listen(host, port)
    try:
        server = Server(world, bound, keepalive=keepalive, tls=tls, on_listening=lambda _url: listening.set())
        thread = threading.Thread(
            target=lambda: asyncio.run(server.serve_bound()), name="simulator", daemon=True
        )
        thread.start()
        try:
            if not listening.wait(PATIENCE):
                raise RuntimeError("the simulator did not begin to listen")
            yield Simulator(server.url, world)
        finally:
            server.should_exit = True
            thread.join(PATIENCE)
            if thread.is_alive():
                raise RuntimeError("the simulator's thread did not end")
    finally:
        bound.close()
