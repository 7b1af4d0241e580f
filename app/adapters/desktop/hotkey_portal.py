"""Hotkeys on Wayland: the desktop's GlobalShortcuts portal.

The one rule: the desktop decides. We propose keys for actions with fixed names; the agent changes them in the
desktop's own settings, and what the desktop says the keys are is what we show.

Source: org.freedesktop.portal.GlobalShortcuts, versions 1 and 2 (xdg-desktop-portal), and the XDG shortcuts
specification for how keys are proposed.
"""

import asyncio
import contextlib
import logging
from collections.abc import Iterator, Mapping
from typing import Any

from dbus_fast import Variant

from app.adapters.desktop.hotkey import (
    Bindings,
    Bound,
    Changed,
    Code,
    NoWayError,
    Pressed,
    Results,
    Unavailable,
)
from app.adapters.desktop.hotkey_portal_bus import (
    AbsentError,
    DeclinedError,
    GoneError,
    PortalBus,
    PortalError,
)
from app.core.shortcut import Action, Modifier, Shortcut

log = logging.getLogger("maskbar.hotkey.portal")

INTERFACE = "org.freedesktop.portal.GlobalShortcuts"
SESSION_TOKEN = "maskbar"  # noqa: S105  no secret: KDE files our shortcuts under it, so that it must stay the same
FIRST_DELAYS = (0.0, 0.2, 1.0)
"""Seconds before each attempt at the start. KDE 5.27's backend crashes in its first session and works in its second."""
DELAYS = (0.2, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
"""Seconds before each attempt after the portal or the session ended; the last one for ever."""
STEADY = 60.0
"""Seconds after which a session counts as one that lasts."""
HELD = 1.0
"""Seconds: an activation so soon after another one, with no release between, is the repeat of a held key."""
MODIFIERS = {Modifier.CTRL: "CTRL", Modifier.ALT: "ALT", Modifier.SHIFT: "SHIFT", Modifier.META: "LOGO"}
KEYS = {"Space": "space", "PageUp": "Page_Up", "PageDown": "Page_Down"}


def proposal(shortcut: Shortcut) -> str:
    """As the XDG specification writes combinations: CTRL+ALT+m."""
    held = [MODIFIERS[modifier] for modifier in Modifier if modifier in shortcut.modifiers]
    key = shortcut.key.lower() if len(shortcut.key) == 1 else KEYS.get(shortcut.key, shortcut.key)
    return "+".join([*held, key])


class PortalHotkeys:
    """Satisfies Hotkeys. `start` may wait for the agent to answer the desktop's question."""

    def __init__(self, app_id: str, address: str | None = None) -> None:
        """`app_id` names our .desktop file; `address` is the session bus, the environment's when it is None."""
        self._app_id = app_id
        self._bus = PortalBus(INTERFACE, address, self._told)
        self._version = 0
        self._session = ""
        self._keys: dict[str, str] = {}
        """What the desktop knows: our action's name, and the keys in its own words; empty words: no keys."""
        self._bindings: Bindings = {}
        self._shown: Results = {}
        self._last: dict[str, float] = {}
        self._one_at_a_time = asyncio.Lock()
        self._recovery: asyncio.Task[None] | None = None
        self._since = 0.0
        self._delays: Iterator[float] = iter(DELAYS)
        self._ready = self._closed = False

    async def start(self, bindings: Bindings, pressed: Pressed, changed: Changed) -> Results:
        self._pressed, self._changed = pressed, changed
        self._bindings = bindings
        self._loop = asyncio.get_running_loop()
        try:
            async with self._one_at_a_time:
                await self._bus.connect()
                self._shown = await self._open_patiently()
        except PortalError as error:
            await self.close()
            raise NoWayError(self._no_way(error)) from error
        self._ready = True
        return self._shown

    async def change(self, bindings: Bindings) -> Results:
        async with self._one_at_a_time:
            old, self._bindings = self._bindings, bindings
            # The desktop keeps what it has for an action that it knows: then there is nothing to ask it.
            if not self._session or not {action.value for action in bindings} <= set(self._keys):
                try:
                    await self._open()
                except PortalError as error:
                    self._bindings = old
                    with contextlib.suppress(PortalError):
                        await self._open()
                    trouble = self._trouble(error)
                    return {a: self._results(old).get(a, trouble) for a in bindings}
            self._shown = self._results(self._bindings)
            return self._shown

    async def configure(self) -> bool:
        if self._version < 2 or not self._session:
            return False
        try:
            await self._bus.call("ConfigureShortcuts", "osa{sv}", [self._session, "", {}])
        except PortalError as error:
            log.info("ConfigureShortcuts: %s", error)
            return False
        return True

    async def close(self) -> None:
        self._closed = True
        if self._recovery:
            self._recovery.cancel()
            await asyncio.gather(self._recovery, return_exceptions=True)
        self._end_session()
        await self._bus.close()

    # A session.

    async def _open_patiently(self) -> Results:
        last: PortalError = GoneError("never tried")
        for delay in FIRST_DELAYS:
            await asyncio.sleep(delay)
            try:
                return await self._open()
            except GoneError as error:
                log.info("the portal's session: %s", error)
                last = error
            except AbsentError:
                raise
            except DeclinedError as error:
                return dict.fromkeys(self._bindings, self._trouble(error))
        raise last

    async def _open(self) -> Results:
        """A new session with all actions that are wanted. Raises PortalError."""
        self._end_session()
        self._version = await self._bus.introduce(self._app_id)
        answer = await self._bus.request(
            "CreateSession",
            "a{sv}",
            lambda token: [{"handle_token": token, "session_handle_token": Variant("s", SESSION_TOKEN)}],
        )
        session = str(answer["session_handle"].value)
        self._session = session
        wanted = {action.value for action in self._bindings}
        self._keys = await self._list(session)
        if not wanted <= set(self._keys):
            answer = await self._bus.request(
                "BindShortcuts", "oa(sa{sv})sa{sv}", self._proposals, within=None
            )
            self._keys |= _keys(answer)
            if not wanted <= set(self._keys):
                # WORKAROUND: KDE 5.27 answers with an empty list what it has bound.
                self._keys |= await self._list(session)
        self._since = self._loop.time()
        return self._results(self._bindings)

    async def _list(self, session: str) -> dict[str, str]:
        return _keys(
            await self._bus.request(
                "ListShortcuts", "oa{sv}", lambda token: [session, {"handle_token": token}]
            )
        )

    def _proposals(self, token: Variant) -> list[Any]:
        shortcuts = [
            [
                action.value,
                {
                    "description": Variant("s", action.words),
                    "preferred_trigger": Variant("s", proposal(shortcut)),
                },
            ]
            for action, shortcut in self._bindings.items()
        ]
        return [self._session, shortcuts, "", {"handle_token": token}]

    def _end_session(self) -> None:
        session, self._session = self._session, ""
        if session:
            self._bus.end_session(session)

    # What the portal tells.

    def _told(self, member: str, body: list[Any]) -> None:
        if member == "Gone" or (member == "Closed" and body[0] == self._session):
            self._session = ""
            self._lost(member)
        elif not body or body[0] != self._session:
            return
        elif member == "Activated":
            self._activated(body[1])
        elif member == "Deactivated":
            self._last.pop(body[1], None)
        elif member == "ShortcutsChanged":
            self._keys |= {name: _words(about) for name, about in body[1]}
            self._show(self._results(self._bindings))

    def _activated(self, name: str) -> None:
        now = self._loop.time()
        last = self._last.get(name)
        self._last[name] = now
        if last is not None and now - last < HELD:
            return
        for action in self._bindings:
            if action.value == name:
                self._pressed(action)

    def _lost(self, why: str) -> None:
        """The session is no more: open another. While one is being opened, that notices by itself."""
        self._last.clear()
        if self._closed or not self._ready or (self._recovery and not self._recovery.done()):
            return
        log.info("the portal's session ended (%s)", why)
        if self._loop.time() - self._since > STEADY:
            self._delays = iter(DELAYS)
        self._recovery = self._loop.create_task(self._recover(), name="portal session")

    async def _recover(self) -> None:
        for attempt in range(1_000_000):
            await asyncio.sleep(next(self._delays, DELAYS[-1]))
            try:
                async with self._one_at_a_time:
                    results = await self._open()
            except PortalError as error:
                log.info("the portal's session: %s", error)
                if attempt:
                    self._show(dict.fromkeys(self._bindings, self._trouble(error)))
            else:
                self._show(results)
                if self._session:  # else it ended in this moment
                    return

    # What is shown.

    def _show(self, results: Results) -> None:
        if results != self._shown and self._ready and not self._closed:
            self._shown = results
            self._changed(results)

    def _results(self, bindings: Bindings) -> dict[Action, Bound | Unavailable]:
        return {action: self._result(action) for action in bindings}

    def _result(self, action: Action) -> Bound | Unavailable:
        if words := self._keys.get(action.value):
            return Bound(words, configurable=True)
        reason = f"The desktop has no keys for “{action.words}” yet: choose them in its settings."
        return Unavailable(reason, Code.UNASSIGNED)

    def _trouble(self, error: PortalError) -> Unavailable:
        if isinstance(error, GoneError | AbsentError):
            return Unavailable(
                "The desktop's portal does not answer, so that hotkeys do not work.", Code.GONE
            )
        return Unavailable("The desktop did not grant the hotkeys, or was told not to.", Code.REFUSED)

    def _no_way(self, error: PortalError) -> str:
        if error.name == "no session bus":
            return "There is no session bus, through which the desktop would give hotkeys."
        if isinstance(error, GoneError):
            return "The desktop's portal does not answer."
        return "This desktop's portal has no hotkeys (GlobalShortcuts)."


def _keys(answer: Mapping[str, Variant]) -> dict[str, str]:
    listed = answer.get("shortcuts")
    return {name: _words(about) for name, about in listed.value} if listed else {}


def _words(about: Mapping[str, Variant]) -> str:
    described = about.get("trigger_description")
    return str(described.value) if described else ""
