"""The client on the loop that the program really uses: qasync's, in a process of its own."""

import subprocess
import sys
from pathlib import Path

from tests.adapters.test_tls import CA, GOOD
from tests.pages import Page, Pages, Seen

STORY = """
import asyncio, ssl, sys, warnings
warnings.simplefilter("error")
import PySide6.QtCore as QtCore
import qasync
from app.adapters.cxone import CxoneRecorder
from app.adapters.network import Network
from app.adapters.signin import StaticToken
from app.core.ports import Wish

url, roots = sys.argv[1:]

def trusting():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(roots)
    return context

async def story():
    recorder = CxoneRecorder(url, "1", StaticToken("t"), network=Network(trusting))
    await recorder.warm()
    for name in ("good", "large", "half", "hangs", "good"):
        answer = await recorder.ask(Wish.MASK, name, 1.0 if name == "hangs" else 10.0)
        print(name, answer.failure.name if answer.failure else "confirmed")
    await recorder.close()
    left = asyncio.all_tasks() - {asyncio.current_task()}
    print("left:", len(left))

application = QtCore.QCoreApplication([])
loop = qasync.QEventLoop(application)
asyncio.set_event_loop(loop)
loop.slow_callback_duration = 10  # a busy machine is not the client's fault
with loop:
    loop.run_until_complete(story())
"""


def behave(request: Seen) -> Page:
    name = request.headers.get("x-request-id", "")
    return {
        "large": Page(200, b"x" * 1_000_000),
        "half": Page(200, b"ok", cut=39),
        "hangs": Page(hang=True),
    }.get(name, Page())


def test_the_client_works_on_qasync_and_leaves_nothing_behind(tmp_path: Path) -> None:
    roots = tmp_path / "roots.pem"
    CA.cert_pem.write_to_path(roots)
    with Pages(behave, tls=GOOD) as pages:
        done = subprocess.run(
            [sys.executable, "-X", "dev", "-c", STORY, pages.url, str(roots)],
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert done.stderr == ""
    assert done.stdout.split("\n")[:-1] == [
        "good confirmed",
        "large UNEXPECTED",
        "half NO_ANSWER",
        "hangs NO_ANSWER",
        "good confirmed",
        "left: 0",
    ]
