"""What becomes of a mask over time: forgotten, put off, slept through, contradicted, left behind."""

import asyncio
from dataclasses import replace

import pytest

from app.core.audit import Origin
from app.core.failures import Failure
from app.core.ports import Answer, Reading, Seen, Wish
from app.core.recovery import recovered
from app.core.reminders import Ladder, Level
from app.core.settings import Settings
from app.core.states import Limits, Phase
from app.watcher import Watcher
from tests.controller.virtual import Bench, ScriptedReader, ScriptedRecorder, run

HOURS = 3600.0
LASTING = Limits(evidence_life=24 * HOURS)
REFUSED = Answer(failure=Failure.NOT_ALLOWED, status=403)


def level(bench: Bench) -> Level:
    """How loudly the window says it now."""
    return bench.controller.view.reminding


def shown(bench: Bench) -> Phase:
    return bench.controller.view.phase


@pytest.mark.guarantee("G11")
def test_forgotten_for_eight_hours_is_told_louder_and_louder_and_never_unmasked() -> None:
    async def story() -> None:
        bench = Bench(Settings(limits=LASTING))
        await bench.mask()
        await asyncio.sleep(8 * HOURS)
        levels = [line[1] for line in bench.book.of("reminded")]
        # At 60 s, 120 s, 180 s and then each minute for the rest of the eight hours.
        assert levels[:3] == [Level.SAY, Level.ALERT, Level.SOUND]
        assert set(levels[3:]) == {Level.SOUND}
        assert len(levels) == 8 * 60
        assert bench.attention == levels[1:]
        assert bench.recorder.asked == [Wish.MASK]
        assert shown(bench) is Phase.MASKED
        assert level(bench) is Level.SOUND
        await bench.controller.close()

    run(story)


@pytest.mark.guarantee("G11")
def test_a_believed_mask_that_grew_old_is_unknown_and_still_reminds() -> None:
    async def story() -> None:
        bench = Bench()
        await bench.mask()
        await asyncio.sleep(1 * HOURS)
        assert shown(bench) is Phase.UNKNOWN
        assert not bench.controller.view.card
        assert len(bench.book.of("reminded")) == 60
        assert bench.recorder.asked == [Wish.MASK]
        await bench.controller.close()

    run(story)


def test_still_taking_the_card_puts_the_reminder_off_and_is_written_down() -> None:
    async def story() -> None:
        bench = Bench(Settings(limits=LASTING))
        await bench.mask()
        await asyncio.sleep(130)
        assert level(bench) is Level.ALERT
        bench.controller.put_off()
        assert level(bench) is Level.QUIET
        assert bench.book.of("put off")
        await asyncio.sleep(59)
        assert level(bench) is Level.QUIET
        await asyncio.sleep(2)
        assert level(bench) is Level.SAY
        await bench.controller.close()

    run(story)


def test_a_failed_unmask_reminds_at_once() -> None:
    async def story() -> None:
        bench = Bench(recorder=ScriptedRecorder({Wish.UNMASK: REFUSED}))
        await bench.mask()
        bench.controller.ask(Wish.UNMASK, Origin.TRAY)
        await asyncio.sleep(1)
        assert shown(bench) is Phase.MASKED
        assert level(bench) is Level.SAY
        assert bench.book.of("reminded")
        await bench.controller.close()

    run(story)


def policy() -> Settings:
    return Settings(limits=LASTING, ladder=Ladder(auto_unmask=300.0, countdown=30.0))


@pytest.mark.guarantee("G11")
def test_the_policys_unmask_counts_down_in_sight_and_is_written_down_as_a_rule() -> None:
    async def story() -> None:
        bench = Bench(policy())
        await bench.mask()
        await asyncio.sleep(269)
        assert "by itself" not in bench.controller.view.detail
        await asyncio.sleep(3)
        # Drawn anew each second: the number is at most a second old.
        assert bench.controller.view.detail in ("Unmasks by itself in 28 s", "Unmasks by itself in 29 s")
        assert bench.controller.view.snooze
        await asyncio.sleep(30)
        assert shown(bench) is Phase.UNMASKED
        assert ("wished", Wish.UNMASK, Origin.RULE) in bench.book.lines
        await bench.controller.close()

    run(story)


def test_the_policys_unmask_can_be_put_off() -> None:
    async def story() -> None:
        bench = Bench(policy())
        await bench.mask()
        await asyncio.sleep(290)
        bench.controller.put_off()
        await asyncio.sleep(200)
        assert shown(bench) is Phase.MASKED
        assert bench.recorder.asked == [Wish.MASK]
        await bench.controller.close()

    run(story)


def test_the_policys_unmask_is_asked_once_also_when_it_fails() -> None:
    async def story() -> None:
        bench = Bench(policy(), recorder=ScriptedRecorder({Wish.UNMASK: REFUSED}))
        await bench.mask()
        await asyncio.sleep(2 * HOURS)
        assert bench.recorder.asked == [Wish.MASK, Wish.UNMASK]
        assert level(bench) is Level.SOUND
        await bench.controller.close()

    run(story)


