"""What a caller must not be able to do: be obeyed by half a word, hold the window up, or take all the room."""

import asyncio
import logging

import pytest

from app.adapters import instance_talk
from app.adapters.instance_talk import MOST_CALLERS
from app.adapters.instance_words import LONGEST_REQUEST, Request, parse
from app.core.ports import Wish
from tests.instance.desk import HandDesk, call, tell
from tests.instance.test_words import _try, messages


@pytest.mark.parametrize(
    "raw",
    [
        b"\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b'{"maskbar":1,"op":"mask","wait":null}\n{"maskbar":1,"op":"quit"}\n',
        b'{"maskbar":1,"op":"mask","wait":-1}\n',
        b"x" * LONGEST_REQUEST,
        b"x" * LONGEST_REQUEST * 10 + b"\n",
    ],
)
@pytest.mark.guarantee("G26")
@pytest.mark.warns("maskbar.instance", "a request was none")
def test_what_is_no_request_does_nothing_and_hears_why(raw: bytes) -> None:
    async def story(desk: HandDesk) -> None:
        caller, wire = call(desk, raw)
        assert [said["answer"] for said in wire.said] == ["error"]
        assert wire.said[0]["reason"]
        assert wire.closed
        caller.received(Request("mask").line())
        assert (desk.sent, desk.shown, desk.left) == ([], 0, 0)

    tell(story)


@pytest.mark.guarantee("G26")
@pytest.mark.warns("maskbar.instance", "a request was none")
def test_ten_thousand_malformed_messages_do_nothing() -> None:
    async def story(desk: HandDesk) -> None:
        before = desk.state
        for raw in messages(seed=62, many=10_000):
            _, wire = call(desk, raw + b"\n")
            if _try(parse, raw) is None:
                assert [said["answer"] for said in wire.said] == ["error"], raw
                assert wire.closed
                assert (desk.state, desk.shown, desk.left) == (before, 0, 0), raw
            else:  # an accident that changes nothing that counts
                desk.state, desk.shown, desk.left = before, 0, 0
            await asyncio.sleep(0)

    logging.getLogger("maskbar.instance").setLevel(logging.WARNING)
    tell(story)


@pytest.mark.guarantee("G26")
@pytest.mark.warns("maskbar.instance", "a request was none")
def test_half_a_request_is_none() -> None:
    async def story(desk: HandDesk) -> None:
        for cut in range(len(Request("mask").line())):
            caller, wire = call(desk, Request("mask").line()[:cut])
            caller.finished()
            assert [said["answer"] for said in wire.said] == ["error"]
            caller.lost()
        assert desk.sent == []

    tell(story)


def test_a_request_may_come_byte_by_byte() -> None:
    async def story(desk: HandDesk) -> None:
        caller, wire = call(desk)
        for byte in Request("mask").line():
            caller.received(bytes([byte]))
        caller.finished()
        assert [said["answer"] for said in wire.said] == ["taken"]
        assert desk.wishes == [Wish.MASK]

    tell(story)


@pytest.mark.warns("maskbar.instance", "a request was none")
def test_a_second_request_on_the_same_line_is_not_heard() -> None:
    async def story(desk: HandDesk) -> None:
        caller, wire = call(desk, Request("follow"))
        caller.received(Request("mask").line())
        assert wire.said[-1]["answer"] == "error"
        assert desk.sent == []

    tell(story)


@pytest.mark.guarantee("G26")
@pytest.mark.warns("maskbar.instance", "a request was none")
def test_who_takes_his_time_is_sent_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(instance_talk, "REQUEST_TIME", 0.05)

    async def story(desk: HandDesk) -> None:
        caller, wire = call(desk)
        for byte in Request("mask").line():
            caller.received(bytes([byte]))
            await asyncio.sleep(0.01)
        assert [said["answer"] for said in wire.said] == ["error"]
        assert desk.sent == []

    tell(story)


def test_no_more_callers_than_there_is_room_for() -> None:
    async def story(desk: HandDesk) -> None:
        callers = [call(desk, Request("follow")) for _ in range(MOST_CALLERS)]
        turned, wire = call(desk, Request("mask"))
        assert [said["answer"] for said in wire.said] == ["bye"]
        assert desk.sent == []
        turned.lost()
        callers[0][0].lost()
        _, wire = call(desk, Request("status"))
        assert wire.said[0]["answer"] == "status"

    tell(story)
