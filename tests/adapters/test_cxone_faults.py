"""What networks and broken services do to a request: never a confirmation, never "not sent" when it may have been."""

import asyncio
import time
import tracemalloc
from collections.abc import Callable

import pytest

from app.adapters.cxone import CxoneRecorder
from app.adapters.network import Network
from app.core.failures import Failure, Fate
from app.core.ports import Answer, Wish
from tests.adapters.clients import (
    GuessesNotSent,
    ReadsItAll,
    SendsAgain,
    TakesHalfAnswers,
    WireOf,
    ask,
    recorder,
    run,
)
from tests.faultproxy import FaultProxy, Faults
from tests.pages import Page, Pages

WHOLE = {
    "with a length": Page(200, b'{"done": true}', (("Content-Type", "application/json"),)),
    "in chunks": Page(
        200, b"5\r\nhello\r\n3\r\nyou\r\n0\r\n\r\n", (("Transfer-Encoding", "chunked"), ("Server", "x"))
    ),
    "empty": Page(200),
}


def may_have_been_done(answer: Answer) -> bool:
    return answer.failure is not None and answer.failure.fate in (Fate.PERHAPS, Fate.UNEXPECTED)


def wrong_after_cuts(
    page: Page, reset: bool, kind: type[CxoneRecorder] = CxoneRecorder, network: Network | None = None
) -> list[int]:
    """After how many bytes of the answer the client drew a wrong conclusion. Every cut is tried, whole is confirmed."""
    length = len(page.bytes())
    wrong: list[int] = []

    async def story(client: CxoneRecorder) -> None:
        for cut in range(length):
            pages.answer = Page(page.status, page.body, page.headers, cut=cut, reset=reset)
            wish = Wish.MASK if cut % 2 else Wish.UNMASK
            if not may_have_been_done(await client.ask(wish, f"cut-{cut}", 5)):
                wrong.append(cut)
        pages.answer = page
        assert (await client.ask(Wish.MASK, "whole", 5)).confirmed

    with Pages() as pages:
        run(recorder(pages.url, kind=kind, network=network), story)
        assert len(pages.seen) == length + 1, "each was sent once"
    return wrong


@pytest.mark.guarantee("G03")
@pytest.mark.parametrize("page", WHOLE.values(), ids=WHOLE.keys())
def test_half_an_answer_is_unknown_wherever_it_is_cut(page: Page) -> None:
    assert wrong_after_cuts(page, reset=False) == []


@pytest.mark.guarantee("G03")
def test_half_an_answer_is_unknown_wherever_it_is_reset() -> None:
    assert wrong_after_cuts(WHOLE["with a length"], reset=True) == []


@pytest.mark.guarantee("G03")
def test_the_cuts_catch_broken_clients() -> None:
    page = WHOLE["with a length"]
    assert wrong_after_cuts(page, False, network=WireOf(TakesHalfAnswers))
    assert wrong_after_cuts(page, False, kind=GuessesNotSent)
    with pytest.raises(AssertionError, match="each was sent once"):
        wrong_after_cuts(page, False, network=WireOf(SendsAgain))


# Without an answer in time.

SILENT = {
    "never answers": Page(hang=True),
    "drips its head": Page(drip=0.05),
    "drips a body without end": Page(200, b"x" * 10_000, drip=0.02),
    "stops in its head": Page(raw=b"HTTP/1.1 200 OK\r\nContent-", delay=0.01),
    "stops in its body": Page(200, b"ok", (("Content-Length", "3"),)),
    "promises chunks": Page(200, b"1\r\nx\r\n", (("Transfer-Encoding", "chunked"),)),
    "drips a 404": Page(404, drip=0.05),
    "is too late": Page(200, delay=0.6),
}


@pytest.mark.guarantee("G03")
@pytest.mark.guarantee("G08")
@pytest.mark.parametrize("wish", list(Wish))
@pytest.mark.parametrize("page", SILENT.values(), ids=SILENT.keys())
def test_no_answer_in_time_is_unknown_when_the_time_is_up(page: Page, wish: Wish) -> None:
    with Pages(page) as pages:
        began = time.monotonic()
        answer = ask(recorder(pages.url), wish, limit=0.4)
        took = time.monotonic() - began
    assert answer.failure is Failure.NO_ANSWER
    assert 0.35 < took < 0.4 + 0.25


