"""A small HTTP server whose every byte is chosen by the test: `Page`s by path, on a thread of its own.

The one rule: nothing of ours is imported here, and nothing is parsed that a test does not need. It is no simulator: it
knows nothing of calls, it says what it is told to say.
"""

import asyncio
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

REASONS = {200: "OK", 202: "Accepted", 302: "Found", 401: "Unauthorized", 404: "Not Found"}


@dataclass(frozen=True)
class Page:
    """One answer.

    raw        the exact bytes, instead of everything that is said by the others
    hang       never answer: hold the connection until it is closed
    drip       seconds between single bytes (0: all at once)
    cut        close after so many bytes of the answer (None: send it all)
    reset      end by a reset instead of a close (with `cut`)
    delay      seconds before the first byte
    close      close after the answer, although the answer does not say so
    flood      after all that, send so many bytes more
    """

    status: int = 200
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    raw: bytes | None = None
    hang: bool = False
    drip: float = 0.0
    cut: int | None = None
    reset: bool = False
    delay: float = 0.0
    close: bool = False
    flood: int = 0

    def bytes(self, method: str = "POST") -> bytes:
        if self.raw is not None:
            return self.raw
        names = {name.lower() for name, _ in self.headers}
        lines = [f"HTTP/1.1 {self.status} {REASONS.get(self.status, 'Whatever')}"]
        lines += [f"{name}: {value}" for name, value in self.headers]
        if not names & {"content-length", "transfer-encoding"}:
            lines.append(f"Content-Length: {len(self.body)}")
        head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
        return head if method == "HEAD" else head + self.body


@dataclass(frozen=True)
class Seen:
    """One request as it arrived."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    connection: int


@dataclass
class Pages:
    """The server. `with Pages(...) as pages: pages.url`; change `answer` whenever you like."""

    answer: Callable[[Seen], Page] | Page = field(default_factory=Page)
    tls: ssl.SSLContext | None = None
    idle: float | None = None
    """Seconds after which an idle connection is closed; None: never."""
    host: str = "127.0.0.1"
    seen: list[Seen] = field(default_factory=list)
    connections: int = 0
    arrived: threading.Event = field(default_factory=threading.Event)
    """Set when a request has arrived; a test may clear it."""

    def __post_init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="pages", daemon=True)
        self._ready = threading.Event()
        self._stop: asyncio.Event | None = None
        self.port = 0

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://{self.host}:{self.port}"

    def __enter__(self) -> "Pages":
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        assert self._stop is not None
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)
        assert not self._thread.is_alive()

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._serve())
        finally:
            self._loop.close()

    async def _serve(self) -> None:
        self._stop = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        # A failed handshake is a test's wish, not news.
        self._loop.set_exception_handler(lambda *_: None)
        server = await asyncio.start_server(self._accept, self.host, 0, ssl=self.tls)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        await stop_listening(server)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await abort_all(self._loop)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        try:
            await self._talk(reader, writer, self.connections)
        except (OSError, asyncio.IncompleteReadError, TimeoutError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            writer.transport.abort()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        while True:
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), self.idle)
            first, *lines = head.decode("latin-1").split("\r\n")
            method, target, _ = first.split(" ", 2)
            headers = dict(line.split(": ", 1) for line in lines if line)
            headers = {name.lower(): value for name, value in headers.items()}
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            request = Seen(method, target, headers, body, number)
            self.seen.append(request)
            self.arrived.set()
            page = self.answer if isinstance(self.answer, Page) else self.answer(request)
            await self._say(page, method, reader, writer)
            if page.cut is not None or page.close or page.hang:
                return

    async def _say(
        self, page: Page, method: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        if page.delay:
            await asyncio.sleep(page.delay)
        if page.hang:
            await reader.read()
            return
        answer = page.bytes(method)[: page.cut]
        if page.drip:
            for at in range(len(answer)):
                writer.write(answer[at : at + 1])
                await writer.drain()
                await asyncio.sleep(page.drip)
        else:
            writer.write(answer)
            await writer.drain()
        for _ in range(0, page.flood, 65536):
            writer.write(b"x" * 65536)
            await writer.drain()
        if page.cut is not None and not page.reset:
            writer.close()
            await writer.wait_closed()
        elif page.reset:
            await asyncio.sleep(0.02)  # let the bytes go first
            set_to_reset(writer)


async def stop_listening(server: asyncio.Server) -> None:
    """Close a server so that no connection is lost that it has just accepted: asyncio drops those on the floor."""
    loop = asyncio.get_running_loop()
    for listener in server.sockets:
        try:
            loop.remove_reader(listener.fileno())
        except NotImplementedError:
            pass  # Windows accepts in another way
    for _ in range(5):
        await asyncio.sleep(0)
    server.close()


async def abort_all(loop: asyncio.AbstractEventLoop) -> None:
    """Close what was accepted and never became a connection (a handshake that nobody finished)."""
    for _ in range(5):
        await asyncio.sleep(0)
        for transport in list(getattr(loop, "_transports", {}).values()):
            transport.abort()


def set_to_reset(writer: asyncio.StreamWriter) -> None:
    """Make the coming close a reset."""
    found = writer.get_extra_info("socket")
    if found is not None:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
