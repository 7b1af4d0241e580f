"""The whole program on a stage: the real window and loop, real HTTP, a fault proxy, and a simulator that knows the truth.

The one rule: nothing of the program is replaced. Stories click its buttons and read its View; the simulator judges.
"""

import asyncio
import contextlib
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QPushButton, QWidget
from qasync import QEventLoop

from app.adapters.cxone import CxoneRecorder
from app.adapters.signin import AccessKeySignIn
from app.compose import Program, running
from app.controller import Controller
from app.core.ports import Recorder
from app.core.reminders import Ladder
from app.core.settings import Settings
from app.core.states import Limits, Phase
from app.core.view import View
from app.simulator import tenant
from app.simulator.server import Simulator
from app.ui.window import Window
from tests.fakes import Witnessed
from tests.faultproxy import FaultProxy, Faults

PATIENCE = 10.0
"""Seconds for a step that is bound to come."""

SHORT = Limits(
    deadline=0.4,
    attempt=5.0,
    first_pause=0.02,
    longest_pause=0.1,
    shortest_pause=0.01,
    quiet=0.12,
    evidence_life=60.0,
    chase_pause=0.2,
    chase_for=3.0,
    press_guard=0.0,
)
"""For stories that end by the deadline. An attempt may outlast it: a loaded machine is no reason for another failure."""

PATIENT = replace(SHORT, deadline=20.0, attempt=10.0)
"""For stories that are told before it."""

MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None
"""Where journals are kept in stories: a busy disk must not stretch times that are as short as these."""

Wrap = Callable[[Recorder], Recorder]


@dataclass(frozen=True, slots=True)
class Shown:
    """What the window said, beside what was true at that moment."""

    at: float
    view: View
    truth: str

    @property
    def lie(self) -> bool:
        """Safer than the truth: the card may be taken, and the call is recorded."""
        return self.view.card and self.truth == "recorded"

    @property
    def unseen(self) -> bool:
        """The call is masked, and nothing on the window says that it may be."""
        return self.view.phase is Phase.UNMASKED and self.truth == "masked"


class Paints(QObject):
    """What a label said each time it was really painted."""

    def __init__(self, label: QWidget) -> None:
        super().__init__()
        self.painted: list[str] = []
        label.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Paint:
            self.painted.append(str(watched.property("text")))
        return False


@dataclass
class Stage:
    program: Program
    sim: Simulator
    proxy: FaultProxy | None
    recorder: Witnessed
    shown: list[Shown] = field(default_factory=list)

    @property
    def window(self) -> Window:
        return self.program.window

    @property
    def controller(self) -> Controller:
        return self.program.controller

    @property
    def view(self) -> View:
        return self.program.controller.view

    @property
    def truth(self) -> str:
        return self.sim.world.recording()

    @property
    def requests(self) -> int:
        """Masks and unmasks that reached the service."""
        return sum(1 for r in self.sim.world.truth()["requests"] if r["op"] in ("mask", "unmask"))

    @property
    def sent(self) -> int:
        """Attempts that were begun, whether they have reached the service or not."""
        return self.controller.state.ticket

    @property
    def wire(self) -> FaultProxy:
        """The proxy, of a story that is played through one."""
        assert self.proxy is not None
        return self.proxy

    @property
    def overlaps(self) -> int:
        found: int = self.sim.world.truth()["overlaps_total"]
        return found

    def judge(self, view: View) -> None:
        """Listens to the controller as the window does."""
        self.shown.append(Shown(time.monotonic(), view, self.truth))

    async def soon(self, call: Callable[[], None]) -> None:
        """Call it on the loop as the window system would: QTest handles waiting events, which a task must not."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def act() -> None:
            try:
                call()
            except Exception as error:
                done.set_exception(error)
                if not isinstance(error, AssertionError):
                    raise
            else:
                done.set_result(None)

        asyncio.get_running_loop().call_soon(act)
        await done

    async def click(self, button: QPushButton | None = None) -> None:
        """A mouse click on the window, at the button's middle; the large button if none is named."""
        await self.soon(lambda: click(self.window, button or self.window.button))

    async def until(self, reached: Callable[[View], bool], within: float = PATIENCE) -> View:
        """Wait for it; the View by then. An assertion with what is shown when it does not come."""
        deadline = time.monotonic() + within
        while not reached(self.view):
            assert time.monotonic() < deadline, f"after {within:g} s the window still says {self.view}"
            await asyncio.sleep(0.005)
        return self.view

    async def shows(self, *phases: Phase) -> View:
        return await self.until(lambda view: view.phase in phases)

    async def settles(self) -> View:
        return await self.until(lambda view: not view.phase.pending)

    async def passes(self, seconds: float) -> View:
        """Time that an agent lets pass: for what must *not* happen meanwhile."""
        await asyncio.sleep(seconds)
        return self.view

    async def masked(self) -> None:
        """Mask, before the story begins to go wrong."""
        await self.click()
        await self.shows(Phase.MASKED)

    def differences(self) -> list[str]:
        """Where the window, or what it says to a screen reader, is not the View."""
        window, view = self.window, self.view
        pairs = {
            "word": (window.word.text(), view.word),
            "clock": (window.clock.text(), view.clock),
            "guidance": (window.guidance.text(), view.guidance),
            "button": (window.button.text(), view.button.label),
            "enabled": (window.button.isEnabled(), view.button.enabled),
            "accessible name": (window.accessibleName(), view.spoken),
            "message": (window.happened.isVisible(), view.message is not None and not view.leaving),
            "title": (window.windowTitle().partition(" · ")[0], view.word),
        }
        return [
            f"{name}: {drawn!r}, not {meant!r}" for name, (drawn, meant) in pairs.items() if drawn != meant
        ]

    @property
    def says_take_it(self) -> bool:
        """The window, as it is drawn now, says that the card may be taken: it may lag behind the View."""
        return self.view.card or self.window.word.text() == "MASKED"

    async def same_everywhere(self, within: float = 1.0) -> None:
        """The window draws the View, and says the same to a screen reader. A mask leaves some ms before it is drawn."""
        deadline = time.monotonic() + within
        while found := self.differences():
            assert time.monotonic() < deadline, found
            await asyncio.sleep(0.002)

    @property
    def lies(self) -> list[Shown]:
        return [shown for shown in self.shown if shown.lie]


