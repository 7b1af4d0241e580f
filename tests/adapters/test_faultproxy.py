"""The fault proxy does what it says: a tool that lies would make every test above it worthless."""

import asyncio
import socket
import time

import pytest

from tests.faultproxy import FaultProxy, Faults
from tests.pages import Page, Pages

ASK = b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"


def talk(port: int, request: bytes = ASK, patience: float = 0.3) -> tuple[bytes, str]:
    """What came back, and how it ended: closed, reset or silent."""
    got = b""
    with socket.create_connection(("127.0.0.1", port)) as line:
        line.settimeout(patience)
        try:
            line.sendall(request)
            while data := line.recv(4096):
                got += data
                if got.endswith(b"\r\n\r\n"):
                    return got, "whole"
            return got, "closed"
        except ConnectionError:
            return got, "reset"
        except TimeoutError:
            return got, "silent"


def connected(proxy: FaultProxy) -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxy.port))


WHOLE = Page().bytes()


@pytest.mark.parametrize(
    ("faults", "got", "end", "effects"),
    [
        (Faults(), WHOLE, "whole", 1),
        (Faults(cut_down=0), b"", "closed", 1),
        (Faults(cut_down=10), WHOLE[:10], "closed", 1),
        (Faults(cut_down=len(WHOLE)), WHOLE, "whole", 1),
        (Faults(reset_down=10), WHOLE[:10], "reset", 1),
        (Faults(reset_up=10), b"", "reset", 0),
        (Faults(refuse=True), b"", "reset", 0),
        (Faults(black_hole=True), b"", "silent", 0),
        (Faults(lose_answer=True), b"", "silent", 1),
        (Faults(hold_up=True), b"", "silent", 0),
        (Faults(hold_down=True), b"", "silent", 1),
        (Faults(cut_down=0, match=b"/x"), b"", "closed", 1),
        (Faults(cut_down=0, match=b"/y"), WHOLE, "whole", 1),
        (Faults(drip_down=0.001), WHOLE, "whole", 1),
    ],
)
def test_each_fault(faults: Faults, got: bytes, end: str, effects: int) -> None:
    with Pages() as pages, FaultProxy(pages.port, faults) as proxy:
        assert talk(proxy.port) == (got, end)
        assert len(pages.seen) == effects
        proxy.faults = Faults()
        assert talk(proxy.port) == (WHOLE, "whole")


def test_latency_each_way_and_one_more_round_trip_for_a_new_connection() -> None:
    with (
        Pages() as pages,
        FaultProxy(pages.port, Faults(up=0.02, down=0.03)) as proxy,
        connected(proxy) as line,
    ):
        times = []
        for _ in range(2):
            began = time.monotonic()
            line.sendall(ASK)
            assert line.recv(4096) == WHOLE
            times.append(time.monotonic() - began)
    assert 0.1 <= times[0] < 0.15
    assert 0.05 <= times[1] < 0.09


def test_a_held_request_has_its_effect_after_the_client_has_gone() -> None:
    with Pages() as pages, FaultProxy(pages.port, Faults(hold_up=True)) as proxy:
        assert talk(proxy.port, patience=0.05)[1] == "silent"
        assert proxy.holding.is_set()
        assert pages.seen == []
        (held,) = proxy.held
        proxy.release()
        assert held.passed_on.wait(5)
        assert pages.arrived.wait(5)


def test_a_held_answer_comes_when_it_is_released() -> None:
    with Pages() as pages, FaultProxy(pages.port, Faults(hold_down=True)) as proxy, connected(proxy) as line:
        line.sendall(ASK)
        assert proxy.holding.wait(5)
        assert pages.arrived.wait(5)
        proxy.release()
        line.settimeout(5)
        assert line.recv(4096) == WHOLE


def test_an_idle_connection_is_closed_and_a_busy_one_is_not() -> None:
    with Pages(Page(delay=0.2)) as pages, FaultProxy(pages.port, idle=0.1) as proxy, connected(proxy) as line:
        line.settimeout(5)
        line.sendall(ASK)
        assert line.recv(4096) == WHOLE
        began = time.monotonic()
        assert line.recv(4096) == b""
        assert 0.05 < time.monotonic() - began < 0.3


def test_it_works_inside_a_loop_too() -> None:
    async def story(port: int) -> bytes:
        async with FaultProxy(port, Faults(cut_down=5)) as proxy:
            reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
            writer.write(ASK)
            got = await reader.read()
            writer.close()
            return got

    with Pages() as pages:
        assert asyncio.run(story(pages.port)) == WHOLE[:5]
