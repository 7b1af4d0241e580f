"""Each row of the API's table as an agent lives it: press, see what is shown at last, and compare it with the truth.

The one rule: a row says all that the agent can see (state, words, whether the card may be taken), and what was true.
"""

from dataclasses import dataclass, field
from typing import Any

import pytest

from app.core.audit import Origin
from app.core.ports import Wish
from app.core.reminders import Level
from app.core.states import Limits, Phase
from app.simulator.tenant import PERMISSION
from tests.fakes import BelievesAccepted, BelievesSilence
from tests.faultproxy import Faults
from tests.stories.stage import PATIENT, SHORT, Stage, Story, Theatre, Wrap, with_limits

NO_CARD = "Do not take card details."


@dataclass(frozen=True)
class Row:
    """How the service behaves, and what becomes of a press."""

    scenario: str
    phase: Phase
    says: str = ""
    """Part of the message; empty: there is none."""
    truth: str = "recorded"
    call: str | None = "recorded"
    fields: dict[str, Any] = field(default_factory=dict)

    @property
    def limits(self) -> Limits:
        return SHORT if self.phase is Phase.UNKNOWN else PATIENT

    def __str__(self) -> str:
        return self.scenario


QUICK = {"effect_after": 0.2}
LOCKS = {"effect_after": 0.2, "lock_for": 0.2}

MASK = [
    Row("instant", Phase.MASKED, truth="masked"),
    Row("instant", Phase.MASKED, call="unrecorded", truth="not_recorded"),
    Row("empty", Phase.MASKED, truth="masked"),
    Row("slow", Phase.MASKED, truth="masked", fields={"delay": 0.3}),
    Row("pending", Phase.MASKED, truth="masked", fields=LOCKS),
    Row("slow-confirm", Phase.MASKED, truth="masked", fields=QUICK),
    Row("accepted", Phase.UNKNOWN, "accepted the request but never confirmed", "masked", fields=QUICK),
    Row("dropped", Phase.UNKNOWN, "accepted the request but never confirmed"),
    Row("locked-forever", Phase.UNKNOWN, "accepted the request but never confirmed"),
    Row("signed-out", Phase.UNMASKED, "does not accept the sign-in"),
    Row("forbidden", Phase.UNMASKED, PERMISSION),
    Row("no-call", Phase.UNMASKED, "There is no active call."),
    Row("instant", Phase.UNMASKED, "There is no active call.", "none", call=None),
    Row("internal", Phase.UNMASKED, "Internal calls cannot be masked"),
    Row("instant", Phase.UNMASKED, "Internal calls cannot be masked", call="internal"),
    Row("locked", Phase.UNKNOWN, "still busy with an earlier request"),
    Row("throttled", Phase.MASKED, truth="masked", fields={"retry_after": 0.2, "holds": 0.2}),
    Row("away", Phase.UNKNOWN, "is away for the moment"),
    Row("error", Phase.UNKNOWN, "had an error"),
    Row("error-done", Phase.UNKNOWN, "had an error", "masked"),
    Row("timeout", Phase.UNKNOWN, "ran out of time"),
    Row("timeout-done", Phase.UNKNOWN, "ran out of time", "masked"),
    Row("lost", Phase.UNKNOWN, "did not answer"),
    Row("slow-lost", Phase.UNKNOWN, "did not answer", "masked"),
    Row("half", Phase.UNKNOWN, "did not answer", "masked"),
    Row("reset", Phase.UNKNOWN, "did not answer"),
    Row("reset-done", Phase.UNKNOWN, "did not answer", "masked"),
    Row("drip", Phase.UNKNOWN, "did not answer", "masked"),
    Row("refused", Phase.UNMASKED, "refused the request"),
    Row("refused", Phase.UNMASKED, "Ask Ms Kim.", fields={"message": "Ask Ms Kim."}),
    Row("html", Phase.UNKNOWN, "Something other than the recording service"),
    Row("redirect", Phase.UNKNOWN, "Something other than the recording service"),
    Row("no-content", Phase.UNKNOWN, "Something other than the recording service", "masked"),
    Row("huge", Phase.UNKNOWN, "Something other than the recording service", "masked"),
    Row("binary", Phase.UNKNOWN, "Something other than the recording service", "masked"),
]