def click(window: Window, button: QPushButton) -> None:
    """Not from within a task."""
    where = button.mapTo(window, button.rect().center())
    handle = window.windowHandle()
    QTest.mouseClick(handle, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, where)


@contextlib.asynccontextmanager
async def on_stage(
    app: QApplication,
    sim: Simulator,
    proxy: FaultProxy | None,
    journal: Path,
    *,
    limits: Limits = PATIENT,
    remind_after: float = 60.0,
    wrap: Wrap = lambda recorder: recorder,
    signed_in: bool = True,
) -> AsyncIterator[Stage]:
    """The program, running against the simulator through the proxy. `signed_in`: wait until it is ready for a press."""
    settings = Settings(
        base_url=(proxy or sim).url, user_id=tenant.USER_ID, ladder=Ladder(say=remind_after), limits=limits
    )
    witnesses: list[Witnessed] = []
    clients: list[CxoneRecorder] = []

    def witnessed(recorder: Recorder) -> Recorder:
        assert isinstance(recorder, CxoneRecorder)
        clients.append(recorder)
        witnesses.append(Witnessed(wrap(recorder)))
        return witnesses[0]

    async with running(
        app, settings, tenant.ACCESS_KEY_ID, tenant.ACCESS_KEY_SECRET, journal, witnessed
    ) as program:
        stage = Stage(program, sim, proxy, witnesses[0])
        program.controller.listen(stage.judge)
        if signed_in:
            tokens, world = clients[0]._tokens, sim.world
            assert isinstance(tokens, AccessKeySignIn)
            await stage.until(lambda _: tokens.user_id() is not None and world.log.keep_warm > 0)
        yield stage


Story = Callable[[Stage], Awaitable[None]]


@dataclass
class Theatre:
    """Plays one story. The same checks follow each: no lie was shown, no two requests were in flight."""

    loop: QEventLoop
    app: QApplication
    sim: Simulator

    def play(
        self,
        story: Story,
        *,
        call: str | None = "recorded",
        faults: Faults | None = None,
        limits: Limits = PATIENT,
        remind_after: float = 60.0,
        wrap: Wrap = lambda recorder: recorder,
        signed_in: bool = True,
        within: float = 60.0,
    ) -> Stage:
        """`call`: the one that the agent is on at first (recorded, unrecorded, internal), or None.

        `faults`: play it through a fault proxy. The simulator then hears late, or never, that a request was given up,
        so only without a proxy are its overlaps counted.
        """
        self.sim.world.reset()
        if call:
            self.sim.world.start_call(recorded=call != "unrecorded", internal=call == "internal")

        async def play(proxy: FaultProxy | None, journal: Path) -> Stage:
            async with on_stage(
                self.app,
                self.sim,
                proxy,
                journal,
                limits=limits,
                remind_after=remind_after,
                wrap=wrap,
                signed_in=signed_in,
            ) as stage:
                async with asyncio.timeout(within):
                    await story(stage)
            return stage

        keeping = tempfile.TemporaryDirectory(prefix="maskbar-", dir=MEMORY)
        proxying = FaultProxy(port_of(self.sim), faults) if faults else contextlib.nullcontext()
        with keeping as folder, proxying as proxy:
            journal = Path(folder) / "journal.sqlite"
            stage: Stage = self.loop.run_until_complete(play(proxy, journal))
        assert not stage.lies, stage.lies
        assert proxy or stage.overlaps == 0
        assert stage.recorder.most_at_once <= 1
        return stage


def port_of(sim: Simulator) -> int:
    return int(sim.url.rpartition(":")[2])


def with_limits(**changed: float | None) -> Limits:
    return replace(SHORT, **changed)  # type: ignore[arg-type]
