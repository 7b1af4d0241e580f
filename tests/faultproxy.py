"""A TCP proxy on loopback that does to the bytes what networks do to them: late, lost, cut, held, reset.

The one rule: what happens to an exchange is decided by the `Faults` in force when its request began, so a test that
changes them for the next request never touches the one before. (Only `black_hole` is live: a cable is pulled at once.)

Past 300 lines because a proxy and its pair of connections share every detail.

Knows TCP, not HTTP: an exchange begins with the first bytes from the client after bytes from the server. It works in
the loop of an async test (`async with`) and, on a thread of its own, in a plain one (`with`).
"""

import asyncio
import socket
import struct
import threading
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from types import TracebackType

from tests.pages import abort_all, stop_listening


@dataclass(frozen=True, slots=True)
class Faults:
    """What to do to an exchange. Times in seconds. Everything off: a plain proxy.

    up, down      latency of each way. A new connection pays one more round trip, as TCP's own would (loopback's is free)
    match         only exchanges whose first bytes contain this suffer what follows (plain http); empty: all do
    black_hole    swallow all bytes both ways, say nothing, keep the connection open; live
    refuse        reset new connections at once
    reset_up      reset both sides after so many bytes of the request have been passed on
    reset_down    reset the client after so many bytes of the answer have been passed on
    cut_down      the same with an orderly close
    drip_down     one byte of the answer each so many seconds
    lose_answer   pass the request on, let it have its effect, then swallow the answer
    hold_up       keep the request until `release`; it is passed on even if the client has gone by then
    hold_down     keep the answer until `release`
    """

    up: float = 0.0
    down: float = 0.0
    match: bytes = b""
    black_hole: bool = False
    refuse: bool = False
    reset_up: int | None = None
    reset_down: int | None = None
    cut_down: int | None = None
    drip_down: float = 0.0
    lose_answer: bool = False
    hold_up: bool = False
    hold_down: bool = False


class Held:
    """A request or an answer that waits in the proxy for its `release`; safe to call from any thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop, first: bytes) -> None:
        self._loop = loop
        self._free = asyncio.Event()
        self.first = first
        self.passed_on = threading.Event()

    def release(self) -> None:
        self._loop.call_soon_threadsafe(self._free.set)

    async def wait(self) -> None:
        await self._free.wait()


@dataclass
class _Exchange:
    """One request and its answer, as far as bytes tell."""

    faults: Faults
    first: bytes
    up: int = 0
    down: int = 0
    held_up: Held | None = None
    held_down: Held | None = None


@dataclass
class FaultProxy:
    """Listens on a port of its own and passes everything on to `target_port`.

    idle   seconds after which it closes a connection without traffic, as services do; None: never
    """

    target_port: int
    faults: Faults = field(default_factory=Faults)
    idle: float | None = None
    port: int = 0
    connections: int = 0
    bytes_up: int = 0
    bytes_down: int = 0
    held: list[Held] = field(default_factory=list)
    holding: threading.Event = field(default_factory=threading.Event)
    """Set while something is held."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def release(self) -> None:
        """Let everything go that is held now."""
        held, self.held = self.held, []
        self.holding.clear()
        for one in held:
            one.release()

    def hold(self, held: Held) -> Held:
        self.held.append(held)
        self.holding.set()
        return held

    # In the loop of the caller.

    async def __aenter__(self) -> "FaultProxy":
        self._loop = asyncio.get_running_loop()
        self._pairs: dict[asyncio.Task[None], _Pair] = {}
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        await stop_listening(self._server)
        tasks = list(self._pairs)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)

    # On a thread of its own.

    def __enter__(self) -> "FaultProxy":
        started = threading.Event()
        self._stop: Callable[[], None] = lambda: None
        self._thread = threading.Thread(target=self._run, args=(started,), name="faultproxy", daemon=True)
        self._thread.start()
        assert started.wait(10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop)
        self._thread.join(10)
        assert not self._thread.is_alive()

    def _run(self, started: threading.Event) -> None:
        async def live() -> None:
            stop = asyncio.Event()
            self._stop = stop.set
            async with self:
                started.set()
                await stop.wait()
            await abort_all(self._loop)

        asyncio.run(live())

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        if self.faults.refuse:
            reset(writer)
            return
        task = asyncio.current_task()
        assert task is not None
        pair = self._pairs[task] = _Pair(self, reader, writer)
        try:
            await pair.live()
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            del self._pairs[task]
            pair.end()