UNMASK = [
    Row("instant", Phase.UNMASKED),
    Row("instant", Phase.UNMASKED, call="unrecorded", truth="not_recorded"),
    Row("pending", Phase.UNMASKED, fields=LOCKS),
    Row("slow-confirm", Phase.UNMASKED, fields=QUICK),
    Row("throttled", Phase.UNMASKED, fields={"retry_after": 0.2, "holds": 0.2}),
    Row("accepted", Phase.UNKNOWN, "accepted the request but never confirmed", fields=QUICK),
    Row("dropped", Phase.UNKNOWN, "accepted the request but never confirmed", "masked"),
    Row("signed-out", Phase.MASKED, "The call is still masked. Sign in again", "masked"),
    Row("forbidden", Phase.MASKED, PERMISSION, "masked"),
    Row("no-call", Phase.UNMASKED, "The call is over. There is nothing left to unmask.", "masked"),
    Row("internal", Phase.UNKNOWN, "may be on hold", "masked"),
    Row("locked", Phase.UNKNOWN, "still busy with an earlier request", "masked"),
    Row("away", Phase.UNKNOWN, "is away for the moment", "masked"),
    Row("error", Phase.UNKNOWN, "had an error", "masked"),
    Row("error-done", Phase.UNKNOWN, "had an error"),
    Row("timeout", Phase.UNKNOWN, "ran out of time", "masked"),
    Row("lost", Phase.UNKNOWN, "did not answer", "masked"),
    Row("slow-lost", Phase.UNKNOWN, "did not answer"),
    Row("reset", Phase.UNKNOWN, "did not answer", "masked"),
    Row("refused", Phase.MASKED, "The call is still masked. Try once more", "masked"),
    Row("html", Phase.UNKNOWN, "Something other than the recording service", "masked"),
    Row("redirect", Phase.UNKNOWN, "Something other than the recording service", "masked"),
]


def said(stage: Stage) -> str:
    """Everything that the window says about the failure, as it is drawn."""
    window = stage.window
    return " ".join(label.text() for label in (window.happened, window.card, window.todo))


async def check(stage: Stage, row: Row) -> None:
    await stage.same_everywhere()
    view = stage.view
    assert view.phase is row.phase
    assert view.card == (row.phase is Phase.MASKED)
    assert stage.truth == row.truth
    assert stage.window.panel.isVisible() == bool(row.says or view.second or view.fault)
    if row.says:
        assert row.says in said(stage)
        expected = "You can take the card." if row.phase is Phase.MASKED else NO_CARD
        assert stage.window.card.text() == expected
    else:
        assert view.message is None
    assert view.button.enabled


def mask(row: Row) -> Story:
    async def story(stage: Stage) -> None:
        stage.sim.world.play(row.scenario, fields=row.fields)
        await stage.click()
        assert stage.view.phase is Phase.MASKING
        await stage.until(lambda _: not stage.window.button.isEnabled(), within=1.0)
        await stage.settles()
        await check(stage, row)
        await stays_until_read(stage)

    return story


def unmask(row: Row) -> Story:
    async def story(stage: Stage) -> None:
        await stage.masked()
        stage.sim.world.play(row.scenario, ("unmask",), row.fields)
        await stage.click()
        assert stage.view.phase is Phase.UNMASKING
        await stage.settles()
        await check(stage, row)
        sent = stage.sent
        await stays_until_read(stage)
        await stage.passes(0.2)
        assert stage.sent == sent, "an unmask was sent by itself"

    return story


async def stays_until_read(stage: Stage) -> None:
    """A failure stays until the agent has read it, or a success overtakes it (that is the chase's)."""
    if stage.view.message is None:
        return
    view = await stage.passes(0.15)
    if view.message is None:
        assert view.phase is Phase.MASKED
        return
    await stage.click(stage.window.dismiss)
    await stage.until(lambda view: view.message is None)
    await stage.same_everywhere()