@pytest.mark.guarantee("G15")
@pytest.mark.guarantee("G04")
def test_a_sleep_ends_certainty_before_the_press_that_woke_us_and_counts_as_masked_time() -> None:
    async def story() -> None:
        bench = Bench(Settings(limits=LASTING))
        await bench.mask()
        bench.clock.slept += 1800.0
        bench.controller.press()  # the window still showed MASKED and "Unmask"
        assert ("state", Phase.UNKNOWN) in bench.book.lines
        assert bench.book.of("slept") == [("slept", pytest.approx(1800.0))]
        assert bench.controller.view.clock == "30:00"
        await bench.controller.close()

    run(story)


@pytest.mark.guarantee("G15")
@pytest.mark.parametrize("step", [86_400.0, -86_400.0])
def test_a_step_of_the_wall_clock_moves_no_timer_and_is_written_down(step: float) -> None:
    async def story() -> None:
        bench = Bench(Settings(limits=LASTING))
        await bench.mask()
        await asyncio.sleep(30)
        bench.clock.step += step
        await asyncio.sleep(29)
        assert level(bench) is Level.QUIET
        assert bench.controller.view.clock in ("0:58", "0:59")
        await asyncio.sleep(2)
        assert level(bench) is Level.SAY
        assert bench.book.of("stepped") == [("stepped", round(step))]
        await bench.controller.close()

    run(story)


# Recovery.


@pytest.mark.guarantee("G13")
@pytest.mark.parametrize("phase", [Phase.MASKED, Phase.MASKING, Phase.UNMASKING, Phase.UNKNOWN, None])
def test_after_an_end_in_doubt_nothing_is_sent_and_the_agent_is_reminded(phase: Phase | None) -> None:
    async def story() -> None:
        left = recovered(1000.0, LASTING, phase, Wish.UNMASK, masked_for=200.0, words="at 14:02")
        bench = Bench(state=left)
        view = bench.controller.view
        assert view.phase is Phase.UNKNOWN
        assert not view.card
        assert view.second is not None
        assert view.message is not None
        assert "14:02" in view.message.words
        await asyncio.sleep(600)
        assert bench.recorder.asked == []
        assert bench.book.of("reminded")
        await bench.controller.close()

    run(story)


@pytest.mark.guarantee("G06")
def test_a_mask_after_a_run_that_ended_unmasking_must_hold_twice() -> None:
    async def story() -> None:
        left = recovered(1000.0, Limits(), Phase.UNMASKING, Wish.UNMASK, masked_for=None)
        bench = Bench(state=left)
        bench.controller.press()
        await bench.reach(Phase.MASKED)
        assert bench.recorder.asked == [Wish.MASK, Wish.MASK]
        await bench.controller.close()

    run(story)


# Leaving.


@pytest.mark.guarantee("G14")
def test_leaving_while_masked_asks_and_staying_stays() -> None:
    async def story() -> None:
        bench = Bench()
        ended: list[bool] = []
        await bench.mask()
        bench.controller.leave(lambda: ended.append(True))
        assert bench.controller.view.leaving
        bench.controller.stay()
        assert not bench.controller.view.leaving
        bench.controller.leave(lambda: ended.append(True))
        bench.controller.leave_masked()
        assert ended == [True]
        await bench.controller.close()

    run(story)


def test_unmask_and_leave_ends_once_it_is_unmasked() -> None:
    async def story() -> None:
        bench = Bench()
        ended: list[Phase] = []
        await bench.mask()
        bench.controller.leave(lambda: ended.append(bench.controller.state.phase))
        bench.controller.unmask_and_leave()
        assert not ended
        await asyncio.sleep(1)
        assert ended == [Phase.UNMASKED]
        await bench.controller.close()

    run(story)


def test_unmask_and_leave_stays_when_it_cannot_be_unmasked() -> None:
    async def story() -> None:
        bench = Bench(recorder=ScriptedRecorder({Wish.UNMASK: REFUSED}))
        ended: list[bool] = []
        await bench.mask()
        bench.controller.leave(lambda: ended.append(True))
        bench.controller.unmask_and_leave()
        await asyncio.sleep(1)
        assert not ended
        assert bench.controller.view.message is not None
        # What was wished then is over: a later unmask does not end the program.
        bench.recorder.answers.clear()
        bench.controller.ask(Wish.UNMASK, Origin.BUTTON)
        await bench.reach(Phase.UNMASKED)
        assert not ended
        await bench.controller.close()

    run(story)


def test_leaving_when_nothing_is_masked_asks_nothing() -> None:
    async def story() -> None:
        bench = Bench()
        ended: list[bool] = []
        bench.controller.leave(lambda: ended.append(True))
        assert ended == [True]
        await bench.controller.close()

    run(story)


# The recorder's own word.

RECORDING = Reading(granted=True, seen=Seen.RECORDING, contact="c1")
MASKED = Reading(granted=True, seen=Seen.MASKED, contact="c1")


def known(watcher: Watcher) -> bool:
    """Whether this sign-in may ask is known."""
    return watcher.granted is not None


