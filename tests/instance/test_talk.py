"""The window's side of the talk, without a socket: who says what, who is obeyed, and who is sent away."""

import asyncio

import pytest

from app.adapters import instance_talk
from app.adapters.instance_talk import MOST_UNREAD
from app.adapters.instance_words import Request
from app.core.failures import Failure
from app.core.ports import Answer, Wish
from app.core.states import Ask, Doubted, Phase, Press
from tests.instance.desk import HandDesk, HandWire, call, tell


def ended(wire: HandWire) -> tuple[str, str]:
    last = wire.said[-1]
    assert last["answer"] == "ended", wire.said
    return last["result"], last["reason"]


def test_status_is_one_line_and_the_end() -> None:
    async def story(desk: HandDesk) -> None:
        _, wire = call(desk, Request("status"))
        assert [said["answer"] for said in wire.said] == ["status"]
        assert wire.said[0]["status"] == desk.talk.document()
        assert wire.closed

    tell(story)


def test_mask_is_told_when_it_is_confirmed() -> None:
    async def story(desk: HandDesk) -> None:
        _, wire = call(desk, Request("mask"))
        assert [said["answer"] for said in wire.said] == ["taken"]
        assert wire.said[0]["within"] == 10.0
        desk.answer(Answer(accepted=True, status=202))
        assert len(wire.said) == 1, "accepted is not done"
        desk.wait(1.0)
        desk.answer()
        assert ended(wire) == ("done", "")
        assert wire.said[-1]["status"]["card"] is True
        assert wire.closed

    tell(story)


def test_a_refusal_is_told_with_the_windows_words() -> None:
    async def story(desk: HandDesk) -> None:
        _, wire = call(desk, Request("mask"))
        desk.answer(Answer(failure=Failure.NOT_ALLOWED))
        result, reason = ended(wire)
        assert result == "refused"
        assert reason.startswith(Failure.NOT_ALLOWED.words.happened)

    tell(story)


def test_without_a_wait_unknown_ends_it_and_with_one_the_chase_is_waited_for() -> None:
    async def story(desk: HandDesk) -> None:
        _, hasty = call(desk, Request("mask"))
        _, patient = call(desk, Request("mask", 60.0))
        desk.answer(Answer(failure=Failure.UNEXPECTED))
        assert ended(hasty)[0] == "unknown"
        assert [said["answer"] for said in patient.said] == ["taken"]
        desk.wait(6.0)
        desk.answer()
        assert ended(patient) == ("done", "")

    tell(story)


def test_at_the_end_of_the_wait_it_is_pending() -> None:
    async def story(desk: HandDesk) -> None:
        _, wire = call(desk, Request("mask", 0.02))
        await asyncio.sleep(0.1)
        assert ended(wire) == ("pending", "Asking the recorder · 0 s")
        desk.answer()
        assert len(wire.said) == 2, "the wish went on, and the caller is not told twice"
        assert desk.state.phase is Phase.MASKED

    tell(story)


def test_a_wish_goes_on_without_its_caller() -> None:
    async def story(desk: HandDesk) -> None:
        caller, wire = call(desk, Request("mask"))
        caller.lost()
        desk.answer()
        assert desk.state.phase is Phase.MASKED
        assert len(wire.said) == 1

    tell(story)


def test_a_newer_wish_ends_an_older_one() -> None:
    async def story(desk: HandDesk) -> None:
        _, mask = call(desk, Request("mask"))
        _, unmask = call(desk, Request("unmask"))
        assert unmask.said[0]["within"] == 20.0
        assert ended(mask) == ("refused", "A newer wish took its place.")
        desk.answer()
        desk.answer()
        assert ended(unmask) == ("done", "")
        assert desk.wishes == [Wish.MASK, Wish.UNMASK]

    tell(story)


def test_toggle_is_the_button() -> None:
    async def story(desk: HandDesk) -> None:
        _, first = call(desk, Request("toggle"))
        _, second = call(desk, Request("toggle"))
        assert desk.wishes == [Wish.MASK], "a toggle while a wish is pending waits for it"
        desk.answer()
        assert ended(first) == ended(second) == ("done", "")
        _, third = call(desk, Request("toggle"))
        assert ended(third) == ("refused", "Double-click: the call stays masked.")
        desk.wait(1.0)
        _, fourth = call(desk, Request("toggle"))
        desk.answer()
        assert ended(fourth) == ("done", "")
        assert desk.wishes == [Wish.MASK, Wish.UNMASK]

    tell(story)


@pytest.mark.guarantee("G21")
def test_every_follower_hears_every_change_in_the_windows_words() -> None:
    async def story(desk: HandDesk) -> None:
        wires = [call(desk, Request("follow"))[1] for _ in range(3)]
        seen = [desk.look()[1]]
        desk.handle(Press(Wish.MASK, desk.clock.now))
        seen.append(desk.look()[1])
        desk.answer()
        seen.append(desk.look()[1])
        desk.wait(1.0)
        seen.append(desk.look()[1])
        desk.handle(Doubted(Failure.CALL_CHANGED, desk.clock.now))
        seen.append(desk.look()[1])
        for wire in wires:
            assert [said["status"]["spoken"] for said in wire.said] == [shown.spoken for shown in seen]

    tell(story)


