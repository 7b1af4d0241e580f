"""What is true about calls and their recordings, without any HTTP."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.simulator.scenarios import SCENARIOS
from tests.simulator.conftest import AGENT, OTHER, Stage


def test_mask_and_unmask_leave_three_segments(stage: Stage) -> None:
    stage.world.start_call(AGENT)
    stage.wait(10)
    assert stage.ask("mask") == 200
    assert stage.world.recording(AGENT) == "masked"
    stage.wait(5)
    assert stage.ask("unmask") == 200
    stage.wait(1)
    stage.world.end_call(AGENT)
    truth = stage.world.truth(AGENT)
    assert truth["recording"] == "none"
    assert not truth["active"]
    assert [(s["what"], s["start"], s["end"]) for s in truth["calls"][0]["segments"]] == [
        ("recorded", 100, 110),
        ("masked", 110, 115),
        ("recorded", 115, 116),
    ]


def test_without_a_call_it_is_404_and_nothing_waits_for_the_next_call(stage: Stage) -> None:
    assert stage.ask("mask") == 404
    stage.world.start_call(AGENT)
    assert stage.world.recording(AGENT) == "recorded"


def test_an_internal_call_is_422(stage: Stage) -> None:
    stage.world.start_call(AGENT, internal=True)
    assert stage.ask("mask") == 422
    assert stage.world.recording(AGENT) == "recorded"


def test_mask_acts_on_the_call_joined_last(stage: Stage) -> None:
    first = stage.world.start_call(AGENT)
    second = stage.world.start_call(AGENT)
    stage.ask("mask")
    recordings = {c["call"]: c["recording"] for c in stage.world.truth(AGENT)["calls"]}
    assert recordings == {first: "recorded", second: "masked"}


def test_after_the_last_call_ended_the_one_before_is_current(stage: Stage) -> None:
    stage.world.start_call(AGENT)
    stage.ask("mask")
    stage.world.start_call(AGENT)
    stage.world.end_call(AGENT)
    assert stage.world.recording(AGENT) == "masked"


@pytest.mark.parametrize(("picks", "current"), [("joined-last", "masked"), ("masked-last", "recorded")])
def test_which_call_unmask_picks_can_be_chosen(stage: Stage, picks: str, current: str) -> None:
    stage.world.start_call(AGENT)
    stage.ask("mask")
    stage.world.start_call(AGENT)
    stage.world.turn({"unmask_picks": picks})
    assert stage.ask("unmask") == 200
    stage.world.end_call(AGENT)
    assert stage.world.recording(AGENT) == current


def test_an_unrecorded_call_is_masked_without_effect_and_an_unmask_then_does_nothing(stage: Stage) -> None:
    stage.world.start_call(AGENT, recorded=False)
    assert stage.ask("mask") == 200
    assert stage.world.recording(AGENT) == "not_recorded"
    assert stage.ask("unmask") == 200
    assert stage.world.recording(AGENT) == "not_recorded"
    assert [r["effect"] for r in stage.log()] == [False, False]


def test_a_mask_taken_up_before_the_recording_began_never_touches_it(stage: Stage) -> None:
    stage.world.play("pending")
    stage.world.start_call(AGENT, recorded=False)
    assert stage.ask("mask") == 202
    stage.world.set_recorded(True, AGENT)
    stage.wait(10)
    assert stage.world.recording(AGENT) == "recorded"


def test_a_stop_of_the_recording_during_the_mask_makes_the_unmask_do_nothing(stage: Stage) -> None:
    stage.world.start_call(AGENT)
    stage.ask("mask")
    assert stage.world.set_recorded(False, AGENT)
    assert stage.ask("unmask") == 200
    assert stage.world.recording(AGENT) == "not_recorded"


def test_every_participant_of_a_shared_call_is_masked(stage: Stage) -> None:
    call = stage.world.start_call(AGENT)
    assert stage.world.start_call(OTHER, call_id=call) == call
    stage.ask("mask", OTHER)
    assert stage.world.recording(AGENT) == "masked"
    stage.world.end_call(AGENT)
    assert stage.world.recording(OTHER) == "none"


def test_somebody_else_can_unmask(stage: Stage) -> None:
    stage.world.start_call(AGENT)
    stage.ask("mask")
    assert stage.world.somebody_else("unmask", AGENT)
    assert stage.world.recording(AGENT) == "recorded"
    assert not stage.world.somebody_else("unmask", OTHER)


def test_pending_is_202_then_425_then_200_and_masked_only_when_done(stage: Stage) -> None:
    stage.world.play("pending", fields={"effect_after": 2, "lock_for": 3})
    stage.world.start_call(AGENT)
    assert stage.ask("mask") == 202
    stage.wait(1)
    assert (stage.ask("mask"), stage.world.recording(AGENT)) == (425, "recorded")
    stage.wait(1)
    assert (stage.ask("unmask"), stage.world.recording(AGENT)) == (425, "masked")
    stage.wait(1)
    assert stage.ask("mask") == 200
    assert stage.segments() == [("recorded", 100, 102), ("masked", 102, None)]
    assert stage.ask("unmask") == 202


def test_the_effect_is_written_to_the_request_that_caused_it(stage: Stage) -> None:
    stage.world.play("pending")
    stage.world.start_call(AGENT)
    stage.ask("mask")
    stage.wait(1)
    stage.ask("mask")
    stage.wait(50)
    first, second = stage.log()
    assert (first["effect"], first["effect_at"]) == (True, 103.0)
    assert (second["effect"], second["effect_at"]) == (False, None)


def test_slow_confirm_is_202_until_it_is_done(stage: Stage) -> None:
    stage.world.play("slow-confirm")
    stage.world.start_call(AGENT)
    assert [stage.ask("mask"), stage.ask("mask")] == [202, 202]
    stage.wait(3)
    assert stage.ask("mask") == 200
    assert sum(r["effect"] is True for r in stage.log()) == 1


def test_accepted_is_done_but_never_says_so(stage: Stage) -> None:
    stage.world.play("accepted")
    stage.world.start_call(AGENT)
    stage.ask("mask")
    stage.wait(60)
    assert (stage.ask("mask"), stage.world.recording(AGENT)) == (202, "masked")


@pytest.mark.parametrize("name", ["dropped", "pending-forever", "locked-forever"])
def test_what_is_never_done(stage: Stage, name: str) -> None:
    stage.world.play(name)
    stage.world.start_call(AGENT)
    assert stage.ask("mask") == 202
    stage.wait(3600)
    assert stage.ask("mask") == (425 if name == "locked-forever" else 202)
    assert stage.world.recording(AGENT) == "recorded"


def test_a_late_unmask_overtakes_a_newer_mask(stage: Stage) -> None:
    stage.world.start_call(AGENT)
    stage.ask("mask")
    stage.world.play("timeout-late", ops=("unmask",))
    assert stage.ask("unmask") == 504
    assert (stage.ask("mask"), stage.world.recording(AGENT)) == (200, "masked")
    stage.wait(3)
    assert stage.world.recording(AGENT) == "recorded"


def test_what_was_not_done_when_the_call_ended_never_is(stage: Stage) -> None:
    stage.world.play("pending")
    stage.world.start_call(AGENT)
    stage.ask("mask")
    stage.world.end_call(AGENT)
    stage.wait(10)
    assert [s["what"] for s in stage.world.truth(AGENT)["calls"][0]["segments"]] == ["recorded"]


steps = st.one_of(
    st.tuples(st.just("ask"), st.sampled_from(["mask", "unmask"])),
    st.tuples(st.just("play"), st.sampled_from(sorted(SCENARIOS))),
    st.tuples(st.just("wait"), st.floats(0, 5)),
    st.tuples(st.just("call"), st.booleans()),
    st.tuples(st.just("end"), st.none()),
    st.tuples(st.just("somebody"), st.sampled_from(["mask", "unmask"])),
    st.tuples(st.just("recorded"), st.booleans()),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(steps, max_size=40))
def test_segments_are_a_gapless_history_whatever_happens(story: list[tuple[str, object]]) -> None:
    stage = Stage()
    for verb, what in story:
        if verb == "ask":
            request = stage.world.arrive(str(what), AGENT, {})
            stage.world.answered(request, stage.world.ask(request).status)
        elif verb == "play":
            stage.world.play(what)
        elif verb == "wait":
            assert isinstance(what, float)
            stage.wait(what)
        elif verb == "call":
            stage.world.start_call(AGENT, recorded=bool(what))
        elif verb == "end":
            stage.world.end_call(AGENT)
        elif verb == "somebody":
            stage.world.somebody_else(str(what), AGENT)
        else:
            stage.world.set_recorded(bool(what), AGENT)
    truth = stage.world.truth(AGENT)
    assert truth["overlaps_total"] == 0
    changes = 0
    for call in truth["calls"]:
        segments = call["segments"]
        assert segments[0]["start"] == call["joined"]
        assert segments[-1]["end"] == call["ended"]
        for before, after in pairwise(segments):
            assert before["end"] == after["start"] >= before["start"]
            assert before["what"] != after["what"]
        changes += len(segments) - 1
    assert sum(r["effect"] for r in truth["requests"]) <= changes