def watched(bench: Bench, *readings: Reading) -> tuple[Watcher, ScriptedReader, "asyncio.Task[None]"]:
    reader = ScriptedReader(list(readings))
    watcher = Watcher(reader, bench.controller, bench.clock, lambda: "id")
    return watcher, reader, asyncio.get_running_loop().create_task(watcher.run())


async def end(bench: Bench, task: "asyncio.Task[None]") -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await bench.controller.close()


@pytest.mark.guarantee("G04")
def test_a_contradiction_is_an_alarm_within_two_seconds() -> None:
    async def story() -> None:
        bench = Bench()
        await bench.mask()
        _, reader, task = watched(bench, MASKED)
        await asyncio.sleep(5)
        assert bench.controller.view.detail.startswith("Voice confirmed")
        reader.readings[:] = [RECORDING]
        changed = asyncio.get_running_loop().time()
        await bench.reach(Phase.UNKNOWN)
        assert asyncio.get_running_loop().time() - changed <= 2.0
        assert bench.controller.view.alarm
        assert "STOP" in bench.controller.view.guidance
        assert bench.attention == [Level.SOUND]
        await end(bench, task)

    run(story)


@pytest.mark.guarantee("G04")
def test_another_contact_ends_the_mask() -> None:
    async def story() -> None:
        bench = Bench()
        await bench.mask()
        _, reader, task = watched(bench, MASKED)
        await asyncio.sleep(3)
        reader.readings[:] = [replace(MASKED, contact="c2")]
        await bench.reach(Phase.UNKNOWN)
        await end(bench, task)

    run(story)


@pytest.mark.guarantee("G01")
def test_a_read_back_proves_what_a_202_did_not() -> None:
    async def story() -> None:
        bench = Bench(recorder=ScriptedRecorder({Wish.MASK: Answer(accepted=True, status=202)}))
        _, _, task = watched(bench, RECORDING, RECORDING, RECORDING, MASKED)
        bench.controller.ask(Wish.MASK, Origin.BUTTON)
        await bench.reach(Phase.MASKED)
        await end(bench, task)

    run(story)


def test_not_granted_is_remembered_and_not_asked_again() -> None:
    async def story() -> None:
        bench = Bench()
        watcher, reader, task = watched(bench, Reading(granted=False))
        await bench.mask()
        await asyncio.sleep(30)
        assert watcher.granted is False
        assert reader.asked == 1
        assert bench.controller.view.message is None
        await end(bench, task)

    run(story)


def test_nothing_there_is_remembered_once_there_must_be_a_call() -> None:
    async def story() -> None:
        bench = Bench()
        watcher, reader, task = watched(bench, Reading(granted=None, absent=True))
        await asyncio.sleep(30)
        assert not known(watcher)
        assert reader.asked == 1, "without a call nothing is learnt, and nothing asked"
        await bench.mask()
        await asyncio.sleep(60)
        assert known(watcher)
        assert not watcher.granted
        assert reader.asked == 3
        await end(bench, task)

    run(story)


def test_trouble_backs_off_and_an_idle_window_does_not_ask() -> None:
    async def story() -> None:
        bench = Bench()
        _, reader, task = watched(bench, RECORDING)
        await asyncio.sleep(600)
        assert reader.asked == 1, "not masked and settled: nothing to watch"
        await bench.mask()
        reader.readings[:] = [Reading(granted=None)]
        reader.asked = 0
        await asyncio.sleep(120)
        assert reader.asked <= 12
        await end(bench, task)

    run(story)


# The button's way down.


def test_what_the_button_foretells_is_written_down_once() -> None:
    async def story() -> None:
        bench = Bench()
        bench.controller.foretell()
        assert bench.book.of("wished") == [("wished", Wish.MASK, Origin.BUTTON)]
        bench.controller.press()
        bench.controller.withdraw()
        await bench.reach(Phase.MASKED)
        assert len(bench.book.of("wished")) == 1
        assert [line[1] for line in bench.book.of("state")] == [Phase.UNMASKED, Phase.MASKING, Phase.MASKED]
        await bench.controller.close()

    run(story)


def test_a_button_that_comes_up_elsewhere_asks_nothing_and_the_state_is_written_again() -> None:
    async def story() -> None:
        bench = Bench()
        bench.controller.foretell()
        bench.controller.withdraw()
        await asyncio.sleep(1)
        assert bench.recorder.asked == []
        assert bench.book.lines[-1] == ("state", Phase.UNMASKED)
        await bench.controller.close()

    run(story)


def test_what_was_foretold_of_another_wish_is_no_record_of_this_one() -> None:
    async def story() -> None:
        bench = Bench()
        bench.controller.foretell()
        bench.controller.ask(Wish.MASK, Origin.HOTKEY)
        await bench.reach(Phase.MASKED)
        await asyncio.sleep(1)
        bench.controller.press()
        assert bench.book.of("wished")[-1] == ("wished", Wish.UNMASK, Origin.BUTTON)
        await bench.controller.close()

    run(story)
