"""The other end of the wire for the measurements: a process of its own that writes down when each request came.

The one rule: the first byte of a request is stamped before anything else is done with it. The clock is the machine's
monotonic one, which all processes share on Linux; where they do not, the measure is not taken.

It speaks just enough HTTP/1.1: a request is a head and as many bytes as its Content-Length says.
"""

import contextlib
import json
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.request import urlopen

TOKEN = json.dumps({"access_token": "bench", "token_type": "Bearer", "expires_in": 86400})
FAR_AWAY = 0.03
"""Seconds until a ping is answered, as on a real line: an answer at once would come before the other end had slept."""
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Stamp:
    """When (ns, monotonic) the first byte of a request came, and what it was."""

    at: int
    method: str
    path: str


@dataclass(frozen=True, slots=True)
class Far:
    """A running server."""

    url: str

    def stamps(self) -> list[Stamp]:
        """All requests since the last time that this was asked, in the order in which they came."""
        with urlopen(f"{self.url}/stamps", timeout=10) as answer:  # noqa: S310  loopback
            return [Stamp(*row) for row in json.load(answer)]


@contextlib.contextmanager
def far() -> Iterator[Far]:
    """A server in a process of its own, for as long as the block lasts."""
    process = subprocess.Popen(
        [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin
    assert process.stdout
    try:
        yield Far(process.stdout.readline().strip())
    finally:
        process.stdin.close()
        process.wait(10)
        process.stdout.close()


def _serve(connection: socket.socket, stamps: list[tuple[int, str, str]]) -> None:
    with connection, contextlib.suppress(OSError):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while data := connection.recv(65536):
            at = time.monotonic_ns()
            while b"\r\n\r\n" not in data:
                data += connection.recv(65536)
            head, _, body = data.partition(b"\r\n\r\n")
            length = int(found[1]) if (found := _LENGTH.search(head)) else 0
            while len(body) < length:
                body += connection.recv(65536)
            method, target, _ = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ", 2)
            path = target.partition("?")[0]
            if path == "/stamps":
                said, stamps[:] = json.dumps(stamps), []
            else:
                stamps.append((at, method, path))
                said = TOKEN if path.startswith("/authentication") else ""
            if method == "HEAD":
                time.sleep(FAR_AWAY)
            # Nobody may read back here: MaskBar asks once, and then no more.
            status = "403 Forbidden" if method == "GET" and path != "/stamps" else "200 OK"
            kind = "Content-Type: application/json"
            answer = f"HTTP/1.1 {status}\r\n{kind}\r\nContent-Length: {len(said)}\r\n\r\n"
            connection.sendall((answer + ("" if method == "HEAD" else said)).encode())


def main() -> None:
    stamps: list[tuple[int, str, str]] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:
        print(f"http://127.0.0.1:{listening.getsockname()[1]}", flush=True)

        def accept() -> None:
            while True:
                connection, _ = listening.accept()
                threading.Thread(target=_serve, args=(connection, stamps), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        sys.stdin.read()  # until our parent closes it, however it ends


if __name__ == "__main__":
    main()