def test_much_is_not_read_into_memory() -> None:
    def peak(network: Network | None) -> int:
        tracemalloc.start()
        try:
            assert ask(recorder(pages.url, network=network), limit=20).status == 200
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    flood = 20 * 1024 * 1024
    with Pages(Page(200, headers=(("Content-Length", str(flood)),), flood=flood)) as pages:
        ask(recorder(pages.url))  # what is loaded once is not counted
        assert peak(None) < 2_000_000
        assert peak(WireOf(ReadsItAll)) > flood


# Before it is sent.


def test_a_port_where_nobody_listens_is_not_reached() -> None:
    with Pages() as pages:
        url = pages.url
    assert ask(recorder(url)).failure is Failure.NOT_REACHED


def test_a_name_that_does_not_exist_is_not_reached() -> None:
    assert ask(recorder("https://recorder.invalid"), limit=5).failure is Failure.NOT_REACHED


def test_no_time_at_all_is_not_reached() -> None:
    with Pages() as pages:
        answer = ask(recorder(pages.url), limit=0)
    assert answer.failure is not None
    assert answer.failure.fate is Fate.NOT_SENT
    assert pages.seen == []


def test_a_listener_that_never_accepts_is_not_reached() -> None:
    import socket

    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        port = deaf.getsockname()[1]
        crowd = [socket.socket() for _ in range(4)]
        for one in crowd:
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", port))
        answer = ask(recorder(f"http://127.0.0.1:{port}"), limit=0.4)
        for one in crowd:
            one.close()
    assert answer.failure is Failure.NOT_REACHED


def test_after_close_nothing_is_asked() -> None:
    async def story(client: CxoneRecorder) -> Answer:
        await client.close()
        await client.warm()
        return await client.ask(Wish.MASK, "late", 5)

    with Pages() as pages:
        assert run(recorder(pages.url), story).failure is Failure.NOT_REACHED
    assert pages.connections == 0


def test_close_while_the_line_is_being_made_is_no_cancellation() -> None:
    async def story(client: CxoneRecorder) -> Answer:
        asking = asyncio.create_task(client.ask(Wish.MASK, "a", 30))
        await asyncio.sleep(0)
        await client.close()
        return await asking

    with Pages() as pages:
        answer = run(recorder(pages.url), story)
    assert answer.failure is not None
    assert (answer.failure.fate is Fate.NOT_SENT) == (pages.seen == [])


def test_close_ends_what_is_under_way_as_not_answered() -> None:
    async def story(client: CxoneRecorder) -> Answer:
        asking = asyncio.create_task(client.ask(Wish.MASK, "a", 30))
        assert await asyncio.to_thread(pages.arrived.wait, 5)
        await client.close()
        return await asking

    with Pages(Page(hang=True)) as pages:
        assert run(recorder(pages.url), story).failure is Failure.NO_ANSWER


def test_only_cancellation_comes_out_of_ask() -> None:
    async def story(client: CxoneRecorder) -> bool:
        asking = asyncio.create_task(client.ask(Wish.MASK, "a", 30))
        assert await asyncio.to_thread(pages.arrived.wait, 5)
        asking.cancel()
        await asyncio.wait([asking])
        assert asking.cancelled()
        pages.answer = Page()
        return (await client.ask(Wish.MASK, "b", 5)).confirmed

    with Pages(Page(hang=True)) as pages:
        assert run(recorder(pages.url), story)


# Through the fault proxy.

FAULTS: dict[str, tuple[Faults, set[Fate]]] = {
    "reset in the request": (Faults(reset_up=30), {Fate.PERHAPS}),
    "reset after the request": (Faults(reset_down=0), {Fate.PERHAPS}),
    "reset in the answer": (Faults(reset_down=20), {Fate.PERHAPS}),
    "cut before the answer": (Faults(cut_down=0), {Fate.PERHAPS}),
    "cut in the answer": (Faults(cut_down=20), {Fate.PERHAPS}),
    "a black hole": (Faults(black_hole=True), {Fate.PERHAPS}),
    "the answer is lost": (Faults(lose_answer=True), {Fate.PERHAPS}),
    "the request is held": (Faults(hold_up=True), {Fate.PERHAPS}),
    "the answer is held": (Faults(hold_down=True), {Fate.PERHAPS}),
    "one byte at a time": (Faults(drip_down=0.05), {Fate.PERHAPS}),
    "too slow a line": (Faults(up=0.1, down=0.1), {Fate.PERHAPS}),
}


