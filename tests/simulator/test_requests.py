"""What is written down of each request, what a script does with it, and what the read-back says; without any HTTP."""

from __future__ import annotations

import pytest

from app.simulator.behaviour import ControlError
from app.simulator.requests import GRACE, MOST_REQUESTS, Request
from tests.simulator.conftest import AGENT, OTHER, Stage


def test_a_script_is_used_up_then_the_default_returns(stage: Stage) -> None:
    stage.world.start_call(AGENT)
    stage.world.turn(
        {"script": {"mask": ["timeout", {"status": 503}, {"scenario": "error", "effect": True}]}}
    )
    stage.world.turn({"token_life": 5})  # turning another knob does not wind the script back
    assert [stage.ask("mask") for _ in range(4)] == [504, 503, 500, 200]
    assert [r["effect"] for r in stage.log()] == [False, False, True, False]


def test_throttled_holds_for_its_time_then_lets_one_through(stage: Stage) -> None:
    stage.world.play("throttled")
    stage.world.start_call(AGENT)
    assert [stage.ask("mask"), stage.ask("mask")] == [429, 429]
    stage.wait(2)
    assert [stage.ask("mask"), stage.ask("unmask")] == [200, 429]


def test_an_overlap_is_counted_and_an_abandoned_request_is_none(stage: Stage) -> None:
    world = stage.world
    first = world.arrive("mask", AGENT, {})
    world.arrive("mask", OTHER, {})
    assert world.truth(AGENT)["overlaps"] == 0
    world.gone(first)
    second = world.arrive("mask", AGENT, {})
    assert world.truth(AGENT)["overlaps"] == 0
    third = world.arrive("unmask", AGENT, {})
    assert (world.truth(AGENT)["overlaps"], world.truth(AGENT)["in_flight"]) == (1, 2)
    world.answered(second, 200)
    world.answered(third, 200)
    assert world.truth(AGENT)["overlaps_total"] == 1
    assert [r["overlapped"] for r in stage.log()] == [False, False, True]


def test_news_of_a_close_may_come_a_moment_after_the_next_request(stage: Stage) -> None:
    first, second = (stage.world.arrive("mask", AGENT, {}) for _ in range(2))
    stage.wait(GRACE / 2)
    stage.world.gone(first)
    assert stage.world.truth(AGENT)["overlaps"] == 0
    stage.world.arrive("mask", AGENT, {})
    stage.wait(GRACE * 2)
    stage.world.gone(second)
    assert stage.world.truth(AGENT)["overlaps"] == 1


def test_a_request_whose_client_is_known_to_be_gone_overlaps_with_nothing(stage: Stage) -> None:
    there = {"one", "two"}

    def arrive(peer: str) -> Request:
        return stage.world.arrive("mask", AGENT, {}, peer, there.__contains__)

    arrive("one")
    there.remove("one")
    arrive("two")
    arrive("given up before it was seen")
    assert stage.world.truth(AGENT)["overlaps"] == 0
    there.add("three")
    arrive("three")
    assert stage.world.truth(AGENT)["overlaps"] == 1


def test_a_read_back_beside_a_mask_is_no_overlap(stage: Stage) -> None:
    stage.world.arrive("mask", AGENT, {})
    stage.world.arrive("read", AGENT, {})
    assert stage.world.truth(AGENT)["overlaps"] == 0


def test_the_log_is_bounded(stage: Stage) -> None:
    for _ in range(MOST_REQUESTS + 10):
        stage.ask("mask")
    assert len(stage.log()) == MOST_REQUESTS
    assert stage.world.truth(AGENT)["requests_total"] == MOST_REQUESTS + 10
    assert stage.world.truth(AGENT, since=MOST_REQUESTS)["requests"][0]["seq"] == MOST_REQUESTS + 1


def test_a_log_line_never_holds_the_token(stage: Stage) -> None:
    headers = {"authorization": "Bearer canary", "correlationid": "c-1"}
    assert stage.world.arrive("mask", AGENT, headers).headers == {"correlationid": "c-1"}


def test_reset_forgets_all_but_the_tokens(stage: Stage) -> None:
    token = "Bearer " + stage.world.sign_in.issue(stage.clock(), 10, "http://here")["access_token"]
    stage.world.start_call(AGENT)
    stage.world.play("error")
    stage.world.reset()
    assert stage.ask("mask") == 404
    assert stage.world.sign_in.refusal(token, stage.clock()) is None
    stage.world.reset(keep_tokens=False)
    assert stage.world.sign_in.refusal(token, stage.clock()) is not None


def test_a_wrong_call_id_is_refused_in_words(stage: Stage) -> None:
    with pytest.raises(ControlError, match="no running call 'x'"):
        stage.world.end_call(AGENT, "x")


def test_read_back_says_what_is_true_or_what_it_is_told_to(stage: Stage) -> None:
    def says() -> tuple[str, str]:
        answer = stage.world.read_back(AGENT)
        assert answer is not None
        return answer["statusReason"], answer["recordingStatusToAgent"]

    assert stage.world.read_back(AGENT) is None
    stage.world.start_call(AGENT)
    assert says() == ("Policy", "Recording")
    stage.ask("mask")
    assert says() == ("Mask", "Stopped")
    stage.world.set_recorded(False, AGENT)
    stage.world.turn({"read_back_spelling": "upper"})
    assert says() == ("POLICY", "NORECORDING")
    stage.world.turn({"read_back_says": {"statusReason": "Weather"}})
    assert says()[0] == "Weather"
