"""A desktop's panel, as the StatusNotifier protocol has it: the watcher that items register with, and a host that
reads an item and clicks in its menu. A real one, on a bus of the test's own.

It speaks in plain messages: the annotations that dbus-fast's services are written in are no types.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

from dbus_fast import Message, MessageType, Variant
from dbus_fast.aio import MessageBus

from tests.desktop.screen import PATIENCE

WATCHER = "org.kde.StatusNotifierWatcher"
ITEM = "org.kde.StatusNotifierItem"
ITEM_PATH = "/StatusNotifierItem"
MENU = "com.canonical.dbusmenu"
PROPERTIES = "org.freedesktop.DBus.Properties"


@dataclass
class Entry:
    """One item of a menu, as the panel was told of it."""

    number: int
    label: str
    enabled: bool
    visible: bool


@dataclass
class Panel:
    """`items` are the services that registered, newest last."""

    bus: MessageBus
    items: list[str] = field(default_factory=list)
    notifications: list[tuple[str, str]] = field(default_factory=list)

    async def item(self, at_least: int = 1) -> str:
        await until(lambda: len(self.items) >= at_least, f"{at_least} items registered")
        return self.items[-1]

    async def properties(self) -> dict[str, Any]:
        """Everything that the newest item says of itself."""
        (found,) = await self.call(self.items[-1], ITEM_PATH, PROPERTIES, "GetAll", "s", ITEM)
        return {name: variant.value for name, variant in found.items()}

    async def tooltip(self) -> str:
        _icon, _pixmaps, title, words = (await self.properties())["ToolTip"]
        return "\n".join(part for part in (title, words) if part)

    async def pixmaps(self) -> dict[int, bytes]:
        return {width: bytes(data) for width, _height, data in (await self.properties())["IconPixmap"]}

    async def menu(self) -> list[Entry]:
        """What is visible in it, without separators."""
        path = (await self.properties())["Menu"]
        _revision, (_root, _properties, children) = await self.call(
            self.items[-1], path, MENU, "GetLayout", "iias", 0, -1, []
        )
        entries = []
        for child in children:
            number, told, _ = child.value
            if "label" in told:
                enabled, visible = (
                    told[key].value if key in told else True for key in ("enabled", "visible")
                )
                label = told["label"].value.replace("__", "\0").replace("_", "").replace("\0", "_")
                entries.append(Entry(number, label, enabled, visible))
        return [entry for entry in entries if entry.visible]

    async def labels(self) -> list[str]:
        return [entry.label for entry in await self.menu()]

    async def click(self, label: str) -> None:
        (entry,) = [entry for entry in await self.menu() if entry.label == label]
        await self.click_number(entry.number)

    async def click_number(self, number: int) -> None:
        """What a panel does that drew its menu a while ago."""
        path = (await self.properties())["Menu"]
        await self.call(
            *(self.items[-1], path, MENU, "Event", "isvu", number, "clicked"),
            Variant("s", ""),
            int(time.time()),
        )

    async def activate(self) -> None:
        """A left click on the icon."""
        await self.call(self.items[-1], ITEM_PATH, ITEM, "Activate", "ii", 0, 0)

    async def call(
        self, service: str, path: str, interface: str, member: str, signature: str, *body: Any
    ) -> list[Any]:
        message = Message(service, path, interface, member, signature=signature, body=list(body))
        reply = await asyncio.wait_for(self.bus.call(message), PATIENCE)
        assert reply is not None
        assert reply.message_type is not MessageType.ERROR, (reply.error_name, reply.body)
        return list(reply.body)

    def handle(self, message: Message) -> Message | bool | None:
        if message.message_type is not MessageType.METHOD_CALL:
            return None
        match message.member:
            case "RegisterStatusNotifierItem":
                (service,) = message.body
                self.items.append(service if not service.startswith("/") else message.sender or "")
                return Message.new_method_return(message)
            case "RegisterStatusNotifierHost":
                return Message.new_method_return(message)
            case "Get":
                values = {
                    "IsStatusNotifierHostRegistered": Variant("b", True),
                    "RegisteredStatusNotifierItems": Variant("as", self.items),
                    "ProtocolVersion": Variant("i", 0),
                }
                return Message.new_method_return(message, "v", [values[message.body[1]]])
            case "Notify":
                self.notifications.append((message.body[3], message.body[4]))
                return Message.new_method_return(message, "u", [1])
            case "GetCapabilities":
                return Message.new_method_return(message, "as", [["body", "actions"]])
        return None


@contextlib.asynccontextmanager
async def panel(address: str, *, notifications: bool = False) -> AsyncIterator[Panel]:
    """A panel with a tray on the bus at `address`; with `notifications` it shows those, too."""
    bus = await MessageBus(bus_address=address).connect()
    made = Panel(bus)
    bus.add_message_handler(made.handle)
    await bus.request_name(WATCHER)
    if notifications:
        await bus.request_name("org.freedesktop.Notifications")
    # As a real one: items that are already there hear of the host.
    bus.send(Message.new_signal("/StatusNotifierWatcher", WATCHER, "StatusNotifierHostRegistered"))
    try:
        yield made
    finally:
        bus.disconnect()


async def until(true: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline, f"not within {PATIENCE} s: {what}"
        await asyncio.sleep(0.01)
