"""The composition root: builds the parts, wires them, runs them, and closes them in reverse order of building.

The one rule: only here is it decided which part stands behind which port.
"""

import asyncio
import contextlib
import logging
import random
import secrets
import signal
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from PySide6.QtCore import QEvent, qInstallMessageHandler
from PySide6.QtWidgets import QApplication

import app.adapters.pyside  # noqa: F401  before anything else of ours
from app import NAME, __version__
from app.adapters.application import Application
from app.adapters.clock import SystemClock
from app.adapters.cxone import CxoneRecorder
from app.adapters.instance_lock import Claim
from app.adapters.journal import Journal
from app.adapters.journal_key import file_key, key_file
from app.adapters.journal_last_run import LastRun
from app.adapters.journal_names import boot, new_run
from app.adapters.journal_reading import default_path
from app.adapters.loop import Loop
from app.adapters.network import Network
from app.adapters.readback import CxoneReader
from app.adapters.records import JournalRecords
from app.adapters.signin import AccessKeySignIn
from app.adapters.threads import DaemonThreads
from app.controller import Controller
from app.core.audit import Origin, Scene, letters
from app.core.ports import Recorder
from app.core.recovery import recovered
from app.core.reminders import Ladder, Level
from app.core.settings import Settings
from app.core.states import Limits, Notice, Phase, State
from app.core.view import NOTICES
from app.opening import Filter, Opening, application, first_paint
from app.parts import Parts
from app.ui.window import Calls, Window
from app.watcher import Watcher

if TYPE_CHECKING:
    from app.adapters.training import Training
    from app.surfaces import Surfaces

log = logging.getLogger("maskbar.compose")

Wrap = Callable[[Recorder], Recorder]
"""For tests: a recorder that stands between ours and the controller."""


@dataclass(frozen=True, slots=True)
class Program:
    """The running parts."""

    settings: Settings
    controller: Controller
    window: Window
    ended: asyncio.Event
    """Set by whoever ends the program."""
    surfaces: "asyncio.Future[Surfaces]"
    """Tray, hotkeys and commands, once they are there."""


def open_window(
    opening: Opening, settings: Settings, key_id: str, key_secret: str, claim: Claim | None = None
) -> int:
    """The program behind the window, on the service that the settings name. Returns the exit code.

    `claim`: it is this session's window, and hears its commands.
    """
    journal = default_path()
    with _loop(opening.app) as (app, complete):
        return complete(
            _run(app, settings, key_id, key_secret, journal, _until_ended, claim=claim, opening=opening)
        )


def open_demo(opening: Opening, training: "Training") -> int:
    """The program behind the window, on a simulated call."""
    from app.simulator import tenant

    with _own_journal() as journal, _loop(opening.app) as (app, complete):
        settings = Settings(base_url=training.url, user_id=tenant.USER_ID)
        key = (tenant.ACCESS_KEY_ID, tenant.ACCESS_KEY_SECRET)
        return complete(_run(app, settings, *key, journal, _until_ended, opening=opening))


def open_tour(folder: Path, wrap: Wrap = lambda recorder: recorder) -> int:
    """The window on a simulated call, clicked through by itself. 1 when it ever said something safer than the truth."""
    from app import tour
    from app.adapters.training import Training
    from app.simulator import tenant

    with Training() as training, _own_journal() as journal, _loop() as (app, complete):
        settings = Settings(
            base_url=training.url,
            user_id=tenant.USER_ID,
            ladder=Ladder(say=tour.REMIND_AFTER),
            limits=Limits(deadline=tour.DEADLINE),
        )

        async def drive(program: Program) -> int:
            return await tour.Tour(program.window, program.controller, training, folder).run()

        return complete(
            _run(app, settings, tenant.ACCESS_KEY_ID, tenant.ACCESS_KEY_SECRET, journal, drive, wrap)
        )


@contextlib.contextmanager
def _own_journal() -> Iterator[Path]:
    """The demo's journal is not the agent's."""
    with tempfile.TemporaryDirectory(prefix="maskbar-") as folder:
        yield Path(folder) / "journal.sqlite"


async def _until_ended(program: Program) -> int:
    await program.ended.wait()
    return 0


