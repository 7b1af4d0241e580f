"""The simulated service in a process of its own, and its control path: for the demo and the tour.

The one rule: it never outlives us; it ends when our end of its input closes, however we end.
"""

import json
import subprocess
import sys
from types import TracebackType
from typing import Any
from urllib.parse import urlencode

START_LIMIT = 15.0
"""Seconds within which it must say that it listens."""


class Training:
    """A context manager: the process lives as long as the block."""

    def __init__(self, scenario: str = "instant") -> None:
        """Starts at once, and does not wait: `url` does."""
        command = [sys.executable] if getattr(sys, "frozen", False) else [sys.executable, "-m", "app"]
        self._process = subprocess.Popen(
            [*command, "simulate", "--port", "0", "--scenario", scenario, "--exit-with-parent"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._url = ""

    @property
    def url(self) -> str:
        """Where it listens. Waits for it; raises RuntimeError when it does not come up."""
        if not self._url:
            assert self._process.stdout is not None  # noqa: S101  it was asked for above
            line = self._process.stdout.readline()
            if not line.startswith("listening "):
                raise RuntimeError("the simulated service did not start")
            self._url = line.split()[1]
        return self._url

    def control(self, path: str, **values: Any) -> dict[str, Any]:
        """POST to `/_sim/{path}`. Blocks: from a thread only. Raises OSError."""
        return self._call(f"/_sim/{path}", json.dumps(values).encode())

    def truth(self, user_id: str) -> dict[str, Any]:
        """What is really recorded. Blocks: from a thread only. Raises OSError."""
        return self._call(f"/_sim/truth?{urlencode({'userId': user_id})}")

    def _call(self, path: str, body: bytes | None = None) -> dict[str, Any]:
        from urllib.request import Request, urlopen  # half as much as Qt: not before the first picture

        request = Request(self.url + path, body, {"Content-Type": "application/json"})  # noqa: S310  loopback
        with urlopen(request, timeout=10) as answer:  # noqa: S310  the same
            found: dict[str, Any] = json.load(answer)
            return found

    def __enter__(self) -> "Training":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                pipe.close()
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
