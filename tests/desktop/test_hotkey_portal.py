"""The portal's hotkeys against a portal with the real signatures and rules, on a real bus of the tests' own."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest
from dbus_fast import Message, MessageType
from dbus_fast.aio import MessageBus
from qasync import QEventLoop

from app.adapters.desktop import hotkey_portal
from app.adapters.desktop.hotkey import Bindings, Bound, Code, NoWayError, Results, Unavailable
from app.adapters.desktop.hotkey_portal import PortalHotkeys, proposal
from app.core.shortcut import Action, parse
from tests.desktop.portal import PATH, SHORTCUTS, FakePortal, Known, session_bus

MASK, UNMASK, TOGGLE, SHOW = Action
BINDINGS = {MASK: parse("Ctrl+Alt+M"), SHOW: parse("Super+PageUp")}
OURS = "org.maskbar.MaskBar"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with session_bus(tmp_path_factory.mktemp("bus")) as made:
        yield made


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hotkey_portal, "FIRST_DELAYS", (0.0, 0.02, 0.05))
    monkeypatch.setattr(hotkey_portal, "DELAYS", (0.02, 0.05, 0.1))


@dataclass
class Desk:
    hotkeys: PortalHotkeys
    presses: list[Action] = field(default_factory=list)
    changes: list[Results] = field(default_factory=list)

    async def start(self, bindings: Bindings = BINDINGS) -> Results:
        return await self.hotkeys.start(bindings, self.presses.append, self.changes.append)

    async def until(self, true: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 5
        while not true():
            assert time.monotonic() < deadline, f"never: {self.presses} {self.changes}"
            await asyncio.sleep(0.005)

    async def expect(self, *actions: Action) -> None:
        await self.until(lambda: len(self.presses) >= len(actions))
        await asyncio.sleep(0.03)
        assert self.presses == list(actions)


@contextlib.asynccontextmanager
async def desk(address: str) -> AsyncIterator[Desk]:
    made = Desk(PortalHotkeys(OURS, address))
    try:
        yield made
    finally:
        await made.hotkeys.close()
        left = asyncio.all_tasks() - {asyncio.current_task()}
        assert not [task for task in left if "dbus" in repr(task) or "portal session" in task.get_name()]


@contextlib.asynccontextmanager
async def portal(
    address: str, known: Known | None = None, *, version: int | None = 2, registry: bool = True
) -> AsyncIterator[FakePortal]:
    made = await FakePortal(address, known or Known(), version=version, registry=registry).start()
    try:
        yield made
    finally:
        await made.stop()


def called(there: FakePortal, member: str, times: int) -> bool:
    return there.calls.count(member) == times


Story = Callable[[FakePortal, Desk], Coroutine[None, None, None]]


def tell(address: str, story: Story, *, version: int | None = 2, registry: bool = True) -> None:
    async def whole() -> None:
        async with (
            portal(address, version=version, registry=registry) as there,
            desk(address) as ours,
        ):
            await story(there, ours)

    asyncio.run(whole())


GRANTED = {
    MASK: Bound("Press CTRL+ALT+m", configurable=True),
    SHOW: Bound("Press LOGO+Page_Up", configurable=True),
}


def test_the_desktop_is_asked_in_order_and_presses_arrive(address: str) -> None:
    async def story(there: FakePortal, ours: Desk) -> None:
        assert await ours.start() == GRANTED
        assert there.calls == ["Register", "Get", "CreateSession", "ListShortcuts", "BindShortcuts"]
        assert list(there.apps.values()) == [OURS]
        assert [session.split("/")[-1] for session in there.sessions] == ["maskbar"]
        assert there.proposals["mask"] == {
            "description": "Mask the recording",
            "preferred_trigger": "CTRL+ALT+m",
        }
        there.press("mask")
        there.press("show")
        there.press("mask")
        await ours.expect(MASK, SHOW, MASK)
        assert await ours.hotkeys.configure()

    tell(address, story)


def test_what_the_desktop_knows_already_is_not_asked_for_again(address: str) -> None:
    async def story() -> None:
        known = Known({"mask": "Strg+Alt+K", "show": "Meta+Bild auf", "other": "X"})
        async with portal(address, known) as there, desk(address) as ours:
            results = await ours.start()
            assert results == {MASK: Bound("Strg+Alt+K", True), SHOW: Bound("Meta+Bild auf", True)}
            assert "BindShortcuts" not in there.calls
            there.press("other")
            there.press("mask")
            await ours.expect(MASK)

    asyncio.run(story())


def test_held_keys_do_not_repeat(address: str) -> None:
    async def story(there: FakePortal, ours: Desk) -> None:
        await ours.start()
        there.press("mask", times=20)
        await ours.expect(MASK)
        there.press("mask")
        await ours.expect(MASK, MASK)
        # A desktop that never tells of the release: not one press for ever.
        ours.hotkeys._last["mask"] = asyncio.get_running_loop().time() - hotkey_portal.HELD
        there.press("mask", release=False)
        await ours.expect(MASK, MASK, MASK)

    tell(address, story)


def test_the_agent_changes_the_keys_in_the_desktops_settings(address: str) -> None:
    async def story(there: FakePortal, ours: Desk) -> None:
        await ours.start()
        there.edit("mask", "Ctrl+F5")
        await ours.until(lambda: bool(ours.changes))
        assert ours.changes == [GRANTED | {MASK: Bound("Ctrl+F5", configurable=True)}]
        there.edit("mask", "")
        await ours.until(lambda: len(ours.changes) == 2)
        nothing = ours.changes[1][MASK]
        assert isinstance(nothing, Unavailable)
        assert nothing.code is Code.UNASSIGNED
        assert "“Mask the recording”" in nothing.reason

    tell(address, story)


def test_kde_binds_and_answers_with_an_empty_list(address: str) -> None:
    async def story(there: FakePortal, ours: Desk) -> None:
        there.forgets = True
        assert await ours.start() == GRANTED
        assert there.calls[-2:] == ["BindShortcuts", "ListShortcuts"]
        there.press("mask")
        await ours.expect(MASK)

    tell(address, story)


def test_an_action_without_keys_is_told_and_still_heard(address: str) -> None:
    async def story() -> None:
        async with portal(address, Known({"mask": "", "show": "F5"})) as there, desk(address) as ours:
            result = (await ours.start())[MASK]
            assert isinstance(result, Unavailable)
            assert result.code is Code.UNASSIGNED
            there.press("mask")
            await ours.expect(MASK)

    asyncio.run(story())


@pytest.mark.parametrize("on", ["Register", "Get", "CreateSession", "ListShortcuts", "BindShortcuts"])
def test_the_backend_crashes_in_the_first_session_and_works_in_the_second(address: str, on: str) -> None:
    async def story() -> None:
        known = Known()
        async with portal(address, known) as first, desk(address) as ours:
            first.crash_on = on
            starting = asyncio.create_task(ours.start())
            await ours.until(lambda: not first.bus.connected)
            async with portal(address, known) as second:
                assert await starting == GRANTED
                second.press("mask")
                await ours.expect(MASK)
                assert list(second.apps.values()) == [OURS]

    asyncio.run(story())


def test_the_portal_restarts(address: str) -> None:
    async def story() -> None:
        known = Known()
        async with desk(address) as ours:
            async with portal(address, known):
                assert await ours.start() == GRANTED
            for _ in range(3):
                async with portal(address, known) as there:
                    await ours.until(partial(called, there, "ListShortcuts", 1))
                    await asyncio.sleep(0.03)
                    before = list(ours.presses)
                    there.press("show")
                    await ours.expect(*before, SHOW)
                    assert "BindShortcuts" not in there.calls
                    assert list(there.apps.values()) == [OURS]

    asyncio.run(story())


def test_a_portal_that_stays_away_is_told_and_its_return_too(address: str) -> None:
    async def story() -> None:
        known = Known()
        async with desk(address) as ours:
            async with portal(address, known):
                await ours.start()
            await ours.until(lambda: bool(ours.changes))
            gone = ours.changes[0][MASK]
            assert isinstance(gone, Unavailable)
            assert gone.code is Code.GONE
            async with portal(address, known) as there:
                await ours.until(lambda: len(ours.changes) == 2)
                assert ours.changes[1] == GRANTED
                there.press("mask")
                await ours.expect(MASK)

    asyncio.run(story())


def test_the_desktop_ends_our_session(address: str) -> None:
    async def story(there: FakePortal, ours: Desk) -> None:
        await ours.start()
        for n in range(3):
            there.close_sessions()
            await ours.until(partial(called, there, "ListShortcuts", n + 2))
            await asyncio.sleep(0.03)
            there.press("mask")
            await ours.expect(*[MASK] * (n + 1))
        assert ours.changes == []

    tell(address, story)


def test_the_agent_says_no(address: str) -> None:
    async def story(there: FakePortal, ours: Desk) -> None:
        there.deny = True
        results = await ours.start()
        assert {result.code for result in results.values() if isinstance(result, Unavailable)} == {
            Code.REFUSED
        }
        assert len(results) == 2
        there.deny = False
        assert await ours.hotkeys.change(BINDINGS) == GRANTED

    tell(address, story)


def test_the_agent_takes_its_time_with_the_desktops_question(address: str) -> None:
    async def story(there: FakePortal, ours: Desk) -> None:
        there.dialog = True
        starting = asyncio.create_task(ours.start())
        await ours.until(lambda: "BindShortcuts" in there.calls)
        await asyncio.sleep(0.2)
        assert not starting.done()
        there.answer_dialog.set()
        assert await starting == GRANTED

    tell(address, story)


def test_closed_while_the_desktop_asks(address: str) -> None:
    async def story(there: FakePortal, ours: Desk) -> None:
        there.dialog = True
        starting = asyncio.create_task(ours.start())
        await ours.until(lambda: "BindShortcuts" in there.calls)
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)
        await ours.hotkeys.close()
        await ours.until(lambda: not there.sessions)

    tell(address, story)


def test_another_action_is_asked_for_in_a_session_of_its_own(address: str) -> None:
    async def story(there: FakePortal, ours: Desk) -> None:
        await ours.start({MASK: parse("Ctrl+Alt+M")})
        both = await ours.hotkeys.change({MASK: parse("Ctrl+Alt+X"), TOGGLE: parse("Ctrl+Alt+T")})
        assert both == {  # the desktop keeps the keys that it has
            MASK: Bound("Press CTRL+ALT+m", configurable=True),
            TOGGLE: Bound("Press CTRL+ALT+t", configurable=True),
        }
        assert len(there.sessions) == 1
        assert await ours.hotkeys.change({TOGGLE: parse("Ctrl+Alt+T")}) == {TOGGLE: both[TOGGLE]}
        there.press("mask")
        there.press("toggle")
        await ours.expect(TOGGLE)

    tell(address, story)


def test_what_was_granted_is_kept_when_more_is_refused(address: str) -> None:
    async def story(there: FakePortal, ours: Desk) -> None:
        await ours.start({MASK: parse("Ctrl+Alt+M")})
        there.deny = True
        results = await ours.hotkeys.change({MASK: parse("Ctrl+Alt+M"), TOGGLE: parse("Ctrl+Alt+T")})
        assert results[MASK] == Bound("Press CTRL+ALT+m", configurable=True)
        refused = results[TOGGLE]
        assert isinstance(refused, Unavailable)
        assert refused.code is Code.REFUSED
        there.press("mask")
        await ours.expect(MASK)

    tell(address, story)


def test_older_portals_know_no_registry_and_no_settings(address: str) -> None:
    async def story(there: FakePortal, ours: Desk) -> None:
        assert await ours.start() == GRANTED
        assert not there.apps
        assert not await ours.hotkeys.configure()

    tell(address, story, version=1, registry=False)


def test_a_desktop_without_global_shortcuts_is_no_way(address: str) -> None:
    async def story(_there: FakePortal, ours: Desk) -> None:
        with pytest.raises(NoWayError, match="portal has no hotkeys"):
            await ours.start()

    tell(address, story, version=None)


def test_no_portal_and_no_bus_are_no_way(address: str, tmp_path: Path) -> None:
    async def story() -> None:
        async with desk(address) as ours:
            with pytest.raises(NoWayError, match="portal has no hotkeys"):
                await ours.start()
        async with desk(f"unix:path={tmp_path}/none") as ours:
            with pytest.raises(NoWayError, match="no session bus"):
                await ours.start()

    asyncio.run(story())


def test_the_bus_goes_away(tmp_path: Path) -> None:
    async def story() -> None:
        with contextlib.ExitStack() as stack:
            address = stack.enter_context(session_bus(tmp_path))
            there = await FakePortal(address, Known()).start()
            async with desk(address) as ours:
                await ours.start()
                stack.close()
                await ours.until(lambda: bool(ours.changes))
                gone = ours.changes[0][MASK]
                assert isinstance(gone, Unavailable)
                assert gone.code is Code.GONE
                assert not await ours.hotkeys.configure()
            await there.stop()

    asyncio.run(story())


def test_only_the_portal_itself_is_believed(address: str) -> None:
    """Another program on the bus sends us what looks like a press of unmask."""

    async def story(there: FakePortal, ours: Desk) -> None:
        await ours.start()
        ((session, client),) = there.sessions.items()
        other = await MessageBus(address).connect()
        body = [session, "show", 1, {}]
        for sent in (body, [f"{session}x", "show", 1, {}]):
            bus = other if sent is body else there.bus
            bus.send(
                Message(
                    client, PATH, SHORTCUTS, "Activated", MessageType.SIGNAL, signature="osta{sv}", body=sent
                )
            )
        await asyncio.sleep(0.05)
        there.press("mask")
        await ours.expect(MASK)
        other.disconnect()

    tell(address, story)


def test_a_closed_one_is_silent(address: str) -> None:
    async def story(there: FakePortal, ours: Desk) -> None:
        await ours.start()
        await ours.hotkeys.close()
        await ours.until(lambda: not there.sessions)
        await asyncio.sleep(0.1)
        assert (ours.presses, ours.changes) == ([], [])

    tell(address, story)


def test_it_works_on_the_programs_own_loop(address: str, loop: QEventLoop) -> None:
    async def story() -> None:
        async with portal(address) as there, desk(address) as ours:
            assert await ours.start() == GRANTED
            there.press("mask")
            await ours.expect(MASK)

    loop.run_until_complete(story())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Ctrl+Alt+M", "CTRL+ALT+m"),
        ("Shift+Meta+F9", "SHIFT+LOGO+F9"),
        ("Ctrl+Shift+1", "CTRL+SHIFT+1"),
        ("Ctrl+PageDown", "CTRL+Page_Down"),
        ("Alt+Space", "ALT+space"),
        ("Alt+Left", "ALT+Left"),
    ],
)
def test_how_keys_are_proposed(text: str, words: str) -> None:
    assert proposal(parse(text)) == words
