"""The window stays awake: a press is answered before the network is, under every fault; wishes end in time.

The one rule: what can be told by structure is (the View has changed when the click returns; the window is painted
before any answer can have come). The two promises that are times (G08, G16) are measured on this machine, against the
program's own clocks, without the time that the machine took away.
"""

import random
import threading
import time
import tracemalloc

import psutil
import pytest

from app.core.audit import Origin
from app.core.ports import Wish
from app.core.reminders import Level
from app.core.states import Phase
from tests.conftest import THOROUGH
from tests.fakes import BlocksTheLoop, ForgetsTheTime
from tests.faultproxy import Faults
from tests.stories.control_clock import Heartbeat, taken_away
from tests.stories.stage import SHORT, Paints, Stage, Story, Theatre, click, with_limits

STALL = 0.1
"""Seconds: the longest that the loop may stand still (G16)."""
END = 0.25
"""Seconds after its deadline by which the end of a wish must be shown (G08)."""

FAULTS = {
    "none": Faults(),
    "late": Faults(up=0.2, down=0.2, match=b"/mask"),
    "black hole": Faults(black_hole=True),
    "refused": Faults(refuse=True),
    "reset": Faults(match=b"/mask", reset_down=20),
    "cut": Faults(match=b"/mask", cut_down=20),
    "drip": Faults(match=b"/mask", drip_down=0.01),
    "answer lost": Faults(match=b"/mask", lose_answer=True),
    "request held": Faults(match=b"/mask", hold_up=True),
    "answer held": Faults(match=b"/mask", hold_down=True),
}


def pressed_under(faults: Faults, heart: list[Heartbeat]) -> Story:
    async def story(stage: Stage) -> None:
        paints = Paints(stage.window.word)
        threads: set[int] = set()
        stage.controller.listen(lambda _view: threads.add(threading.get_ident()))
        async with Heartbeat() as beating:
            stage.wire.faults = faults

            def press() -> None:
                click(stage.window, stage.window.button)
                # The press is answered before the click returns: nothing of the network can have come by now.
                assert stage.view.phase is Phase.MASKING
                assert not stage.view.button.enabled

            await stage.soon(press)
            await stage.until(lambda _: "MASKING…" in paints.painted or stage.view.phase is Phase.MASKED)
            answered = any(one.answer for one in stage.recorder.asked)
            assert "MASKING…" in paints.painted or answered
            await stage.settles()
            stage.wire.release()
            await stage.same_everywhere()
        heart.append(beating)
        assert threads == {threading.get_ident()}, "a View was shown from another thread"

    return story


@pytest.mark.guarantee("G16")
@pytest.mark.parametrize("faults", FAULTS.values(), ids=FAULTS.keys())
def test_a_press_is_answered_at_once_and_the_loop_never_stands_still(
    theatre: Theatre, faults: Faults
) -> None:
    beats: list[Heartbeat] = []
    theatre.play(pressed_under(faults, beats), faults=Faults(), limits=SHORT)
    assert beats[0].beats > 0
    assert beats[0].longest < STALL, f"the loop stood still for {1000 * beats[0].longest:.0f} ms"


@pytest.mark.mutant("G16")
def test_a_client_that_works_where_the_window_lives_is_caught(theatre: Theatre) -> None:
    beats: list[Heartbeat] = []
    theatre.play(pressed_under(FAULTS["late"], beats), faults=Faults(), wrap=BlocksTheLoop, limits=SHORT)
    assert beats[0].longest >= STALL


async def ends_in_time(stage: Stage) -> None:
    """From the deadline of the run, as the program itself has it, to the View that says UNKNOWN: on the loop's thread."""
    stage.sim.world.play("drip")
    waited = taken_away()
    await stage.click()
    run = stage.controller.state.pending_run
    await stage.settles()
    shown = next(shown for shown in stage.shown if shown.view.phase is Phase.UNKNOWN)
    late = shown.at - run.deadline
    assert -0.01 <= late < END + taken_away() - waited, (
        f"UNKNOWN was shown {1000 * late:.0f} ms after the deadline"
    )
    await stage.same_everywhere()


