"""The installed PySide6 must not lose references: 6.12.0 does on Python 3.10 and 3.11.

There each call that returns None or bool takes one reference too many, and the interpreter aborts after some
thousands of calls; an ordinary suite does not make enough of them to notice. Tried on 6.8.3 to 6.12.0.
"""

import subprocess
import sys

PROBE = """
from PySide6.QtCore import QObject
thing = QObject()
for _ in range(20_000):
    thing.setObjectName("x")
    thing.blockSignals(False)
print("survived")
"""


def test_forty_thousand_calls_lose_no_reference() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROBE], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout.strip()) == (0, "survived"), done.stderr
