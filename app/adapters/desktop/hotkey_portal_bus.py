"""The desktop's portal on the session bus: its calls, its requests that are answered later, and its signals.

The one rule: only what the portal itself says counts. Any program may send us a message that looks like a signal of
the portal's; its sender's name tells it apart.

Source: org.freedesktop.portal.Request and .Session, org.freedesktop.host.portal.Registry (xdg-desktop-portal).
"""

import asyncio
import contextlib
import os
import secrets
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from dbus_fast import DBusFastError, Message, MessageType, Variant
from dbus_fast.aio import MessageBus

BUS = "org.freedesktop.DBus"
PORTAL = "org.freedesktop.portal.Desktop"
PATH = "/org/freedesktop/portal/desktop"
REQUEST = "org.freedesktop.portal.Request"
SESSION = "org.freedesktop.portal.Session"
REGISTRY = "org.freedesktop.host.portal.Registry"
ABSENT = {
    f"{BUS}.Error.{kind}" for kind in ("ServiceUnknown", "UnknownMethod", "UnknownInterface", "UnknownObject")
} | {f"{BUS}.Error.{kind}" for kind in ("UnknownProperty", "InvalidArgs", "NameHasNoOwner")}
ANSWER_WITHIN = 10.0
"""Seconds for an answer that no person has to give. The bus may have to start the portal first."""


class PortalError(Exception):
    """A call failed; `name` is D-Bus' name of the error."""

    def __init__(self, name: str, words: str = "") -> None:
        super().__init__(f"{name}: {words}" if words else name)
        self.name = name


class GoneError(PortalError):
    """The portal, or the bus, went away before it answered, or took too long."""


class DeclinedError(PortalError):
    """A request ended without success: the agent, or the desktop, said no."""


class AbsentError(DeclinedError):
    """There is no portal, or none with this interface."""