@pytest.mark.guarantee("G08")
@pytest.mark.parametrize("attempt", [0.5, 5.0], ids=["several attempts", "one attempt outlasts the deadline"])
def test_one_byte_every_300_ms_ends_by_the_deadline(theatre: Theatre, attempt: float) -> None:
    """The inactivity time-outs of HTTP clients never fire here: only a total deadline helps."""
    theatre.play(ends_in_time, limits=with_limits(deadline=1.0, attempt=attempt))


def test_a_recorder_that_never_comes_back_cannot_hold_the_window(theatre: Theatre) -> None:
    """Not even a client without any limit can: the deadline is the state machine's."""
    theatre.play(ends_in_time, wrap=ForgetsTheTime, limits=SHORT)


BAD = {
    "ten megabytes": ("huge", {}),
    "binary": ("binary", {"size": 10_000_000}),
    "a wrong charset": ("binary", {}),
    "never": ("lost", {}),
}


@pytest.mark.guarantee("G03")
@pytest.mark.parametrize(("scenario", "fields"), BAD.values(), ids=BAD.keys())
def test_a_server_that_answers_nonsense_costs_no_memory(
    theatre: Theatre, scenario: str, fields: dict[str, int]
) -> None:
    """UNKNOWN, the window alive. What Python holds grows by less than 4 MB: the simulator's own bytes are not counted."""

    async def story(stage: Stage) -> None:
        stage.sim.world.play(scenario, fields=fields)
        await stage.click()
        await stage.shows(Phase.UNKNOWN)
        tracemalloc.start()
        ours = tracemalloc.Filter(False, "*/app/simulator/*")
        before = sum(
            stat.size for stat in tracemalloc.take_snapshot().filter_traces([ours]).statistics("filename")
        )
        rss = psutil.Process().memory_info().rss
        await stage.click()
        await stage.settles()
        after = sum(
            stat.size for stat in tracemalloc.take_snapshot().filter_traces([ours]).statistics("filename")
        )
        tracemalloc.stop()
        assert stage.view.phase is Phase.UNKNOWN
        assert after - before < 4_000_000
        assert psutil.Process().memory_info().rss - rss < 150_000_000
        stage.sim.world.play("instant")
        await stage.click()
        await stage.shows(Phase.MASKED)

    theatre.play(story, limits=with_limits(attempt=0.5))


PRESSES = 10_000 if THOROUGH else 400
SURFACES = [Origin.BUTTON, Origin.HOTKEY, Origin.TRAY, Origin.COMMAND]


@pytest.mark.guarantee("G05")
def test_random_presses_from_every_surface_never_overlap(
    theatre: Theatre, capsys: pytest.CaptureFixture[str]
) -> None:
    """10,000 with MASKBAR_THOROUGH=1. The simulator counts the overlaps; the window says the View after each."""
    chance = random.Random(20_000)

    async def story(stage: Stage) -> None:
        def press() -> None:
            surface = chance.choice(SURFACES)
            if surface is Origin.BUTTON:
                click(stage.window, stage.window.button)
            else:
                stage.controller.ask(chance.choice(list(Wish)), surface)

        for _ in range(PRESSES):
            await stage.soon(press)
            if chance.random() < 0.3:
                await stage.settles()
            await stage.same_everywhere()
        await stage.settles()
        assert stage.overlaps == 0
        assert stage.recorder.count() > PRESSES / 10

    began = time.monotonic()
    stage = theatre.play(story, within=300)
    with capsys.disabled():
        print(f" [{PRESSES} presses, {stage.sent} requests, {time.monotonic() - began:.0f} s] ", end="")


def test_the_window_is_not_drawn_again_while_nothing_changes(theatre: Theatre) -> None:
    async def story(stage: Stage) -> None:
        await stage.passes(0.1)
        shown = len(stage.shown)
        await stage.passes(0.5)
        assert len(stage.shown) == shown
        assert stage.view.reminding is Level.QUIET

    theatre.play(story, limits=SHORT)