@pytest.mark.guarantee("G01")
@pytest.mark.guarantee("G02")
@pytest.mark.guarantee("G03")
@pytest.mark.parametrize("row", MASK, ids=lambda row: f"{row}-{row.call}-{row.says[:8]}")
def test_a_press_on_mask(theatre: Theatre, row: Row) -> None:
    theatre.play(mask(row), call=row.call, limits=row.limits)


@pytest.mark.guarantee("G01")
@pytest.mark.guarantee("G03")
@pytest.mark.parametrize("row", UNMASK, ids=lambda row: f"{row}-{row.call}")
def test_a_press_on_unmask(theatre: Theatre, row: Row) -> None:
    theatre.play(unmask(row), call=row.call, limits=row.limits)


BROKEN = [
    pytest.param(BelievesAccepted, "dropped", id="believes 202", marks=pytest.mark.mutant("G02")),
    pytest.param(BelievesSilence, "lost", id="believes silence", marks=pytest.mark.mutant("G01")),
]


@pytest.mark.parametrize(("broken", "scenario"), BROKEN)
def test_broken_clients_are_caught_by_the_same_story(theatre: Theatre, broken: Wrap, scenario: str) -> None:
    row = next(row for row in MASK if row.scenario == scenario)
    with pytest.raises(AssertionError):
        theatre.play(mask(row), wrap=broken, limits=with_limits(attempt=0.2))


def test_an_expired_token_is_renewed_once_and_the_press_goes_on(theatre: Theatre) -> None:
    async def story(stage: Stage) -> None:
        with stage.sim.world.lock:
            stage.sim.world.sign_in.expire()
        issued = stage.sim.world.sign_in.issued
        await stage.click()
        await stage.shows(Phase.MASKED)
        assert stage.sim.world.sign_in.issued == issued + 1
        assert stage.truth == "masked"

    theatre.play(story)


@pytest.mark.parametrize("masked", [False, True], ids=["mask", "unmask"])
def test_without_a_network_nothing_was_sent_and_nothing_is_doubted(theatre: Theatre, masked: bool) -> None:
    """The other side has gone: a connection is refused before a byte leaves, so what was known is still known."""

    async def story(stage: Stage) -> None:
        if masked:
            await stage.masked()
        arrived = stage.requests
        stage.wire.__exit__(None, None, None)
        await stage.passes(
            0.05
        )  # the close has arrived: no byte is lost in a connection that is already dead
        try:
            await stage.click()
            await stage.settles()
            assert stage.view.phase is (Phase.MASKED if masked else Phase.UNMASKED)
            assert "cannot be reached" in said(stage)
            if masked:
                assert "The call is still masked." in said(stage)
            assert stage.requests == arrived
        finally:
            stage.wire.__enter__()

    # Two attempts, far from the deadline: one that is still under way then is in doubt, whatever becomes of it.
    pauses = with_limits(deadline=0.9, first_pause=0.5, shortest_pause=0.5, longest_pause=0.5)
    theatre.play(story, faults=Faults(), limits=pauses)


def test_a_service_that_asks_for_time_gets_it(theatre: Theatre) -> None:
    """Retry-After is a lower bound of the pause, and the window says that it waits."""

    async def story(stage: Stage) -> None:
        stage.sim.world.play("throttled", fields={"retry_after": 0.4, "holds": 0.4})
        await stage.click()
        await stage.until(lambda view: "busy, asking again" in view.detail)
        await stage.shows(Phase.MASKED)
        first, second = stage.recorder.asked
        assert first.ended is not None
        assert second.began - first.ended >= 0.39

    theatre.play(story)


@pytest.mark.guarantee("G10")
def test_after_no_call_nothing_is_kept_for_the_next_call(theatre: Theatre) -> None:
    async def story(stage: Stage) -> None:
        await stage.click()
        await stage.until(lambda view: view.message is not None)
        sent = stage.sent
        stage.sim.world.start_call()
        await stage.passes(SHORT_WHILE)
        assert stage.sent == sent
        assert stage.truth == "recorded"
        assert stage.view.phase is Phase.UNMASKED

    theatre.play(story, call=None, limits=SHORT)