def test_what_has_not_changed_is_not_said_again() -> None:
    async def story(desk: HandDesk) -> None:
        _, wire = call(desk, Request("follow"))
        desk.clock.now += 5.0
        desk.clock.epoch += 0.0004
        desk.talk.changed()
        assert len(wire.said) == 1, "two clocks are never read in the same instant; the past must not tremble"
        desk.handle(Ask(Wish.MASK, desk.clock.now))
        since = wire.said[-1]["status"]["since"]
        desk.clock.epoch += 3600.0
        desk.talk.changed()
        assert wire.said[-1]["status"]["since"] != since, "a clock that was set is another matter"

    tell(story)


def test_a_follower_that_does_not_read_is_dropped_with_a_last_line() -> None:
    async def story(desk: HandDesk) -> None:
        slow, quick = call(desk, Request("follow"))[1], call(desk, Request("follow"))[1]
        slow.full = True
        desk.handle(Ask(Wish.MASK, desk.clock.now))
        desk.answer()
        for _ in range(200):
            desk.wait(1.0)
        assert slow.said[-1]["answer"] == "bye"
        assert slow.said[-1]["going"] is False
        assert slow.closed
        assert len(slow.written) < MOST_UNREAD + 4096
        assert len(quick.said) > 200

    tell(story)


def test_who_does_not_read_the_last_line_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(instance_talk, "LAST_LINE_TIME", 0.02)

    async def story(desk: HandDesk) -> None:
        caller, wire = call(desk)
        wire.full = True
        caller.received(Request("status").line())
        assert not wire.aborted
        await asyncio.sleep(0.1)
        assert wire.aborted

    tell(story)


@pytest.mark.parametrize(("op", "phase"), [("unmask", Phase.MASKED), ("toggle", Phase.MASKED)])
def test_by_policy_no_command_unmasks(op: str, phase: Phase) -> None:
    async def story(desk: HandDesk) -> None:
        desk.handle(Ask(Wish.MASK, desk.clock.now))
        _, waiting = call(desk, Request("toggle"))
        desk.answer()
        assert ended(waiting) == ("done", ""), "to wait for a mask is allowed"
        desk.wait(1.0)
        _, wire = call(desk, Request(op))
        assert ended(wire)[0] == "not-allowed"
        assert desk.wishes == [Wish.MASK]
        assert desk.state.phase is phase
        _, wire = call(desk, Request("mask"))
        desk.answer()
        assert ended(wire) == ("done", ""), "to mask is always allowed"

    tell(story, may_unmask=False)


def test_show_and_quit() -> None:
    async def story(desk: HandDesk) -> None:
        _, wire = call(desk, Request("show"))
        assert (ended(wire), desk.shown) == (("done", ""), 1)
        desk.asks_before_leaving = "The call is still masked."
        _, wire = call(desk, Request("quit"))
        assert (ended(wire), desk.left) == (("refused", "The call is still masked. The window asks."), 0)
        desk.asks_before_leaving = ""
        _, wire = call(desk, Request("quit"))
        assert (ended(wire), desk.left) == (("done", ""), 1)
        assert not wire.closed, "it is closed when the window goes"
        desk.talk.changed()
        assert len(wire.said) == 1

    tell(story)


@pytest.mark.warns("maskbar.instance", "an incident could not be put down")
def test_incident() -> None:
    async def put_down() -> str:
        return "Put down as record 7."

    async def fails() -> str:
        raise RuntimeError

    for incident, wanted in (
        (put_down, ("done", "Put down as record 7.")),
        (fails, ("refused", "It could not be written into the journal; the log says why.")),
        (None, ("refused", "This MaskBar keeps no journal.")),
    ):

        async def story(desk: HandDesk, wanted: tuple[str, str] = wanted) -> None:
            _, wire = call(desk, Request("incident"))
            await asyncio.sleep(0.01)
            assert ended(wire) == wanted

        tell(story, incident=incident)


@pytest.mark.warns("maskbar.instance", "a command failed")
def test_a_command_that_fails_is_answered_and_the_window_lives() -> None:
    def raises() -> None:
        raise RuntimeError

    async def story(desk: HandDesk) -> None:
        _, wire = call(desk, Request("show"))
        assert wire.said[-1]["answer"] == "error"
        _, wire = call(desk, Request("status"))
        assert wire.said[-1]["answer"] == "status"

    tell(story, show=raises)


def test_all_are_told_when_the_window_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(instance_talk, "GOODBYE_TIME", 0.02)

    async def told() -> None:
        desk = HandDesk()
        wires = [call(desk, request)[1] for request in (Request("follow"), Request("mask", 10.0), None)]
        for wire in wires:
            wire.full = True
        await desk.talk.close()
        for wire in wires:
            assert (wire.said[-1]["answer"], wire.said[-1]["going"]) == ("bye", True)
            assert wire.aborted, "nobody can hold the end up"
        _, late = call(desk, Request("mask"))
        assert late.said[-1]["answer"] == "bye"

    asyncio.run(told())