async def _run(
    app: QApplication,
    settings: Settings,
    key_id: str,
    key_secret: str,
    journal_path: Path,
    use: Callable[[Program], Awaitable[int]],
    wrap: Wrap = lambda recorder: recorder,
    claim: Claim | None = None,
    opening: Opening | None = None,
) -> int:
    async with running(app, settings, key_id, key_secret, journal_path, wrap, claim, opening) as program:
        using = asyncio.ensure_future(use(program))
        ending = asyncio.ensure_future(program.ended.wait())
        await asyncio.wait((using, ending), return_when=asyncio.FIRST_COMPLETED)
        ending.cancel()
        if using.done():
            return using.result()
        await asyncio.sleep(0)  # `use` may be waiting for the same event
        if not using.done():
            using.cancel()
        result = await asyncio.gather(using, return_exceptions=True)
        return result[0] if isinstance(result[0], int) else 0


@contextlib.asynccontextmanager
async def running(
    app: QApplication,
    settings: Settings,
    key_id: str,
    key_secret: str,
    journal_path: Path,
    wrap: Wrap = lambda recorder: recorder,
    claim: Claim | None = None,
    opening: Opening | None = None,
) -> AsyncIterator[Program]:
    """All parts, built in order and closed in reverse. Nothing touches the network before the state is painted.

    `opening`: the window, when it is there already.
    """
    async with contextlib.AsyncExitStack() as stack:
        ended = asyncio.Event()
        opening = opening or stack.enter_context(Opening())
        opening.listen(ended.set)
        stack.enter_context(_quit_sets(app, ended))
        stack.enter_context(_signals_set(ended))

        clock, network = SystemClock(), Network()
        tokens = AccessKeySignIn(key_id, key_secret, url=settings.sign_in_url, network=network, clock=clock)
        stack.push_async_callback(tokens.close)
        recorder = CxoneRecorder(settings.api_url, settings.user_id, tokens, network=network, clock=clock)
        stack.push_async_callback(recorder.close)
        scene = Scene(
            user=settings.user_id,
            service=urlsplit(settings.api_url).hostname or "",
            run=new_run(),
            boot=boot(),
            version=__version__,
        )
        journal = Journal(journal_path, file_key(key_file(journal_path)), clock, scene)
        last = await journal.start()
        stack.push_async_callback(journal.close, 1.0)
        controller = Controller(
            wrap(recorder),
            clock,
            settings,
            chance=random.random,
            new_id=_new_id,
            records=JournalRecords(journal, clock),
            state=_recovered(last, clock, settings),
        )
        stack.push_async_callback(controller.close)

        async def note_incident() -> str:
            incident = await controller.incident()
            QApplication.clipboard().setText(incident.for_supervisor(settings.user_id))
            return NOTICES[Notice.INCIDENT]

        async def incident() -> None:
            await note_incident()

        def close() -> None:
            """The window was closed: the tray keeps it, or the taskbar; it ends only by Quit, or with nothing to lose."""
            if found.done() and found.result().tray.visible:
                return
            if controller.view.phase is Phase.UNMASKED:
                ended.set()
            else:
                window.showMinimized()

        window, place = opening.window, opening.place
        stack.callback(opening.hide)
        window.obey(_calls(controller, ended, close, lambda: controller.spawn(incident(), "incident")))
        journal.listen(lambda trouble: controller.show_fault("journal", trouble.sentence if trouble else ""))

        def call_attention(level: Level) -> None:
            """More than words in the window; it depends on no notification service and no tray."""
            place.bring()
            app.alert(window)
            if level is Level.SOUND:
                app.beep()
            if found.done():
                found.result().tray.remind()

        controller.call_attention = call_attention
        controller.listen(window.show_view)
        controller.begin()
        painted = _painted(window)
        if not opening.ended:
            window.show()
        watcher = Watcher(CxoneReader(recorder), controller, clock, _new_id)
        found: asyncio.Future[Surfaces] = asyncio.get_running_loop().create_future()
        parts = Parts(app, settings, clock, controller, window, place, ended.set, note_incident)
        for work in (
            _keep_warm(recorder, painted, _near(window)),
            _watch(watcher, painted),
            _live(parts, claim, painted, found),
        ):
            stack.push_async_callback(_cancel, asyncio.create_task(work))
        log.info("%s %s runs", NAME, __version__)
        yield Program(settings, controller, window, ended, found)


async def _live(
    parts: Parts, claim: Claim | None, painted: asyncio.Event, found: "asyncio.Future[Surfaces]"
) -> None:
    """The surfaces, from the first paint to the end. What they load is not wanted before."""
    await painted.wait()
    from app.surfaces import surfaces

    async with surfaces(parts, claim) as them:
        found.set_result(them)
        await asyncio.Event().wait()