class PortalBus:
    """One connection to the session bus. A new one for each life of ours: the portal ties our name to it."""

    def __init__(self, interface: str, address: str | None, told: Callable[[str, list[Any]], None]) -> None:
        """`told` gets the interface's signals, `Closed` of our sessions, and `Gone` when the portal's process ends."""
        self._interface = interface
        self._address = address
        self._told = told
        self._waiting: dict[str, asyncio.Future[list[Any]]] = {}
        self._calls: set[asyncio.Future[Message]] = set()
        self._name = ""
        self._owner = ""
        self._registered_with = ""
        self._bus: MessageBus | None = None
        self._watch: asyncio.Task[None] | None = None
        self._closed = False

    async def connect(self) -> None:
        """Raises GoneError when there is no session bus."""
        try:
            bus = MessageBus(self._address)
            async with asyncio.timeout(ANSWER_WITHIN):
                await bus.connect()
        except (OSError, DBusFastError, TimeoutError, ValueError) as error:
            raise GoneError("no session bus", str(error)) from None
        self._bus = bus
        self._name = (bus.unique_name or "")[1:].replace(".", "_")
        bus.add_message_handler(self._message)
        self._watch = asyncio.create_task(self._until_disconnected(bus), name="session bus")
        for rule in (
            *(
                f"sender='{PORTAL}',interface='{interface}'"
                for interface in (self._interface, REQUEST, SESSION)
            ),
            f"sender='{BUS}',member='NameOwnerChanged',arg0='{PORTAL}'",
        ):
            await self._call(BUS, "/org/freedesktop/DBus", BUS, "AddMatch", "s", [f"type='signal',{rule}"])

    async def introduce(self, app_id: str) -> int:
        """Start the portal if need be, say who we are, and ask which version of the interface it has.

        Raises PortalError.
        """
        try:
            return await self._introduce(app_id)
        except DeclinedError as error:
            raise (AbsentError if error.name in ABSENT else DeclinedError)(error.name) from None

    async def _introduce(self, app_id: str) -> int:
        bus_path = "/org/freedesktop/DBus"
        (running,) = await self._call(BUS, bus_path, BUS, "NameHasOwner", "s", [PORTAL])
        if not running:
            await self._call(BUS, bus_path, BUS, "StartServiceByName", "su", [PORTAL, 0])
        (self._owner,) = await self._call(BUS, bus_path, BUS, "GetNameOwner", "s", [PORTAL])
        if self._owner != self._registered_with and not is_sandboxed():
            self._registered_with = self._owner
            # Once, and before all else. Portals older than 1.21 lack it; newer ones refuse an id without a .desktop
            # file, as when we run from the source tree. Some desktops do without.
            with contextlib.suppress(DeclinedError):
                await self._call(PORTAL, PATH, REGISTRY, "Register", "sa{sv}", [app_id, {}])
        properties = "org.freedesktop.DBus.Properties"
        (version,) = await self._call(PORTAL, PATH, properties, "Get", "ss", [self._interface, "version"])
        return int(version.value)

    async def call(self, member: str, signature: str, body: Sequence[Any]) -> list[Any]:
        """Call the interface. Raises PortalError."""
        return await self._call(PORTAL, PATH, self._interface, member, signature, body)

    async def request(
        self,
        member: str,
        signature: str,
        body: Callable[[Variant], Sequence[Any]],
        within: float | None = ANSWER_WITHIN,
    ) -> Mapping[str, Variant]:
        """Call a method whose answer comes as a signal. `body` gets the token that stands in the call's options.

        `within` in seconds; None when a person may have to answer. Raises PortalError.
        """
        token = f"maskbar{secrets.token_hex(8)}"
        path = f"{PATH}/request/{self._name}/{token}"
        answer: asyncio.Future[list[Any]] = asyncio.get_running_loop().create_future()
        self._waiting[path] = answer
        try:
            await self.call(member, signature, body(Variant("s", token)))
            async with asyncio.timeout(within):
                code, results = await answer
        except TimeoutError:
            raise GoneError("no answer", member) from None
        finally:
            self._waiting.pop(path, None)
        if code:
            raise DeclinedError(f"response {code}", member)
        return dict(results)

    def end_session(self, session: str) -> None:
        """Not waited for: a portal that hangs must not keep us."""
        if self._bus and self._bus.connected:
            self._bus.send(Message(destination=PORTAL, path=session, interface=SESSION, member="Close"))

    async def close(self) -> None:
        self._closed = True
        if self._bus:
            self._bus.remove_message_handler(self._message)
            self._bus.disconnect()  # only shuts it down: dbus-fast closes the socket when it next reads
        if self._watch:
            await asyncio.wait({self._watch}, timeout=1.0)
            self._watch.cancel()
        self._fail("closed")

    # Below the calls.

    async def _call(
        self, to: str, path: str, interface: str, member: str, signature: str, body: Sequence[Any]
    ) -> list[Any]:
        if self._bus is None or not self._bus.connected:
            raise GoneError("no session bus")
        message = Message(to, path, interface, member, signature=signature, body=list(body))
        call = asyncio.ensure_future(self._bus.call(message))
        self._calls.add(call)
        try:
            await asyncio.wait({call}, timeout=ANSWER_WITHIN)
        finally:
            self._calls.discard(call)
            unanswered = call.cancel()
        if unanswered or call.cancelled():
            raise GoneError("no answer", member)
        if trouble := call.exception():
            raise GoneError("no session bus", str(trouble))
        reply = call.result()
        if reply.message_type is MessageType.ERROR:
            name = reply.error_name or ""
            words = str(reply.body[0]) if reply.body else ""
            # Whoever is asked crashed while being asked.
            gone = name in (f"{BUS}.Error.NoReply", f"{BUS}.Error.Disconnected", f"{BUS}.Error.TimedOut")
            raise (GoneError if gone else DeclinedError)(name, words)
        return list(reply.body)

    async def _until_disconnected(self, bus: MessageBus) -> None:
        wait: Any = bus.wait_for_disconnect  # the one method of dbus-fast without types
        with contextlib.suppress(OSError, EOFError, DBusFastError):
            await wait()
        for call in self._calls:
            call.cancel()
        self._fail("no session bus")
        if not self._closed:
            self._told("Gone", [])

    def _fail(self, why: str) -> None:
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(GoneError(why))

    def _message(self, message: Message) -> None:
        if message.message_type is not MessageType.SIGNAL:
            return
        if message.sender == BUS and message.member == "NameOwnerChanged" and message.body[0] == PORTAL:
            if message.body[1] == self._owner and self._owner:
                self._owner = ""
                self._fail("the portal ended")
                self._told("Gone", [])
        elif message.sender != self._owner:
            return
        elif message.interface == REQUEST and message.member == "Response":
            answer = self._waiting.get(message.path or "")
            if answer and not answer.done():
                answer.set_result(list(message.body))
        elif message.interface == SESSION and message.member == "Closed":
            self._told("Closed", [message.path])
        elif message.interface == self._interface and message.member:
            self._told(message.member, list(message.body))


def is_sandboxed() -> bool:
    """Whether a sandbox says who we are: then we need not, and must not."""
    return Path("/.flatpak-info").exists() or "SNAP" in os.environ
