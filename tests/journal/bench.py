"""Press to request at the server, with the journal and without, in turn on the same machine.

    python -m tests.journal.bench [FOLDER [TIMES [qt]]]

The server is a process of its own that notes when the request's first bytes are there. Prints medians in ms.
"""

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from app.adapters.cxone import CxoneRecorder
from app.adapters.journal import Journal
from app.adapters.journal_key import file_key, key_file
from app.adapters.journal_names import boot, new_run
from app.adapters.wire import Trip
from app.core.audit import Entry, Kind, Moment, Origin, Scene
from app.core.ports import Wish

SERVER = """
import socket, sys, time
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
peer, _ = listener.accept()
peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
waiting = b""
while True:
    data = peer.recv(65536)
    now = time.monotonic()
    if not data:
        break
    waiting += data
    if b"\\r\\n\\r\\n" not in waiting:
        continue
    if waiting.startswith(b"POST"):
        print(now, flush=True)
    waiting = b""
    peer.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\nContent-Type: application/json\\r\\n\\r\\n{}")
"""


class Tokens:
    async def token(self, refused: str | None = None) -> str:
        return "t"


class Clock:
    def wall(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()

    def asleep(self) -> float:
        return 0.0


class Gate:
    """Holds the request's first byte until its record is durable: the disk works while the request is made ready.

    httpcore awaits its trace right before it writes, which is where the adapter could wait, too.
    """

    def __init__(self, journal: Journal) -> None:
        self.record: asyncio.Future[int] | None = None
        note = Trip.note

        async def gated(trip: Trip, event: str, info: Mapping[str, Any]) -> None:
            if event == "http11.send_request_headers.started" and self.record is not None:
                assert await journal.settled(self.record, within=5.0)
                self.record = None
            await note(trip, event, info)

        Trip.note = gated  # type: ignore[method-assign,assignment]


async def measure(folder: Path, times: int, arrivals: IO[str]) -> None:
    port = int(arrivals.readline())
    recorder = CxoneRecorder(f"http://127.0.0.1:{port}", "agent-7", Tokens())
    path, clock = folder / "journal" / "journal.sqlite", Clock()
    scene = Scene("agent-7", "desk", "127.0.0.1", new_run(), boot(), "0.1.0")
    journal = Journal(path, file_key(key_file(path)), clock, scene)
    await journal.start()
    gate = Gate(journal)
    await recorder.ask(Wish.MASK, "first", 5.0)
    arrivals.readline()
    took: dict[str, list[float]] = {"without": [], "with": [], "overlapped": [], "durable alone": []}
    for number in range(times):
        for how, into in took.items():
            await asyncio.sleep(0.004)
            at = Moment(clock.wall(), clock.monotonic())
            intent = Entry(Kind.INTENT, at, scene, origin=Origin.BUTTON, operation=Wish.MASK, ticket=number)
            began = time.monotonic()
            if how == "without":
                await recorder.ask(Wish.MASK, f"corr-{number}", 5.0)
                into.append(float(arrivals.readline()) - began)
                continue
            if how == "overlapped":
                gate.record = journal.put(intent)
                await recorder.ask(Wish.MASK, f"corr-{number}", 5.0)
                into.append(float(arrivals.readline()) - began)
                continue
            assert await journal.durable(intent, within=5.0)
            if how == "with":
                await recorder.ask(Wish.MASK, f"corr-{number}", 5.0)
                into.append(float(arrivals.readline()) - began)
            else:
                into.append(time.monotonic() - began)
    await journal.close()
    await recorder.close()
    print(f"{folder}: load {os.getloadavg()[0]:.1f}, {times} presses each")
    for how, all_of_it in took.items():
        ms = sorted(second * 1000 for second in all_of_it)
        print(
            f"  {how:14} median {ms[len(ms) // 2]:6.3f}   p99 {ms[int(len(ms) * 0.99)]:6.3f}   max {ms[-1]:6.3f}"
        )
    middle = {how: sorted(all_of_it)[times // 2] for how, all_of_it in took.items()}
    for how in ("with", "overlapped"):
        print(f"  {how} / without: {middle[how] / middle['without']:.2f}")


def main() -> None:
    base = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.gettempdir())
    times = int(sys.argv[2]) if len(sys.argv) > 2 else 300
    command = [sys.executable, "-c", SERVER]
    with (
        tempfile.TemporaryDirectory(dir=base) as folder,
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server,
    ):
        assert server.stdout is not None
        if "qt" in sys.argv:
            os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
            import qasync
            from PySide6.QtWidgets import QApplication

            with qasync.QEventLoop(QApplication([])) as loop:
                loop.run_until_complete(measure(Path(folder), times, server.stdout))
        else:
            asyncio.run(measure(Path(folder), times, server.stdout))


if __name__ == "__main__":
    main()