def unsafe_under_faults(kind: type[CxoneRecorder], status: int = 200, warm: bool = True) -> list[str]:
    """The faults that led `kind` to say anything else than "nobody knows"; each then gets a good answer again."""
    wrong: list[str] = []

    async def story(client: CxoneRecorder) -> None:
        for name, (faults, fates) in FAULTS.items():
            pages.answer = Page(status, b"x" * 40)
            if warm:
                await client.warm()
            proxy.faults = faults
            answer = await client.ask(Wish.MASK, "faulty", 0.15)
            if answer.failure is None or answer.failure.fate not in fates:
                wrong.append(name)
            proxy.faults = Faults()
            pages.answer = Page()
            assert (await client.ask(Wish.MASK, "afterwards", 5)).confirmed, name
        proxy.release()

    with Pages() as pages, FaultProxy(pages.port) as proxy:
        run(recorder(proxy.url, kind=kind), story)
    return wrong


@pytest.mark.guarantee("G03")
@pytest.mark.parametrize("status", [200, 404])
@pytest.mark.parametrize("warm", [True, False], ids=["warm", "cold"])
def test_every_fault_is_unknown_and_the_next_request_works(status: int, warm: bool) -> None:
    assert unsafe_under_faults(CxoneRecorder, status, warm) == []


@pytest.mark.guarantee("G03")
def test_the_faults_catch_a_broken_client() -> None:
    assert unsafe_under_faults(GuessesNotSent)


def test_a_refused_connection_was_not_sent() -> None:
    # The reset may come before or after the first bytes have gone: what matters is that "not sent" is never a guess.
    with Pages() as pages, FaultProxy(pages.port, Faults(refuse=True)) as proxy:
        answer = ask(recorder(proxy.url))
    assert answer.failure is not None
    assert answer.failure.fate in (Fate.NOT_SENT, Fate.PERHAPS)
    assert pages.seen == []


def test_a_connection_that_the_service_closed_while_idle_costs_nothing() -> None:
    async def story(client: CxoneRecorder) -> list[bool]:
        found = []
        for _ in range(3):
            found.append((await client.ask(Wish.MASK, "a", 5)).confirmed)
            await asyncio.sleep(0.15)
        return found

    with Pages(idle=0.05) as pages:
        assert run(recorder(pages.url), story) == [True] * 3
    assert (pages.connections, len(pages.seen)) == (3, 3)


def test_a_close_that_crosses_the_request_is_unknown_and_not_sent_again() -> None:
    """The service closes its idle connection at the very moment in which the request goes out."""

    async def story(client: CxoneRecorder) -> list[Answer]:
        answers = [await client.ask(Wish.MASK, "a", 5)]
        pages.answer = Page(cut=0)
        answers.append(await client.ask(Wish.MASK, "b", 5))
        return answers

    with Pages() as pages:
        first, second = run(recorder(pages.url), story)
    assert first.confirmed
    assert second.failure is Failure.NO_ANSWER
    assert len(pages.seen) == 2


@pytest.mark.parametrize(
    "make", [lambda: Faults(hold_up=True), lambda: Faults(hold_up=True, match=b"/unmask")]
)
def test_a_request_that_overtakes_us_late_still_arrives(make: Callable[[], Faults]) -> None:
    """The tool for the fence after an ambiguous unmask: the unmask is let go after a newer mask."""

    async def story(client: CxoneRecorder) -> None:
        proxy.faults = make()
        answer = await client.ask(Wish.UNMASK, "late", 0.2)
        assert answer.failure is Failure.NO_ANSWER
        proxy.faults = Faults()
        assert (await client.ask(Wish.MASK, "newer", 5)).confirmed
        (held,) = proxy.held
        proxy.release()
        assert await asyncio.to_thread(held.passed_on.wait, 5)

    with Pages() as pages, FaultProxy(pages.port) as proxy:
        run(recorder(proxy.url), story)
        for _ in range(100):
            if len(pages.seen) == 2:
                break
            time.sleep(0.01)
    assert [request.headers["x-request-id"] for request in pages.seen] == ["newer", "late"]