SHORT_WHILE = 0.8
"""Seconds: past the deadline of a wish."""


def test_nothing_is_sent_at_start(theatre: Theatre) -> None:
    async def story(stage: Stage) -> None:
        await stage.passes(0.2)
        assert stage.requests == 0

    theatre.play(story)


def test_the_button_is_off_and_says_why_while_an_answer_is_pending(theatre: Theatre) -> None:
    async def story(stage: Stage) -> None:
        stage.sim.world.play("pending", fields={"effect_after": 0.6, "lock_for": 0.6})
        await stage.click()
        details = set()
        await stage.same_everywhere()
        while stage.view.phase.pending:
            assert not stage.window.button.isEnabled()
            assert stage.window.progress.isVisible()
            details.add(stage.window.detail.text().partition(" · ")[0])
            await stage.passes(0.01)
        assert {"Asking the recorder", "The recorder is still busy"} <= details
        await check(stage, Row("pending", Phase.MASKED, truth="masked"))

    theatre.play(story)


@pytest.mark.guarantee("G09")
def test_an_unmask_is_not_repeated_once_masking_is_wished(theatre: Theatre) -> None:
    """The agent unmasks, the service is slow about it, and the agent says mask: the last wish wins."""

    async def story(stage: Stage) -> None:
        await stage.masked()
        stage.sim.world.play("timeout", ("unmask",), {"delay": 0.2})
        await stage.click()
        await stage.until(lambda _: stage.recorder.count(Wish.UNMASK) == 1)
        await stage.soon(lambda: stage.controller.ask(Wish.MASK, Origin.HOTKEY))
        await stage.shows(Phase.MASKED)
        assert stage.recorder.count(Wish.UNMASK) == 1
        assert stage.truth == "masked"

    theatre.play(story)


@pytest.mark.guarantee("G06")
def test_a_late_unmask_cannot_undo_a_newer_mask_unseen(theatre: Theatre) -> None:
    """The proxy holds the unmask, and lets it go after the first confirmation of the mask that followed."""

    async def story(stage: Stage) -> None:
        await stage.masked()
        stage.wire.faults = Faults(match=b"/unmask", hold_up=True)
        await stage.click()
        await stage.shows(Phase.UNKNOWN)
        stage.wire.faults = Faults()
        await stage.click()
        await stage.until(lambda view: view.detail.startswith("Making sure"))
        assert not stage.view.card
        held = list(stage.wire.held)
        assert held
        stage.wire.release()
        await stage.shows(Phase.MASKED)
        assert all(one.passed_on.is_set() for one in held)
        assert stage.truth == "masked"
        assert stage.recorder.count(Wish.MASK) == 3

    theatre.play(story, limits=with_limits(deadline=1.5, attempt=0.3, quiet=0.5), faults=Faults())


def test_a_forgotten_unmask_is_said_unmistakably_and_again(theatre: Theatre) -> None:
    async def story(stage: Stage) -> None:
        await stage.masked()
        assert stage.view.reminding is Level.QUIET
        await stage.until(lambda view: view.reminding > Level.QUIET)
        assert "Still masked" in stage.window.guidance.text()
        clock = stage.view.clock
        await stage.until(lambda view: view.clock != clock)
        assert stage.view.reminding > Level.QUIET
        assert stage.view.card
        assert stage.truth == "masked", "a reminder never unmasks by itself"
        await stage.same_everywhere()
        await stage.click()
        view = await stage.shows(Phase.UNMASKED)
        assert view.reminding is Level.QUIET

    theatre.play(story, remind_after=1.0)


def test_what_may_be_masked_is_reminded_of_too(theatre: Theatre) -> None:
    async def story(stage: Stage) -> None:
        await stage.masked()
        stage.sim.world.play("error", ("unmask",))
        await stage.click()
        await stage.shows(Phase.UNKNOWN)
        view = await stage.until(lambda view: view.reminding > Level.QUIET)
        assert view.phase is Phase.UNKNOWN
        assert not view.card

    theatre.play(story, remind_after=1.5, limits=SHORT)