class _Pair:
    """One connection of the client's and its twin to the server."""

    def __init__(self, proxy: FaultProxy, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._proxy = proxy
        self._reader, self._writer = reader, writer
        self._far_writer: asyncio.StreamWriter | None = None
        self._exchange: _Exchange | None = None
        self._answered = True
        self._used = asyncio.get_running_loop().time()
        self._fresh = True
        self._client_gone = False

    async def live(self) -> None:
        far_reader, self._far_writer = await asyncio.open_connection("127.0.0.1", self._proxy.target_port)
        up = asyncio.create_task(self._pump(self._reader, self._send_up, self._note_up, is_up=True))
        down = asyncio.create_task(self._pump(far_reader, self._send_down, self._note_down, is_up=False))
        tasks = [up, down]
        if self._proxy.idle is not None:
            tasks.append(asyncio.create_task(self._watch(self._proxy.idle)))
        try:
            while tasks:
                done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                tasks = [task for task in tasks if task not in done]
                for task in done:
                    task.result()
                if up not in done or down not in tasks:
                    return
                if self._answered:
                    return
                # The client has gone in the middle of an exchange, and all that it said is passed on: what it asked
                # for still has its effect. The server's answer, or its close, ends the pair.
                self._client_gone = True
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def end(self) -> None:
        for writer in (self._writer, self._far_writer):
            if writer is not None:
                writer.transport.abort() if writer.transport.is_closing() else writer.close()

    async def _watch(self, idle: float) -> None:
        loop = asyncio.get_running_loop()
        left = idle
        while left > 0:
            await asyncio.sleep(left)
            left = (self._used + idle - loop.time()) if self._answered else idle

    async def _pump(
        self,
        reader: asyncio.StreamReader,
        send: Callable[[_Exchange, bytes], Coroutine[None, None, None]],
        note: Callable[[bytes], _Exchange],
        is_up: bool,
    ) -> None:
        """Reads at once and sends when it is due, so latency delays bytes but does not space them out."""
        queue: asyncio.Queue[tuple[float, _Exchange, bytes] | None] = asyncio.Queue()
        loop = asyncio.get_running_loop()

        async def deliver() -> None:
            while (item := await queue.get()) is not None:
                due, exchange, data = item
                if (wait := due - loop.time()) > 0:
                    await asyncio.sleep(wait)
                await send(exchange, data)

        delivery = asyncio.create_task(deliver())
        try:
            while not delivery.done():
                reading = asyncio.ensure_future(reader.read(65536))
                await asyncio.wait([reading, delivery], return_when=asyncio.FIRST_COMPLETED)
                if not reading.done():
                    reading.cancel()
                    break
                try:
                    data = reading.result()
                except ConnectionError:
                    data = b""
                if not data:
                    break
                self._used = loop.time()
                exchange = note(data)
                if self._proxy.faults.black_hole:
                    continue
                delay = exchange.faults.up if is_up else exchange.faults.down
                if is_up and self._fresh:
                    delay += exchange.faults.up + exchange.faults.down
                    self._fresh = False
                queue.put_nowait((loop.time() + delay, exchange, data))
            queue.put_nowait(None)
            await delivery
        finally:
            delivery.cancel()
            await asyncio.gather(delivery, return_exceptions=True)

    def _note_up(self, data: bytes) -> _Exchange:
        self._proxy.bytes_up += len(data)
        if self._answered or self._exchange is None:
            now = self._proxy.faults
            suffers = now.match in data
            faults = now if suffers else Faults(up=now.up, down=now.down)
            self._exchange = exchange = _Exchange(faults, data[:200])
            self._answered = False
            loop = asyncio.get_running_loop()
            if faults.hold_up:
                exchange.held_up = self._proxy.hold(Held(loop, exchange.first))
            if faults.hold_down:
                exchange.held_down = self._proxy.hold(Held(loop, exchange.first))
        return self._exchange

    def _note_down(self, data: bytes) -> _Exchange:
        self._proxy.bytes_down += len(data)
        self._answered = True
        if self._exchange is None:
            self._exchange = _Exchange(self._proxy.faults, b"")
        return self._exchange

    async def _send_up(self, exchange: _Exchange, data: bytes) -> None:
        writer = self._far_writer
        assert writer is not None
        if exchange.held_up is not None:
            await exchange.held_up.wait()
        room = None if exchange.faults.reset_up is None else exchange.faults.reset_up - exchange.up
        exchange.up += len(data)
        await _write(writer, data[:room])
        if room is not None and room < len(data):
            reset(self._writer)
            reset(writer)
            raise ConnectionResetError
        if exchange.held_up is not None:
            exchange.held_up.passed_on.set()

    async def _send_down(self, exchange: _Exchange, data: bytes) -> None:
        faults = exchange.faults
        if exchange.held_down is not None:
            await exchange.held_down.wait()
        if self._client_gone:
            raise ConnectionResetError
        if faults.lose_answer or self._proxy.faults.black_hole:
            return
        limits = [limit for limit in (faults.reset_down, faults.cut_down) if limit is not None]
        room = max(0, min(limits) - exchange.down) if limits else None
        exchange.down += len(data)
        passing = data[:room]
        if faults.drip_down:
            for at in range(len(passing)):
                await _write(self._writer, passing[at : at + 1])
                await asyncio.sleep(faults.drip_down)
        else:
            await _write(self._writer, passing)
        if room is not None and room < len(data):
            if faults.reset_down is not None:
                await asyncio.sleep(0.01)  # a reset overtakes bytes that are not read yet
                reset(self._writer)
            raise ConnectionResetError
        if exchange.held_down is not None:
            exchange.held_down.passed_on.set()


async def _write(writer: asyncio.StreamWriter, data: bytes) -> None:
    if data:
        writer.write(data)
        await writer.drain()


def reset(writer: asyncio.StreamWriter) -> None:
    """Close by a reset, at once."""
    found = writer.get_extra_info("socket")
    if found is not None and found.fileno() != -1:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
