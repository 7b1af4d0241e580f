"""The bench itself: each measure can fail. Minutes long, so it is run by name: `pytest tests/bench/test_bench.py`."""

import json
import os
import sys
from inspect import signature

import pytest

from app.adapters.cxone import CxoneRecorder
from tests.bench import line, run
from tests.bench.far import far
from tests.bench.table import Row, difference, percentile, ratio, text

SLOW = pytest.mark.skipif(not os.environ.get("MASKBAR_THOROUGH"), reason="takes long: dev.py test --thorough")


def test_a_row_is_judged_by_its_limit() -> None:
    assert ratio("a", "ms", 1.5, 1.0, 1.5).met is True
    assert ratio("a", "ms", 1.51, 1.0, 1.5).verdict == "MISSED"
    assert difference("a", "/min", 3.0, 1.9, 1.0).met is False
    assert ratio("a", "ms", 9.0, 1.0, None).met is None
    assert "skipped: why" in text([Row("a", skipped="why")])


def test_percentiles_are_values_that_were_seen() -> None:
    assert percentile([3.0, 1.0, 2.0], 0.5) == 2.0
    assert percentile([float(n) for n in range(500)], 0.99) == 494.0


def test_a_measure_that_breaks_is_a_target_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(quick: bool) -> list[Row]:
        raise RuntimeError("no")

    monkeypatch.setitem(run.MEASURES, "start", broken)
    assert run.main(["--only", "start", "--json"]) == 1


def test_the_slow_line_shortens_the_recorders_own_times() -> None:
    defaults = signature(CxoneRecorder).parameters
    assert (defaults["warm_interval"].default, defaults["warm_floor"].default) == (line.INTERVAL, line.FLOOR)
    assert run.PING_EVERY == line.INTERVAL


@SLOW
@pytest.mark.thorough
@pytest.mark.skipif(sys.platform != "linux", reason="one clock for all processes")
def test_two_milliseconds_more_in_a_press_are_seen() -> None:
    with far() as server:
        found = json.loads(run.child("press", server.url, "40", "slower"))
    limits = {kind: percentile(found[kind], 0.5) for kind in ("mask", "bare")}
    assert ratio("press", "ms", limits["mask"], limits["bare"], run.PRESS).met is False


@SLOW
@pytest.mark.thorough
@pytest.mark.skipif(
    sys.platform != "linux" or not os.environ.get("DISPLAY"), reason="real keys need an X server"
)
def test_five_milliseconds_more_in_a_hotkey_are_seen() -> None:
    with far() as server:
        found = json.loads(run.child("ways", server.url, "40", "slower"))
    limits = {kind: percentile(found[kind], 0.5) for kind in ("hotkey", "button")}
    assert ratio("hotkey", "ms", limits["hotkey"], limits["button"], run.HOTKEY).met is False
