"""Global hotkeys: what they are to the rest of the program, and which of this desktop's ways registers them.

The one rule: a combination is registered with the system, which then tells us of that one and of no other key.
Where no way works it is said why, and what works instead.
"""

import asyncio
import logging
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from app.core.shortcut import Action, Shortcut

log = logging.getLogger("maskbar.hotkey")


class Code(Enum):
    """Why a hotkey is not there, for `status` and `doctor`."""

    TAKEN = "taken"
    """Another program has the combination."""
    TWICE = "twice"
    """Another of our own actions has it."""
    NO_KEY = "no-key"
    """The keyboard has no such key."""
    REFUSED = "refused"
    """The desktop, or the agent when it asked, said no."""
    UNASSIGNED = "unassigned"
    """The desktop knows the action and has no keys for it."""
    GONE = "gone"
    """It was there; what registered it went away."""
    NO_WAY = "no-way"
    """This desktop has no way that we can use."""


@dataclass(frozen=True, slots=True)
class Bound:
    """The hotkey works. `words` is what the agent presses, as this system spells it.

    With `configurable` the desktop's own settings edit the keys, and what we asked for was only a proposal.
    """

    words: str
    configurable: bool = False


@dataclass(frozen=True, slots=True)
class Unavailable:
    """The hotkey that was asked for does not work; `reason` in whole sentences.

    `kept` is the combination that this action had before and still has.
    """

    reason: str
    code: Code
    kept: Shortcut | None = None


Bindings = Mapping[Action, Shortcut]
Results = Mapping[Action, Bound | Unavailable]
Pressed = Callable[[Action], None]
Changed = Callable[[Results], None]


class NoWayError(Exception):
    """This way of registering does not exist here; the text is the reason, a whole sentence."""


class Hotkeys(Protocol):
    """One way of registering combinations. Used from the loop's thread; calls back on it."""

    async def start(self, bindings: Bindings, pressed: Pressed, changed: Changed) -> Results:
        """Register the combinations; the results are for exactly the actions in `bindings`.

        `pressed` is called once per press, however long the keys are held. `changed` is called with all results
        when one of them changed by itself. Raises NoWayError.
        """
        ...

    async def change(self, bindings: Bindings) -> Results:
        """Register these instead: what an action had is let go only after the new one is registered."""
        ...

    async def configure(self) -> bool:
        """Open the desktop's own settings for our keys. False where it has none that we can open."""
        ...

    async def close(self) -> None:
        """Let go of everything. Afterwards nothing is called."""
        ...


Way = Callable[[], Hotkeys]


class FirstThatWorks:
    """Hotkeys by the first of some ways that exists here. Loads and starts nothing until a combination is wanted."""

    def __init__(self, ways: Sequence[Way], instead: str) -> None:
        """`instead` is the sentence that tells what to do where no way works."""
        self._ways = ways
        self._instead = instead
        self._used: Hotkeys | None = None
        self._tried: Hotkeys | None = None
        """The one that is starting, perhaps while the desktop asks the agent: it is closed too."""
        self._one_at_a_time = asyncio.Lock()
        self._closed = False
        self._pressed: Pressed = lambda _action: None
        self._changed: Changed = lambda _results: None

    async def start(self, bindings: Bindings, pressed: Pressed, changed: Changed) -> Results:
        self._pressed, self._changed = pressed, changed
        return await self.change(bindings)

    async def change(self, bindings: Bindings) -> Results:
        async with self._one_at_a_time:
            if self._used:
                return await self._used.change(bindings)
            return await self._start_one(bindings) if bindings else {}

    async def configure(self) -> bool:
        return self._used is not None and await self._used.configure()

    async def close(self) -> None:
        self._closed = True
        hotkeys, self._used, self._tried = self._used or self._tried, None, None
        if hotkeys:
            await hotkeys.close()

    async def _start_one(self, bindings: Bindings) -> Results:
        reasons = []
        for way in self._ways:
            if self._closed:
                break
            self._tried = hotkeys = way()
            try:
                results = await hotkeys.start(bindings, self._pressed, self._changed)
            except NoWayError as error:
                log.info("%s: %s", type(hotkeys).__name__, error)
                reasons.append(str(error))
            else:
                log.info("hotkeys by %s", type(hotkeys).__name__)
                self._used = hotkeys
                return results
        self._tried = None
        reason = " ".join([*(reasons or ["This system has no hotkeys that MaskBar can use."]), self._instead])
        return dict.fromkeys(bindings, Unavailable(reason, Code.NO_WAY))


def choose(platform: str = sys.platform, environ: Mapping[str, str] = os.environ) -> Hotkeys:
    """The ways of this desktop, best first."""
    return FirstThatWorks(_ways(platform, environ), how_to_bind(platform, environ))


def _ways(platform: str, environ: Mapping[str, str]) -> list[Way]:
    if platform == "win32":
        return [_windows]
    if platform == "darwin":
        return [_macos]
    if is_wayland(environ):
        # XWayland is no way at all: a grab there sees the keys of X11 windows and misses those of all others.
        return [_portal]
    return [_x11, _portal] if environ.get("DISPLAY") else [_portal]


def is_wayland(environ: Mapping[str, str]) -> bool:
    kind = environ.get("XDG_SESSION_TYPE", "")
    return bool(environ.get("WAYLAND_DISPLAY")) or kind == "wayland"


def how_to_bind(platform: str, environ: Mapping[str, str]) -> str:
    """What always works: the desktop itself runs our command. One sentence, with the place in its settings."""
    if platform == "win32":
        return "Give a shortcut to “maskbar toggle” a key: Properties > Shortcut key."
    if platform == "darwin":
        return (
            "Bind “maskbar toggle” to a key with the Shortcuts app: Run Shell Script > Add Keyboard Shortcut."
        )
    desktops = environ.get("XDG_CURRENT_DESKTOP", "").lower().split(":")
    place = next((_PLACES[desktop] for desktop in desktops if desktop in _PLACES), "")
    return f"Bind the command “maskbar toggle” to a key in the desktop's own settings{place}."


_PLACES = {
    "gnome": ": Keyboard > View and Customize Shortcuts > Custom Shortcuts",
    "unity": ": Keyboard > View and Customize Shortcuts > Custom Shortcuts",
    "kde": ": Keyboard > Shortcuts > Add New > Command or Script",
    "xfce": ": Keyboard > Application Shortcuts",
    "x-cinnamon": ": Keyboard > Shortcuts > Custom Shortcuts",
    "mate": ": Keyboard Shortcuts > Add",
    "lxqt": ": Shortcut Keys > Add",
    "cosmic": ": Input Devices > Keyboard > Keyboard Shortcuts > Custom",
    "sway": " (bindsym Ctrl+Alt+m exec maskbar toggle)",
    "hyprland": " (bind = CTRL ALT, M, exec, maskbar toggle)",
    "i3": " (bindsym Ctrl+Mod1+m exec maskbar toggle)",
}


# Imported when they are tried: each loads a library that the others do not need.


def _x11() -> Hotkeys:
    from app.adapters.desktop.hotkey_x11 import X11Hotkeys

    return X11Hotkeys()


def _portal() -> Hotkeys:
    from app import APP_ID
    from app.adapters.desktop.hotkey_portal import PortalHotkeys

    return PortalHotkeys(APP_ID)


def _windows() -> Hotkeys:
    from app.adapters.desktop.hotkey_windows import WindowsHotkeys

    return WindowsHotkeys()


def _macos() -> Hotkeys:
    from app.adapters.desktop.hotkey_macos import MacosHotkeys

    return MacosHotkeys()
