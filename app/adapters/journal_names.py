"""Names for this start of the machine and this run of MaskBar, as letters.

The one rule: they tell one from another and nothing else; no name of a machine or a user is in them.
"""

import hashlib
import secrets
import subprocess
import sys
import time
from pathlib import Path

from app.core.audit import letters


def new_run() -> str:
    """A name for this run: 16 letters."""
    return letters(secrets.token_bytes(8))


def boot() -> str:
    """A name for this start of the machine: 16 letters, the same until it starts again.

    Linux and macOS have an id for it. Windows has none that needs no rights: the minute in which it started stands
    for it, so that a corrected clock can change the name (the sequence still tells the order).
    """
    return letters(hashlib.sha256(_boot_id().encode()).digest()[:8])


def _boot_id(platform: str = sys.platform) -> str:
    try:
        if platform == "linux":
            return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
        if platform == "darwin":
            asked = ["/usr/sbin/sysctl", "-n", "kern.bootsessionuuid"]
            return subprocess.run(asked, capture_output=True, text=True, timeout=2, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        pass  # the minute of the start is the next best
    return f"{(time.time() - time.monotonic()) // 60:.0f}"
