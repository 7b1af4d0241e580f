"""The application on the program's own loop: `quit` only asks, and an idle program has nothing to wake for."""

import subprocess
import sys

CODE = """
import asyncio
from PySide6.QtCore import QTimer
from PySide6.QtGui import QPixmap, QPixmapCache
from app.adapters.application import Application
from app.adapters.loop import Loop

async def story():
    ended = asyncio.Event()
    application.asked = ended.set
    try:
        QTimer.singleShot(0, application.quit)
        await asyncio.wait_for(ended.wait(), 5)
        await asyncio.sleep(0.05)
        return "asked, and the loop goes on"
    finally:
        await asyncio.sleep(0)

application = Application(["x"])
with Loop(application) as loop:
    asyncio.set_event_loop(loop)
    print(loop.run_until_complete(story()))
    print(QPixmapCache.insert("name", QPixmap(16, 16)))
"""


def test_quit_asks_and_nothing_drawn_is_kept() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", CODE], capture_output=True, text=True, timeout=60
    )
    assert (done.stdout, done.stderr) == ("asked, and the loop goes on\nFalse\n", "")
