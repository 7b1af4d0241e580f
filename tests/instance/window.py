"""A window without a picture, as a process: the real controller and the real channel over a recorder made for tests.

    python -m tests.instance.window LOOP BEHAVIOUR [WHAT_IS_BROKEN …]

LOOP: asyncio, qasync (the program's), pipe (qasync with Windows' transport), or a number of windows, each a process
for a display of its own, from :0 on. BEHAVIOUR: confirms, refuses, hangs,
no-call. Prints `ready` when it listens, and one line for each wish that reached the recorder. It ends by `quit`.

WHAT_IS_BROKEN makes the clients that the tests must catch: `no-peer-check`, `loose-folder`, `any-op`, `no-lock`.
"""

import asyncio
import os
import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

from app.adapters import instance, instance_lock, instance_talk, instance_unix
from app.adapters.clock import SystemClock
from app.adapters.instance_place import Place
from app.adapters.instance_words import Request
from app.controller import Controller
from app.core.audit import Origin
from app.core.failures import Failure
from app.core.ports import Answer, Wish
from app.core.settings import Settings

ANSWERS = {
    "confirms": Answer(confirmed=True, status=200),
    "refuses": Answer(failure=Failure.NOT_ALLOWED, status=403),
    "no-call": Answer(failure=Failure.NO_CALL, status=404),
}


class TestRecorder:
    __test__ = False

    def __init__(self, behaviour: str) -> None:
        self._behaviour = behaviour

    async def ask(self, wish: Wish, correlation_id: str, limit: float) -> Answer:
        print(f"asked {wish.value}", flush=True)
        if self._behaviour == "hangs":
            await asyncio.sleep(limit)
            return Answer(failure=Failure.NO_ANSWER)
        await asyncio.sleep(0.05)
        return ANSWERS[self._behaviour]

    async def warm(self) -> None:
        return None

    async def close(self) -> None:
        return None


def channel(
    claim: instance.Claim, desk: instance.Desk, loop: str, broken: list[str]
) -> AbstractAsyncContextManager[instance.Talk]:
    if loop != "pipe" and not broken:
        return instance.serve(claim, desk)
    from contextlib import asynccontextmanager

    @asynccontextmanager
    async def serving() -> Any:
        talk = instance.Talk(desk)
        at: AbstractAsyncContextManager[None]
        if loop == "pipe":
            from app.adapters.instance_pipe import listening

            at = listening(claim.place.socket, talk, lambda _: True)
        elif "no-peer-check" in broken:
            at = instance_unix.listening(claim.place.socket, talk, lambda _: True)
        else:
            at = instance_unix.listening(claim.place.socket, talk)
        async with at:
            if "loose-folder" in broken:
                open_for_all(claim.place)
            yield talk

    return serving()


async def run(loop: str, behaviour: str, broken: list[str]) -> None:
    if "any-op" in broken:
        vars(instance_talk)["parse"] = believes_anything
    if "no-lock" in broken:
        vars(instance_lock)["_locked"] = lambda _: True
    settings = Settings(user_id=f"agent-{os.environ.get('DISPLAY', '')}")
    settings = replace(settings, limits=replace(settings.limits, deadline=1.0, attempt=0.8))
    clock = SystemClock()
    controller = Controller(TestRecorder(behaviour), clock, settings, chance=lambda: 0.5, new_id=lambda: "id")
    ended = asyncio.Event()

    def leave() -> str:
        if controller.state.masked_since is not None:
            return "The call is still masked."
        ended.set()
        return ""

    async def incident() -> str:
        return "Put down."

    desk = instance.Desk(
        look=lambda: (controller.state, controller.view),
        ask=lambda wish: controller.ask(wish, Origin.COMMAND),
        press=lambda: controller.press(Origin.COMMAND),
        show=lambda: print("shown", flush=True),
        leave=leave,
        clock=clock,
        agent=settings.user_id,
        incident=incident,
        may_unmask="no-unmask" not in broken,
    )
    claim = instance.take_claim()
    if claim is None:
        print("taken", flush=True)
        return
    with claim:
        async with channel(claim, desk, loop, [it for it in broken if it != "no-unmask"]) as talk:
            controller.listen(talk.show_view)
            os.write(1, b"ready\n")  # at once: forty of them write to one pipe
            await ended.wait()
    await controller.close()


def open_for_all(place: Place) -> None:
    Path(place.folder).parent.chmod(0o755)
    Path(place.folder).chmod(0o777)
    Path(place.socket).chmod(0o666)


def believes_anything(raw: bytes) -> Request:
    """A parser as one writes it in a hurry."""
    for op in ("mask", "unmask", "toggle", "quit"):
        if op.encode() in raw:
            return Request(op)
    return Request("status")


def main(loop: str, behaviour: str, *broken: str) -> None:
    todo: Callable[[], Any] = lambda: run(loop, behaviour, list(broken))  # noqa: E731
    if loop == "asyncio":
        asyncio.run(todo())
        return
    if loop.isdecimal():
        for number in range(int(loop)):
            if os.fork() == 0:
                os.environ["DISPLAY"] = f":{number}"
                asyncio.run(todo())
                os._exit(0)
        while True:
            try:
                os.wait()
            except ChildProcessError:
                return
    from PySide6.QtCore import QCoreApplication
    from qasync import QEventLoop

    application = QCoreApplication([])
    with QEventLoop(application) as qloop:
        asyncio.set_event_loop(qloop)
        qloop.run_until_complete(todo())


if __name__ == "__main__":
    main(*sys.argv[1:])
