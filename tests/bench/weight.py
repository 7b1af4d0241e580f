"""What a process weighs, and how often it wakes, as Linux tells it.

The one rule: what other programs happen to do on this machine changes nothing in the numbers.
"""

import re
import sys
from dataclasses import dataclass
from pathlib import Path

_RANGE = re.compile(r"[0-9a-f]+-[0-9a-f]+ ")


def own_memory(pid: int) -> float:
    """MB (10^6 bytes) that would be free again if the process ended: its USS on a machine where it is alone.

    USS leaves out the pages of a library that another process has mapped too. So a second program with PySide6 (another
    run of the bench, a test) would take 20 MB off the number: what comes from our environment counts as ours.
    """
    total, ours = 0, False
    for line in Path(f"/proc/{pid}/smaps").read_text(encoding="utf-8", errors="replace").splitlines():
        if _RANGE.match(line):
            path = line.split(None, 5)[5:]
            ours = bool(path) and path[0].startswith(sys.prefix)
        elif line.startswith(("Private_Clean", "Private_Dirty")) or (ours and line.startswith("Shared_")):
            total += int(line.split()[1])
    return total * 1024 / 1e6


@dataclass(frozen=True, slots=True)
class Wakes:
    """Since the process began. `times`: how often any of its threads slept and was woken; `threads`: how many it has."""

    times: int
    threads: int
    by_thread: dict[str, int]

    def since(self, before: "Wakes") -> dict[str, int]:
        """By thread, of those that woke at all."""
        found = {name: times - before.by_thread.get(name, 0) for name, times in self.by_thread.items()}
        return {name: times for name, times in found.items() if times}


def wakes(pid: int) -> Wakes:
    by_thread = {}
    for task in Path(f"/proc/{pid}/task").iterdir():
        said = dict(
            line.split(":", 1)
            for line in (task / "status").read_text(encoding="utf-8").splitlines()
            if ":" in line
        )
        by_thread[f"{said['Name'].strip()} {task.name}"] = int(said["voluntary_ctxt_switches"])
    return Wakes(sum(by_thread.values()), len(by_thread), by_thread)
