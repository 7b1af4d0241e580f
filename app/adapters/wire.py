"""The one way out: one HTTP request over TLS that trusts what the operating system trusts, and nothing else.

The one rule: whether a byte of a request may have left this machine is always known, and never guessed.

No redirects, no cookies, no proxies or keys from the environment, HTTP/1.1. This file loads httpx (70 ms and more),
so it is imported by `network.py` in a thread, after the first paint.
"""

import importlib
import ssl
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any

# WORKAROUND: httpx also loads its own command line, 4 MB and 15 ms of click and Pygments that nothing here uses. It
# takes a module that cannot be loaded for one that is not installed.
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]

import httpx  # noqa: E402
import truststore  # noqa: E402

from app.adapters.answers import Reply  # noqa: E402
from app.core.failures import Failure  # noqa: E402

BODY_LIMIT = 64 * 1024
"""Bytes of an answer's body that are read. What is longer is not this API."""

_LIMITS = httpx.Limits(
    # One press, one ping, and what is being closed behind them.
    max_connections=4,
    max_keepalive_connections=4,
    # Idle connections are the service's to close: httpx would forget them after 5 s.
    keepalive_expiry=None,
)


@lru_cache(maxsize=8)
def _parsed(url: str) -> httpx.URL:
    """Always the same few addresses, and httpx takes as long to parse one as to build the rest of a request."""
    return httpx.URL(url)


def system_context() -> ssl.SSLContext:
    """A TLS context that trusts the operating system's roots. Takes tens of milliseconds on Linux: not on the loop.

    `ssl.create_default_context` would write the session keys to the file that SSLKEYLOGFILE names; a bare context
    does not look at it.
    """
    context: ssl.SSLContext = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if sys.platform in ("win32", "darwin"):
        return context  # the system itself verifies, at each handshake
    # On Linux truststore loads all roots anew for each connection: 30 to 60 ms, on the loop. One connection that goes
    # nowhere makes it load them once; the context inside is an ordinary one, and is kept.
    return context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname="localhost").context


def rootless_context() -> ssl.SSLContext:
    """A TLS context that trusts nobody: for http to this machine, where none is needed. Costs next to nothing."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def preload() -> None:
    """Load what httpx itself loads only with its first client and its first connection: 40 ms each, on the loop."""
    Wire(rootless_context())
    for name in ("anyio", "anyio.streams.tls", "anyio._backends._asyncio"):
        try:
            importlib.import_module(name)
        except ImportError:
            pass  # another version keeps it elsewhere: the first request is slower


@dataclass(slots=True)
class Trip:
    """How far one request got, written down while it goes.

    opened      a new connection was asked for, rather than an idle one taken
    sent        bytes of the request may have left this machine
    distrusted  the other end could not prove who it is
    nonsense    what came back is no HTTP
    """

    opened: bool = False
    sent: bool = False
    distrusted: bool = False
    nonsense: bool = False
    _bare: Any = None  # the TCP stream, while it is not yet anybody's to close

    async def note(self, event: str, info: Mapping[str, Any]) -> None:
        """httpcore's trace extension. An error's cause is read here: httpcore drops it on the way out."""
        if event == "http11.send_request_headers.started":
            self.sent = True
            self._bare = None
        elif event == "connection.connect_tcp.started":
            self.opened = True
        elif event == "connection.connect_tcp.complete":
            self._bare = info["return_value"]
        elif event == "connection.start_tls.failed":
            self.distrusted = _is_distrust(info["exception"])
        elif event == "http11.receive_response_headers.failed":
            # A connection that just ends has no deeper cause; an answer that cannot be parsed has the parser's.
            error = info["exception"]
            self.nonsense = type(error).__name__ == "RemoteProtocolError" and error.__cause__ is not None

    async def hang_up(self) -> None:
        """Close what httpcore leaves open when it is cancelled in the middle of a TLS handshake."""
        bare, self._bare = self._bare, None
        if bare is not None:
            await bare.aclose()

    def failure(self, error: BaseException) -> Failure:
        """What `error`, which ended this trip, means."""
        # Our own protocol error is a header that cannot be written: it is found out before the first byte goes.
        if self.sent and not isinstance(error, httpx.LocalProtocolError):
            return Failure.UNEXPECTED if self.nonsense else Failure.NO_ANSWER
        return Failure.BAD_CERTIFICATE if self.distrusted else Failure.NOT_REACHED


def _is_distrust(error: BaseException) -> bool:
    """Whether a handshake failed because of who or what is at the other end, not because the line broke."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            return not isinstance(cause, ssl.SSLEOFError | ssl.SSLZeroReturnError | ssl.SSLSyscallError)
        cause = cause.__cause__
    return False


class Wire:
    """A few connections, kept open. Made cheaply; touches no network until the first request."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._client = httpx.AsyncClient(
            verify=context,
            http1=True,
            http2=False,
            trust_env=False,
            follow_redirects=False,
            limits=_LIMITS,
            timeout=httpx.Timeout(
                None
            ),  # the callers' asyncio.timeout bounds the whole, which httpx's own would not
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        )
        self._client.headers.clear()  # each request says what it sends, and nothing else is sent

    async def send(
        self,
        method: str,
        url: httpx.URL | str,
        headers: Mapping[str, str],
        trip: Trip,
        body: bytes | None = None,
    ) -> Reply:
        """One request, one answer. Raises what httpx raises, and sometimes ssl.SSLError: ask `trip` what it means.

        Has no time-out: wrap it in `asyncio.timeout`.
        """
        request = self._client.build_request(
            method,
            _parsed(url) if isinstance(url, str) else url,
            # Identity: we read at most 64 KiB, and a packed body could be a thousand times as long.
            headers={"Accept-Encoding": "identity", **headers},
            content=body,
            extensions={"trace": trip.note},
        )
        try:
            response = await self._client.send(request, stream=True)
        except BaseException:
            await trip.hang_up()
            raise
        content = bytearray()
        too_long = False
        try:
            async for chunk in response.aiter_raw():
                if too_long:
                    continue
                content += chunk
                if len(content) > BODY_LIMIT:
                    # Hang up, and go on reading until the reader notices: a generator that is left in the middle
                    # would be finished by the garbage collector, at a time of its own.
                    too_long = True
                    await response.aclose()
        except httpx.HTTPError:
            if not too_long:
                raise
        finally:
            await response.aclose()
        return Reply(
            response.status_code,
            {name.lower(): value for name, value in response.headers.items()},
            bytes(content[:BODY_LIMIT]),
            too_long=too_long,
        )

    async def close(self) -> None:
        await self._client.aclose()
