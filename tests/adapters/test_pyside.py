"""PySide6 does not read, and the program does not keep, the source of every module that is loaded."""

import json
import os
import subprocess
import sys


def test_no_source_is_kept() -> None:
    """PySide6 may look at its own few modules, which come before ours."""
    code = (
        "import json, linecache, app.compose, app.surfaces, app.adapters.wire\n"
        "print(json.dumps([sorted(linecache.cache), sum(len(entry[2]) for entry in linecache.cache.values())]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, env={**os.environ}
    )
    assert done.stderr == ""
    files, lines = json.loads(done.stdout)
    assert lines < 10_000, files