def _calls(
    controller: Controller, ended: asyncio.Event, close: Callable[[], None], incident: Callable[[], None]
) -> Calls:
    """What the window's buttons do."""
    return Calls(
        foretell=controller.foretell,
        withdraw=controller.withdraw,
        press=controller.press,
        choose=lambda wish: controller.ask(wish, Origin.BUTTON),
        acknowledge=controller.acknowledge,
        put_off=controller.put_off,
        incident=incident,
        close=close,
        leave=lambda: controller.leave(ended.set),
        unmask_and_leave=controller.unmask_and_leave,
        leave_masked=controller.leave_masked,
        stay=controller.stay,
    )


def _recovered(last: LastRun, clock: SystemClock, settings: Settings) -> State | None:
    """Where the run before left the call; None when nothing can be masked."""
    if last.settled:
        return None
    masked_for = None if last.masked_since is None else clock.wall() - last.masked_since
    ended_at = "" if last.at is None else time.strftime("%H:%M", time.localtime(last.at))
    words = f"the last record is of {ended_at}" if ended_at else ""
    return recovered(clock.monotonic(), settings.limits, last.phase, last.wish, masked_for, words)


def _new_id() -> str:
    """For one request. Letters only: no id looks like a card number."""
    return letters(secrets.token_bytes(10))


async def _watch(watcher: Watcher, painted: asyncio.Event) -> None:
    await painted.wait()
    await watcher.run()


async def _keep_warm(recorder: CxoneRecorder, painted: asyncio.Event, near: asyncio.Event) -> None:
    await painted.wait()
    while True:
        await recorder.warm()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(recorder.warm_interval):
                near.clear()
                await near.wait()
                while not recorder.doubtful:
                    near.clear()
                    await near.wait()


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@contextlib.contextmanager
def _loop(
    app: QApplication | None = None,
) -> Iterator[tuple[QApplication, Callable[[Coroutine[None, None, int]], int]]]:
    """One thread, one loop, asyncio on Qt's: the application, and what runs a coroutine to its end."""

    def complete(main: Coroutine[None, None, int]) -> int:
        code: int = loop.run_until_complete(main)
        return code

    app = app or application()
    with Loop(app) as loop:
        asyncio.set_event_loop(loop)
        loop.set_default_executor(DaemonThreads())
        try:
            yield app, complete
        finally:
            loop.run_until_complete(loop.shutdown_asyncgens())
    qInstallMessageHandler(None)


@contextlib.contextmanager
def _quit_sets(app: QApplication, ended: asyncio.Event) -> Iterator[None]:
    """`app.quit()` would stop the loop under the coroutines' `finally`: it sets the event instead."""
    if isinstance(app, Application):
        app.asked = ended.set
        try:
            yield
        finally:
            app.asked = None
        return

    # A test's application.
    def seen() -> bool:
        ended.set()
        return True

    watcher = Filter(QEvent.Type.Quit, seen)
    app.installEventFilter(watcher)
    try:
        yield
    finally:
        app.removeEventFilter(watcher)


@contextlib.contextmanager
def _signals_set(ended: asyncio.Event) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    wanted = (signal.SIGINT, signal.SIGTERM)
    before = [signal.getsignal(number) for number in wanted]
    for number in wanted:
        try:
            loop.add_signal_handler(number, ended.set)
        except NotImplementedError:  # Windows: the handler runs when the loop next wakes
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(ended.set))
    try:
        yield
    finally:
        for number, handler in zip(wanted, before, strict=True):
            with contextlib.suppress(NotImplementedError):
                loop.remove_signal_handler(number)
            signal.signal(number, handler)


def _near(window: Window) -> asyncio.Event:
    """Set whenever a press may be near: the pointer comes, or the window is shown or brought up."""
    near = asyncio.Event()

    def seen() -> bool:
        near.set()
        return False

    for kind in (QEvent.Type.Enter, QEvent.Type.Show, QEvent.Type.WindowActivate):
        watcher = Filter(kind, seen)
        watcher.setParent(window)
        window.installEventFilter(watcher)
    return near


def _painted(window: Window) -> asyncio.Event:
    """Set once the window has been painted as it is now."""
    painted = asyncio.Event()
    loop = asyncio.get_running_loop()

    def seen() -> None:
        loop.call_soon(painted.set)  # after the paint itself

    first_paint(window, seen)
    return painted
