"""Lock, unlock and sleep as logind and the screen savers tell them, on private buses; a terminal that hangs up."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from dbus_fast import Message, MessageType
from dbus_fast.aio import MessageBus

from tests.desktop.screen import Screen, until
from tests.session.children import Child, start
from tests.session.conftest import private_bus

OURS, THEIRS = "/org/freedesktop/login1/session/_37", "/org/freedesktop/login1/session/_38"
SESSION = "org.freedesktop.login1.Session"
MANAGER = "org.freedesktop.login1.Manager"
BUSES = 0.5
"""Seconds: what is said on one bus and then on another may be heard in either order; nothing else tells that it was."""
HANG_UP = 1  # SIGHUP, a name that Windows' Python does not have


@pytest.fixture
def system() -> Iterator[str]:
    with private_bus() as address:
        yield address


def test_locks_are_told_once_and_only_ours(desktop: Screen, bus: str, system: str, tmp_path: Path) -> None:
    env = desktop.env | {
        "DBUS_SESSION_BUS_ADDRESS": bus,
        "DBUS_SYSTEM_BUS_ADDRESS": system,
        "XDG_SESSION_ID": "7",
        "QT_FATAL_WARNINGS": "1",
    }

    async def story() -> None:
        logind = await MessageBus(bus_address=system).connect()
        saver = await MessageBus(bus_address=bus).connect()
        asked: list[str] = []

        def answer(message: Message) -> Message | None:
            if message.message_type is not MessageType.METHOD_CALL or message.member != "GetSession":
                return None
            asked.extend(message.body)
            return Message.new_method_return(message, "o", [OURS])

        logind.add_message_handler(answer)
        await logind.request_name("org.freedesktop.login1")

        async def tell(on: MessageBus, path: str, interface: str, member: str, *body: bool) -> None:
            on.send(Message.new_signal(path, interface, member, "b" * len(body), list(body)))

        child = await asyncio.to_thread(opened.__enter__)

        expected = ["ready"]

        async def change(
            word: str, on: MessageBus, path: str, interface: str, member: str, *body: bool
        ) -> None:
            expected.append(word)
            await tell(on, path, interface, member, *body)
            await asyncio.to_thread(until, lambda: told(child) == expected, f"{expected}, not {told(child)}")

        await asyncio.to_thread(child.order, "tells")
        await asyncio.sleep(0.1)
        assert asked == ["7"]
        await tell(logind, THEIRS, SESSION, "Lock")
        await change("locked", logind, OURS, SESSION, "Lock")
        await tell(saver, "/ScreenSaver", "org.freedesktop.ScreenSaver", "ActiveChanged", True)
        await asyncio.sleep(BUSES)
        await change("unlocked", logind, OURS, SESSION, "Unlock")
        await change(
            "locked", saver, "/org/gnome/ScreenSaver", "org.gnome.ScreenSaver", "ActiveChanged", True
        )
        await change(
            "unlocked", saver, "/org/gnome/ScreenSaver", "org.gnome.ScreenSaver", "ActiveChanged", False
        )
        await change("locked", logind, "/org/freedesktop/login1", MANAGER, "PrepareForSleep", True)
        await change("unlocked", logind, "/org/freedesktop/login1", MANAGER, "PrepareForSleep", False)
        # It wakes up locked: back only when that is over, too.
        await change("locked", logind, "/org/freedesktop/login1", MANAGER, "PrepareForSleep", True)
        await tell(saver, "/ScreenSaver", "org.freedesktop.ScreenSaver", "ActiveChanged", True)
        await asyncio.sleep(BUSES)
        await tell(logind, "/org/freedesktop/login1", MANAGER, "PrepareForSleep", False)
        await change("unlocked", saver, "/ScreenSaver", "org.freedesktop.ScreenSaver", "ActiveChanged", False)
        child.process.send_signal(HANG_UP)
        await asyncio.to_thread(child.order, "tells")
        await asyncio.to_thread(opened.__exit__, None, None, None)
        logind.disconnect()
        saver.disconnect()

    opened = start("session_child", env=env, folder=tmp_path)
    asyncio.run(story())


def told(child: Child) -> list[str]:
    return [line for line in child.lines if not line.startswith(("done", "tells"))]


def test_without_any_bus_it_says_that_nothing_is_told(desktop: Screen, tmp_path: Path) -> None:
    nowhere = f"unix:path={tmp_path}/none"
    env = desktop.env | {"DBUS_SESSION_BUS_ADDRESS": nowhere, "DBUS_SYSTEM_BUS_ADDRESS": nowhere}
    with start("session_child", env=env, folder=tmp_path) as child:
        assert "tells False" in child.order("tells")
