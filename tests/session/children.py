"""Programs of ours that run beside the test: they take orders, and say what happens, one line each."""

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.desktop.screen import until

ROOT = Path(__file__).parents[2]


class Child:
    def __init__(self, process: subprocess.Popen[str], told: Path) -> None:
        self.process = process
        self._told = told

    @property
    def lines(self) -> list[str]:
        """All that it has said so far."""
        return self._told.read_text(encoding="utf-8").splitlines()

    def expect(self, line: str, since: int = 0) -> None:
        """It says so, now or later, not counting the first `since` lines."""
        until(lambda: line in self.lines[since:], f"it says {line!r}, not only {self.lines[since:]}")

    def order(self, words: str) -> list[str]:
        """Give it and wait until it is done; what was said meanwhile."""
        before = len(self.lines)
        done = f"done {words.split(maxsplit=1)[0]}"
        assert self.process.stdin
        self.process.stdin.write(f"{words}\n")
        self.process.stdin.flush()
        until(lambda: done in self.lines[before:], f"{words!r} is done; {self.lines}")
        return self.lines[before:]


@contextlib.contextmanager
def start(
    module: str, *arguments: str, env: dict[str, str], folder: Path, killed: bool = False
) -> Iterator[Child]:
    """Run `python -m tests.session.module`. What it writes on stderr fails the test, unless it is to be `killed`."""
    told, trouble = folder / f"{module}.said", folder / f"{module}.trouble"
    with told.open("w") as out, trouble.open("w") as err:
        process = subprocess.Popen(
            (sys.executable, "-m", f"tests.session.{module}", *arguments),
            cwd=ROOT,
            env=env,
            stdin=subprocess.PIPE,
            stdout=out,
            stderr=err,
            text=True,
        )
    child = Child(process, told)
    try:
        until(lambda: "ready" in child.lines or process.poll() is not None, f"{module} is ready")
        yield child
        if process.poll() is None:
            child.order("quit")
            process.wait(5)
    finally:
        if process.poll() is None:
            process.kill()
        with contextlib.suppress(BrokenPipeError):
            process.communicate()
    if not killed:
        assert trouble.read_text(encoding="utf-8") == ""
        assert process.returncode == 0
