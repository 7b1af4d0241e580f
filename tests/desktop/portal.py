"""A session bus of the tests' own, and on it a desktop portal that keeps the rules of the real one, and has its faults.

Read from the interfaces' descriptions in xdg-desktop-portal; it shares nothing with our client.
"""

import asyncio
import contextlib
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dbus_fast import Message, MessageType, Variant
from dbus_fast.aio import MessageBus

NAME = "org.freedesktop.portal.Desktop"
PATH = "/org/freedesktop/portal/desktop"
SHORTCUTS = "org.freedesktop.portal.GlobalShortcuts"
SIGNATURES = {
    "Register": "sa{sv}",
    "Get": "ss",
    "CreateSession": "a{sv}",
    "ListShortcuts": "oa{sv}",
    "BindShortcuts": "oa(sa{sv})sa{sv}",
    "ConfigureShortcuts": "osa{sv}",
    "Close": "",
}

CONFIGURATION = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>session</type><listen>unix:tmpdir={folder}</listen>
<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/>
<allow own="*"/></policy></busconfig>
"""


@contextlib.contextmanager
def session_bus(folder: Path) -> Iterator[str]:
    """The address of a bus that starts nothing by itself."""
    configuration = folder / "bus.conf"
    configuration.write_text(CONFIGURATION.format(folder=folder), encoding="utf-8")
    command = ["dbus-daemon", f"--config-file={configuration}", "--nofork", "--print-address=1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as daemon:
        assert daemon.stdout is not None
        try:
            yield daemon.stdout.readline().strip()
        finally:
            daemon.terminate()


@dataclass
class Known:
    """What the desktop keeps for good: shortcuts by name, with the keys in its own words."""

    keys: dict[str, str] = field(default_factory=dict)


class Refusal(Exception):  # noqa: N818  a D-Bus error
    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class FakePortal:
    """One process of the portal. `known` outlives it."""

    def __init__(self, address: str, known: Known, *, version: int | None = 2, registry: bool = True) -> None:
        """`version` None: a portal without GlobalShortcuts."""
        self._address = address
        self.known = known
        self.version = version
        self.registry = registry
        self.calls: list[str] = []
        self.apps: dict[str, str] = {}
        self.sessions: dict[str, str] = {}
        self.bound: set[str] = set()
        self.proposals: dict[str, dict[str, str]] = {}
        self.crash_on = ""
        """The name of a call on which the process dies."""
        self.deny = self.forgets = self.dialog = False
        """Says no · answers BindShortcuts with an empty list · waits for the agent."""
        self.answer_dialog = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> "FakePortal":
        self.bus = await MessageBus(self._address).connect()
        self.bus.add_message_handler(self._message)
        await self.bus.request_name(NAME)
        return self

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.bus.disconnect()
        wait: Any = self.bus.wait_for_disconnect  # dbus-fast's one method without types
        with contextlib.suppress(EOFError, OSError):
            await wait()

    # The agent at the desktop.

    def press(self, name: str, *, times: int = 1, release: bool = True) -> None:
        for _ in range(times):
            self._signal_sessions("Activated", "osta{sv}", name, 123, {})
        if release:
            self._signal_sessions("Deactivated", "osta{sv}", name, 124, {})

    def edit(self, name: str, keys: str) -> None:
        self.known.keys[name] = keys
        about = {"description": Variant("s", "…"), "trigger_description": Variant("s", keys)}
        self._signal_sessions("ShortcutsChanged", "oa(sa{sv})", [[name, about]])

    def close_sessions(self) -> None:
        for session, client in self.sessions.items():
            self._signal(client, session, "org.freedesktop.portal.Session", "Closed", "a{sv}", [{}])
        self.sessions.clear()

    # The wire.

    def _signal_sessions(self, member: str, signature: str, *rest: Any) -> None:
        for session, client in self.sessions.items():
            self._signal(client, PATH, SHORTCUTS, member, signature, [session, *rest])

    def _signal(
        self, to: str, path: str, interface: str, member: str, signature: str, body: list[Any]
    ) -> None:
        signal = MessageType.SIGNAL
        self.bus.send(Message(to, path, interface, member, signal, signature=signature, body=body))

    def _message(self, message: Message) -> Message | bool | None:
        if message.message_type is not MessageType.METHOD_CALL or message.member not in SIGNATURES:
            return None
        self.calls.append(message.member)
        if message.member == self.crash_on:
            self.bus.disconnect()
            return True
        if message.signature != SIGNATURES[message.member]:
            return Message.new_error(message, "org.freedesktop.DBus.Error.InvalidArgs", message.signature)
        try:
            signature, body = getattr(self, f"_{message.member.lower()}")(message)
        except Refusal as refusal:
            return Message.new_error(message, refusal.name, "")
        return Message.new_method_return(message, signature, body)

    def _register(self, message: Message) -> tuple[str, list[Any]]:
        if not self.registry:
            raise Refusal("org.freedesktop.DBus.Error.UnknownInterface")
        assert message.sender
        if message.sender in self.apps or self.calls[-2:-1] not in ([], ["Close"]):
            raise Refusal("org.freedesktop.portal.Error.Failed")
        self.apps[message.sender] = message.body[0]
        return "", []

    def _get(self, message: Message) -> tuple[str, list[Any]]:
        if self.version is None:
            raise Refusal("org.freedesktop.DBus.Error.InvalidArgs")
        return "v", [Variant("u", self.version)]

    def _createsession(self, message: Message) -> tuple[str, list[Any]]:
        session = f"{PATH}/session/{self._sender(message)}/{message.body[0]['session_handle_token'].value}"
        if session in self.sessions:
            raise Refusal("org.freedesktop.portal.Error.Exists")
        assert message.sender
        self.sessions[session] = message.sender
        return self._later(message, message.body[0], {"session_handle": Variant("s", session)})

    def _listshortcuts(self, message: Message) -> tuple[str, list[Any]]:
        return self._later(message, message.body[1], self._shortcuts(self.known.keys))

    def _bindshortcuts(self, message: Message) -> tuple[str, list[Any]]:
        session, shortcuts, _, options = message.body
        if session not in self.sessions or session in self.bound:
            raise Refusal("org.freedesktop.portal.Error.Failed")
        self.bound.add(session)
        self.proposals = {
            name: {key: value.value for key, value in about.items()} for name, about in shortcuts
        }
        if self.deny:
            return self._later(message, options, {}, code=1)
        for name, about in self.proposals.items():
            self.known.keys.setdefault(name, "Press " + about["preferred_trigger"])
        bound = {} if self.forgets else {name: self.known.keys[name] for name in self.proposals}
        return self._later(message, options, self._shortcuts(bound), dialog=self.dialog)

    def _configureshortcuts(self, message: Message) -> tuple[str, list[Any]]:
        if self.version != 2 or message.body[0] not in self.sessions:
            raise Refusal("org.freedesktop.DBus.Error.UnknownMethod")
        return "", []

    def _close(self, message: Message) -> tuple[str, list[Any]]:
        self.sessions.pop(message.path or "", None)
        self.bound.discard(message.path or "")
        return "", []

    def _shortcuts(self, keys: dict[str, str]) -> dict[str, Variant]:
        listed = [
            [name, {"description": Variant("s", "…"), "trigger_description": Variant("s", words)}]
            for name, words in keys.items()
        ]
        return {"shortcuts": Variant("a(sa{sv})", listed)}

    def _later(
        self,
        message: Message,
        options: dict[str, Variant],
        results: dict[str, Variant],
        code: int = 0,
        *,
        dialog: bool = False,
    ) -> tuple[str, list[Any]]:
        path = f"{PATH}/request/{self._sender(message)}/{options['handle_token'].value}"

        async def answer() -> None:
            await asyncio.sleep(0.005)
            if dialog:
                await self.answer_dialog.wait()
            request = "org.freedesktop.portal.Request"
            self._signal(message.sender or "", path, request, "Response", "ua{sv}", [code, results])

        task = asyncio.create_task(answer())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return "o", [path]

    def _sender(self, message: Message) -> str:
        return (message.sender or "")[1:].replace(".", "_")
