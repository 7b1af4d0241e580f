"""Each scenario as a client sees it over a real socket, beside what was true."""

from __future__ import annotations

import socket
import threading
import time
from email.utils import parsedate_to_datetime

import httpx
import pytest

from app.simulator.scenarios import SCENARIOS
from tests.simulator.conftest import Caller

# scenario: (status or the error's class, the recording right after)
SEEN: dict[str, tuple[int | type[Exception], str]] = {
    "instant": (200, "masked"),
    "pending": (202, "recorded"),
    "slow-confirm": (202, "recorded"),
    "accepted": (202, "recorded"),
    "pending-forever": (202, "recorded"),
    "dropped": (202, "recorded"),
    "locked-forever": (202, "recorded"),
    "no-call": (404, "recorded"),
    "internal": (422, "recorded"),
    "signed-out": (401, "recorded"),
    "forbidden": (403, "recorded"),
    "refused": (400, "recorded"),
    "locked": (425, "recorded"),
    "throttled": (429, "recorded"),
    "throttled-date": (429, "recorded"),
    "away": (503, "recorded"),
    "error": (500, "recorded"),
    "error-done": (500, "masked"),
    "timeout": (504, "recorded"),
    "timeout-done": (504, "masked"),
    "timeout-late": (504, "recorded"),
    "slow": (httpx.ReadTimeout, "masked"),
    "slow-lost": (httpx.ReadTimeout, "masked"),
    "lost": (httpx.ReadTimeout, "recorded"),
    "half": (httpx.RemoteProtocolError, "masked"),
    "reset": (httpx.ReadError, "recorded"),
    "reset-done": (httpx.ReadError, "masked"),
    "html": (200, "recorded"),
    "redirect": (302, "recorded"),
    "huge": (200, "masked"),
    "binary": (200, "masked"),
    "no-content": (204, "masked"),
    "empty": (200, "masked"),
}


def test_every_scenario_is_seen_here() -> None:
    assert set(SCENARIOS) == set(SEEN) | {"drip"}


@pytest.mark.parametrize("name", SEEN)
def test_scenario(caller: Caller, name: str) -> None:
    expected, recording = SEEN[name]
    assert caller.sim_post("scenario", name=name).status_code == 200
    if isinstance(expected, int):
        assert caller.ask("mask").status_code == expected
    else:
        with pytest.raises(expected):
            caller.ask("mask", wait=0.3)
    assert caller.sim.world.recording() == recording


def test_drip_comes_one_byte_at_a_time(caller: Caller) -> None:
    caller.sim.world.play("drip", fields={"drip_every": 0.02})
    begun = time.monotonic()
    url = f"{caller.sim.url}/interaction-recording-management-service/v1/interactions/mask?userId=1"
    with caller.http.stream("POST", url) as response:
        pieces = []
        for piece in response.iter_raw():
            pieces.append(piece)
            if len(pieces) == 5:
                break
    assert [len(piece) for piece in pieces] == [1] * 5
    assert time.monotonic() - begun >= 0.07


def test_details_that_a_client_may_look_at(caller: Caller) -> None:
    world = caller.sim.world
    world.play("throttled", fields={"retry_after": 7})
    assert caller.ask("mask").headers["retry-after"] == "7"
    world.play("throttled-date", fields={"retry_after": 30})
    wait = parsedate_to_datetime(caller.ask("mask").headers["retry-after"]).timestamp() - time.time()
    assert 29 < wait <= 31
    world.play("redirect", fields={"location": "/elsewhere"})
    assert caller.ask("mask").headers["location"] == "/elsewhere"
    world.play("huge", fields={"size": 200_000})
    huge = caller.ask("mask")
    assert len(huge.content) > 200_000
    assert "content-length" not in huge.headers
    world.play("error", fields={"message": "the disk is full"})
    error = caller.ask("mask", correlationid="mine-1")
    assert error.json() == {"message": "the disk is full", "code": "500"}
    assert error.headers["icstatusdescription"] == "the disk is full"
    assert error.headers["correlationid"] == "mine-1"
    assert world.truth()["requests"][-1]["headers"]["correlationid"] == "mine-1"


def test_a_client_that_gives_up_and_asks_again_never_overlaps(caller: Caller) -> None:
    caller.sim.world.turn({"script": {"mask": ["slow-lost", "instant"] * 15}})
    for _ in range(15):
        with pytest.raises(httpx.ReadTimeout):
            caller.ask("mask", wait=0.01)
        assert caller.ask("mask").status_code == 200
    truth = caller.sim.world.truth()
    assert truth["overlaps"] == 0
    deadline = time.monotonic() + 5
    while (
        truth["in_flight"] and time.monotonic() < deadline
    ):  # the loop may hear of the last close a moment later
        time.sleep(0.01)
        truth = caller.sim.world.truth()
    assert [r["ended"] for r in truth["requests"] if r["op"] == "mask"] == ["gone", "answered"] * 15


def test_an_answered_client_that_asks_again_at_once_never_overlaps(caller: Caller) -> None:
    with httpx.Client(base_url=caller.sim.url, headers=caller.http.headers, trust_env=False) as second:
        other = Caller(caller.sim, second)
        for _ in range(100):  # two warm connections in turn: the worst case for the order of events
            caller.ask("mask")
            other.ask("unmask")
    assert caller.sim.world.truth()["overlaps"] == 0


def test_two_at_once_are_counted(caller: Caller) -> None:
    caller.sim.world.turn({"script": {"mask": [{"delay": 0.4}]}})
    thread = threading.Thread(target=caller.ask, args=("mask",))
    thread.start()
    while caller.sim.world.truth()["in_flight"] == 0:
        time.sleep(0.005)
    with httpx.Client(base_url=caller.sim.url, headers=caller.http.headers, trust_env=False) as second:
        Caller(caller.sim, second).ask("unmask")
    thread.join()
    assert caller.sim.world.truth()["overlaps"] == 1


def test_a_warm_connection_is_used_again_and_a_keep_warm_request_is_counted(caller: Caller) -> None:
    assert caller.http.head("/").status_code == 200
    assert caller.http.get("/").status_code == 200
    caller.ask("mask")
    caller.ask("unmask")
    truth = caller.sim.world.truth()
    assert truth["keep_warm"] == 2
    assert len({r["peer"] for r in truth["requests"] if r["op"] != "token"}) == 1


def test_an_answer_does_not_wait_for_a_delayed_ack(caller: Caller) -> None:
    caller.ask("mask")
    begun = time.monotonic()
    for _ in range(20):
        caller.ask("mask")
    assert time.monotonic() - begun < 20 * 0.03


def test_bytes_that_are_no_http_are_survived(caller: Caller) -> None:
    with socket.create_connection((caller.http.base_url.host, caller.http.base_url.port or 0)) as raw:
        raw.sendall(b"\x00\xff not http \r\n\r\n")
        assert raw.recv(100).startswith(b"HTTP/1.1 400")
    assert caller.ask("mask").status_code == 200
