"""The control path over HTTP: what it does, and that nonsense changes nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.simulator import tenant
from app.simulator.scenarios import SCENARIOS
from tests.simulator.conftest import Caller

KNOBS = ("mask", "unmask", "read", "token", "script", "read_back", "token_life", "unmask_picks", "permission")


def test_a_call_from_its_beginning_to_its_end(caller: Caller) -> None:
    begun = caller.sim_post("call", userId="7", recorded=False, call="mine").json()
    assert begun == {"call": "mine", "recording": "not_recorded"}
    assert caller.sim_post("recording", userId="7", recorded=True).json() == {
        "changed": True,
        "recording": "recorded",
    }
    assert caller.sim_post("somebody-else", userId="7", op="mask").json() == {
        "changed": True,
        "recording": "masked",
    }
    truth = caller.http.get("/_sim/truth", params={"userId": "7"}).json()
    assert (truth["active"], truth["recording"], truth["call"]["call"]) == (True, "masked", "mine")
    assert [s["what"] for s in truth["calls"][0]["segments"]] == ["not_recorded", "recorded", "masked"]
    assert caller.sim_post("end", userId="7", all=True).json() == {"ended": ["mine"], "recording": "none"}
    assert caller.sim_post("end", userId="7").json() == {"ended": [], "recording": "none"}


def test_the_truth_is_told_of_the_tenants_own_agent_by_default(caller: Caller) -> None:
    caller.ask("mask")
    truth = caller.http.get("/_sim/truth").json()
    assert (truth["userId"], truth["recording"], truth["overlaps"]) == (tenant.USER_ID, "masked", 0)
    request = truth["requests"][-1]
    assert (request["op"], request["status"], request["ended"], request["effect"]) == (
        "mask",
        200,
        "answered",
        True,
    )
    assert caller.http.get("/_sim/truth", params={"since": request["seq"]}).json()["requests"] == []


def test_scenarios_are_listed_and_played_for_the_asked_ops(caller: Caller) -> None:
    assert list(caller.http.get("/_sim/scenarios").json()) == list(SCENARIOS)
    knobs = caller.sim_post("scenario", name="slow", ops=["unmask"], delay=1.5).json()
    assert (knobs["mask"]["delay"], knobs["unmask"]["delay"]) == (0, 1.5)


def test_what_the_knobs_say_can_be_given_back(caller: Caller) -> None:
    caller.sim_post(
        "knobs", mask="pending", script={"unmask": ["error"]}, read_back_says={"statusReason": "Hold"}
    )
    knobs = caller.http.get("/_sim/knobs").json()
    assert caller.sim_post("knobs", **knobs).json() == knobs
    assert caller.sim_post("knobs", mask={"lock_for": 9}).json()["mask"] == {**knobs["mask"], "lock_for": 9}


def test_reset(caller: Caller) -> None:
    caller.sim_post("scenario", name="error")
    assert caller.sim_post("reset").json() == {}
    assert caller.ask("mask").status_code == 404
    caller.sim_post("reset", keep_tokens=False)
    assert caller.ask("mask").status_code == 401


@pytest.mark.parametrize(
    ("path", "body", "says"),
    [
        ("call", b"nonsense", "not JSON"),
        ("call", b"[" * 100_000, "not JSON"),
        ("call", b"[]", "must be a JSON object"),
        ("call", b'{"userid": "1"}', "no key 'userid'"),
        ("call", b'{"userId": ""}', "not empty"),
        ("call", b'{"userId": "\\ud800"}', "key 'userId'"),
        ("call", b'{"recorded": 1}', "true or false"),
        ("end", b'{"call": "no-such"}', "no running call"),
        ("recording", b"{}", "needs the key 'recorded'"),
        ("somebody-else", b"{}", "needs the key 'op'"),
        ("somebody-else", b'{"op": "erase"}', "one of mask, unmask"),
        ("knobs", b"[]", "must be a JSON object"),
        ("knobs", b'{"mask": "no-such"}', "no scenario 'no-such'"),
        ("knobs", b'{"mask": {"status": 99}}', "whole number from 200 to 599"),
        ("knobs", b'{"mask": {"delay": NaN}}', "a number from 0"),
        ("knobs", b'{"mask": {"delay": true}}', "a number from 0"),
        ("knobs", b'{"mask": {"location": "\\r\\nx: y"}}', "a text is expected"),
        ("knobs", b'{"mask": {"location": "\xc3\xa4"}}', "ASCII"),
        ("knobs", b'{"script": {"mask": "instant"}}', "a list of at most"),
        ("scenario", b"{}", "the key 'name'"),
        ("scenario", b'{"name": ["x"]}', "no scenario"),
        ("scenario", b'{"name": "slow", "ops": ["erase"]}', "one of mask"),
        ("scenario", b'{"name": "slow", "ops": []}', "a list of some of"),
        ("scenario", b'{"name": "slow", "speed": 1}', "no key 'speed'"),
        ("call", b" " * 1_100_000, "longer than"),
    ],
)
def test_nonsense_is_answered_400_with_a_sentence(caller: Caller, path: str, body: bytes, says: str) -> None:
    before = caller.http.get("/_sim/knobs").json()
    answer = caller.http.post(f"/_sim/{path}", content=body)
    assert answer.status_code == 400
    assert says in answer.json()["error"]
    assert caller.http.get("/_sim/knobs").json() == before
    assert len(caller.sim.world.truth()["calls"]) == 1


@pytest.mark.parametrize("since", ["-1", "x", "²", "9" * 400])
def test_a_wrong_since_is_refused(caller: Caller, since: str) -> None:
    assert caller.http.get("/_sim/truth", params={"since": since}).status_code == 400


words = st.text(max_size=8) | st.sampled_from(
    ["instant", "half", "slow", "masked-last", "json", "date", "seconds"]
)
values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | words,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*KNOBS, "status", "delay"]), inner)
    ),
    max_leaves=6,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    path=st.sampled_from(["call", "end", "recording", "somebody-else", "knobs", "scenario", "reset"]),
    body=st.dictionaries(
        st.sampled_from([*KNOBS, "userId", "call", "op", "name", "ops", "recorded", "all"]), values
    ),
)
def test_no_control_request_ever_breaks_it(caller: Caller, path: str, body: dict[str, Any]) -> None:
    answer = caller.http.post(f"/_sim/{path}", content=json.dumps(body))
    assert answer.status_code in (200, 400)
    assert caller.http.get("/_sim/truth").status_code == 200
