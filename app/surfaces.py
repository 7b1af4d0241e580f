"""The ways to MaskBar beside its window: tray, hotkeys, command line; and what the desktop's session tells it.

The one rule: each of them can be missing without harm. What is missing is said, and the window does all of it too.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from app.adapters.desktop import hotkey, session, tray_host
from app.adapters.instance import Claim, Desk, serve
from app.controller import DRAW_AFTER, Controller
from app.core.audit import Origin
from app.core.ports import Wish
from app.core.reminders import Level
from app.core.shortcut import Action
from app.parts import Parts
from app.ui.tray import Tray, TrayCalls


@dataclass(frozen=True, slots=True)
class Surfaces:
    """What lives."""

    tray: Tray
    hotkeys: hotkey.Hotkeys
    binding: "asyncio.Task[hotkey.Results]"
    """What became of each combination that is set, when it is known."""


@asynccontextmanager
async def surfaces(parts: Parts, claim: Claim | None) -> AsyncIterator[Surfaces]:
    """All of them, closed in reverse. Without a claim on the session no commands are heard."""
    controller = parts.controller
    async with AsyncExitStack() as stack:
        stack.enter_context(session.hang_up_ignored())
        stack.enter_context(session.ending(parts.app, parts.end))
        told = session.choose(parts.window, locked=lambda: None, unlocked=lambda: _welcome_back(controller))
        stack.callback(told.close)
        if claim:
            talk = await stack.enter_async_context(serve(claim, _desk(parts)))
            stack.callback(controller.listen(talk.show_view))
        tray = Tray(_tray_calls(parts))
        stack.callback(tray.close)
        stack.callback(controller.listen(tray.show_view))

        def tray_changed(_there: bool) -> None:
            tray.start()  # Qt picks StatusNotifier or XEmbed when the icon is made
            if not tray.visible and not parts.window.isVisible():
                parts.window.showMinimized()  # never out of reach

        host = tray_host.TrayHost(tray_changed)
        stack.callback(host.close)
        tray.start()
        raising = _Raising(parts.place.bring)
        stack.callback(raising.close)
        hotkeys = hotkey.choose()
        stack.push_async_callback(hotkeys.close)
        binding = asyncio.create_task(_bind(parts, hotkeys, raising), name="hotkeys")
        stack.push_async_callback(_cancel, binding)
        yield Surfaces(tray, hotkeys, binding)


class _Raising:
    """Brings the window after what was asked for has left: raising it takes as long as sending a request."""

    def __init__(self, bring: Callable[[], None]) -> None:
        self._bring = bring
        self._timer: asyncio.TimerHandle | None = None

    def soon(self) -> None:
        self.close()
        self._timer = asyncio.get_running_loop().call_later(DRAW_AFTER, self._bring)

    def close(self) -> None:
        if self._timer:
            self._timer.cancel()


async def _bind(parts: Parts, hotkeys: hotkey.Hotkeys, raising: _Raising) -> hotkey.Results:
    """Beside everything else: a desktop may ask the agent first, which takes as long as the agent does."""

    def tell(results: hotkey.Results) -> None:
        reasons = [result.reason for result in results.values() if isinstance(result, hotkey.Unavailable)]
        parts.controller.show_fault("hotkeys", " ".join(dict.fromkeys(reasons)))

    results = await hotkeys.start(
        parts.settings.hotkeys, lambda action: _pressed(parts, action, raising), tell
    )
    tell(results)
    return results


async def _cancel(task: "asyncio.Task[hotkey.Results]") -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def _pressed(parts: Parts, action: Action, raising: _Raising) -> None:
    """A hotkey is answered in sight, also when the window is out of sight."""
    match action:
        case Action.MASK | Action.UNMASK:
            parts.controller.ask(Wish(action.value), Origin.HOTKEY)
        case Action.TOGGLE:
            parts.controller.press(Origin.HOTKEY)
        case Action.SHOW:
            parts.place.come()
            return
    raising.soon()


def _welcome_back(controller: Controller) -> None:
    """The agent could not see or hear the reminders: say it loudly now."""
    if controller.view.reminding > Level.QUIET:
        controller.call_attention(Level.SOUND)


def _leave(parts: Parts) -> str:
    """End, or ask in the window first; the question, "" when it ends."""
    parts.controller.leave(parts.end)
    if parts.controller.view.leaving:
        parts.place.come()
    return parts.controller.view.leaving


def _tray_calls(parts: Parts) -> TrayCalls:
    return TrayCalls(
        choose=lambda wish: parts.controller.ask(wish, Origin.TRAY),
        put_off=parts.controller.put_off,
        incident=lambda: parts.controller.spawn(_forget(parts.note_incident()), "incident"),
        show=parts.place.come,
        leave=lambda: _forget_words(_leave(parts)),
    )


def _desk(parts: Parts) -> Desk:
    controller = parts.controller
    return Desk(
        look=lambda: (controller.state, controller.view),
        ask=lambda wish: controller.ask(wish, Origin.COMMAND),
        press=lambda: controller.press(Origin.COMMAND),
        show=parts.place.come,
        leave=lambda: _leave(parts),
        clock=parts.clock,
        agent=parts.settings.user_id,
        incident=parts.note_incident,
        may_unmask=parts.settings.command_unmask,
    )


async def _forget(work: Awaitable[str]) -> None:
    await work


def _forget_words(_: str) -> None:
    """The window shows them."""
