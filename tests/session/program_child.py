"""The whole program against a simulator of its own, behind a proxy that can pull the cable.

Arguments: the journal, and how many seconds after a mask the first reminder comes (the others follow at twice and
three times that); `deaf`: reminders call no attention, as in a program that is broken. Orders: `press`, `minimise`, `hide`, `away` (off every screen), `cable` (pulled),
`leave`, `state`, `quit`.
"""

import asyncio
import sys
from pathlib import Path

from PySide6.QtCore import QSocketNotifier

from app import compose
from app.core.reminders import Ladder, Level
from app.core.settings import Settings
from app.core.states import Limits
from app.core.view import View
from app.simulator import tenant
from app.simulator.server import serve_in_thread
from tests.faultproxy import FaultProxy, Faults


def say(*words: object) -> None:
    print(*words, flush=True)


def main() -> None:
    journal, say_after = Path(sys.argv[1]), float(sys.argv[2])
    with serve_in_thread() as sim, FaultProxy(int(sim.url.rpartition(":")[2])) as proxy:
        sim.world.start_call()
        settings = Settings(
            base_url=proxy.url,
            user_id=tenant.USER_ID,
            ladder=Ladder(say=say_after, alert=2 * say_after, sound=3 * say_after, sound_every=10),
            limits=Limits(press_guard=0.0),
        )

        async def drive(program: compose.Program) -> int:
            window, controller = program.window, program.controller
            attend = (lambda _level: None) if "deaf" in sys.argv else controller.call_attention

            def attention(level: Level) -> None:
                attend(level)
                say("attention", level.name)

            controller.call_attention = attention

            def show(view: View) -> None:
                say(view.phase.value)

            def obey() -> None:
                order = sys.stdin.readline().strip()
                match order:
                    case "press":
                        controller.press()
                    case "minimise":
                        window.showMinimized()
                    case "hide":
                        window.hide()
                    case "away":
                        window.move(5000, 4000)
                    case "cable":
                        proxy.faults = Faults(black_hole=True)
                    case "leave":
                        controller.leave(program.ended.set)
                        say("asked", window.leaving.text())
                    case "state":
                        say("window", int(window.winId()), window.word.text(), window.guidance.text())
                    case _:
                        program.ended.set()
                say("done", order)

            notifier = QSocketNotifier(sys.stdin.fileno(), QSocketNotifier.Type.Read)
            notifier.activated.connect(lambda *_: obey())
            controller.listen(show)
            await asyncio.sleep(0.2)
            say("ready")
            await program.ended.wait()
            return 0

        with compose._loop() as (app, complete):
            complete(
                compose._run(app, settings, tenant.ACCESS_KEY_ID, tenant.ACCESS_KEY_SECRET, journal, drive)
            )


if __name__ == "__main__":
    main()
