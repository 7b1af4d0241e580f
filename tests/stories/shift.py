"""One agent's shift at the whole program, as hypothesis likes it: presses, calls, a service and a network that misbehave.

The one rule: the simulator's truth is the judge, all the time between the steps too. What MaskBar cannot know (another
call, somebody else's unmask, a request that a proxy lets go late) excuses a wrong MASKED, but never for longer than the
evidence's life, and never past the next confirmation.

Hypothesis runs in a thread and hands each step to the loop, which never stops meanwhile, as in the program.
"""

import asyncio
import contextlib
import tempfile
import time
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from hypothesis import Phase as Part
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from PySide6.QtWidgets import QApplication
from qasync import QEventLoop

from app.core.audit import Origin
from app.core.failures import Failure
from app.core.ports import Wish
from app.core.states import Limits, Phase
from app.simulator.server import Simulator
from tests.conftest import collect
from tests.core.witness import hold
from tests.faultproxy import FaultProxy, Faults
from tests.stories.stage import Stage, click, on_stage, port_of

T = TypeVar("T")

LIMITS = Limits(
    deadline=0.25,
    attempt=0.35,
    first_pause=0.01,
    longest_pause=0.03,
    shortest_pause=0.005,
    quiet=0.08,
    evidence_life=0.3,
    chase_pause=0.06,
    chase_for=0.15,
    press_guard=0.0,
)
LATE = 0.05
"""Seconds after which a late effect lands: within the quiet pause of the fence, after a press that follows at once."""
MARGIN = 0.25
"""Seconds that a loaded machine may add to a time that the program keeps by itself."""
ARRIVAL = 0.1
"""Seconds from letting something go in the proxy to its effect in the simulator."""

SCENARIOS: dict[str, dict[str, Any]] = {
    "instant": {},
    "empty": {},
    "pending": {"effect_after": LATE, "lock_for": LATE},
    "slow-confirm": {"effect_after": LATE},
    "accepted": {"effect_after": LATE},
    "dropped": {},
    "locked": {},
    "throttled": {"retry_after": 0.05, "holds": 0.05},
    "away": {},
    "refused": {},
    "forbidden": {},
    "signed-out": {},
    "error": {},
    "error-done": {},
    "timeout-done": {},
    "timeout-late": {"effect_after": LATE},
    "slow": {"delay": 0.1},
    "slow-lost": {},
    "lost": {},
    "half": {},
    "reset": {},
    "reset-done": {},
    "html": {},
    "redirect": {},
    "huge": {"size": 200_000},
    "binary": {},
}
DOUBTFUL = ["timeout-late", "accepted", "error", "slow", "pending", "slow-lost", "slow-confirm"]
OPS = {"mask": ("mask",), "unmask": ("unmask",), "both": ("mask", "unmask")}
SURFACES = [Origin.HOTKEY, Origin.TRAY, Origin.COMMAND]
FAULTS = [
    Faults(),
    Faults(),
    Faults(black_hole=True),
    Faults(match=b"/interactions/", lose_answer=True),
    Faults(match=b"/unmask", hold_up=True),
    Faults(match=b"/mask", hold_down=True),
    Faults(match=b"/interactions/", reset_down=20),
    Faults(match=b"/interactions/", cut_down=50),
    Faults(match=b"/interactions/", reset_up=10),
    Faults(match=b"/interactions/", drip_down=0.01),
]

wishes = st.sampled_from(list(Wish))
moments = st.sampled_from([0.0, 0.0, 0.01, 0.05])


@dataclass(frozen=True, slots=True)
class Wished:
    """An accepted wish: attempts with a ticket after `ticket` are its doing, or a later one's."""

    wish: Wish
    ticket: int
    at: float


class House:
    """Where the shifts take place: the loop, the application and the simulator, driven from hypothesis's thread."""

    def __init__(self, loop: QEventLoop, app: QApplication, sim: Simulator) -> None:
        self.loop, self.app, self.sim = loop, app, sim
        self.shifts = self.steps = 0
        self.found: list[str] = []

    def run(self, work: Coroutine[Any, Any, T], within: float = 30.0) -> T:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(within)

    def explore(self, examples: int, steps: int) -> None:
        """Play so many shifts. Raises what hypothesis raises."""
        shift = type("Shift", (Shift,), {"house": self})
        chosen = settings(
            max_examples=examples,
            stateful_step_count=steps,
            # Every step takes real time, so shrinking does not pay: the steps are printed as they were.
            phases=[Part.explicit, Part.generate],
            report_multiple_bugs=False,
        )
        thread = ThreadPoolExecutor(1)

        async def play() -> None:
            await self.loop.run_in_executor(thread, lambda: run_state_machine_as_test(shift, settings=chosen))

        try:
            self.loop.run_until_complete(play())
        finally:
            thread.shutdown()


class Shift(RuleBasedStateMachine):
    """The rules. Hypothesis likes the first ones by name best, so those that take long have names that come late."""

    house: ClassVar[House]

    def __init__(self) -> None:
        super().__init__()
        self.exits = contextlib.AsyncExitStack()
        self.stage: Stage | None = None
        self.wished: list[Wished] = []
        self.unseen_at = float("-inf")
        self.judged = 0
        self.broken: list[tuple[str, str]] = []
        self.house.shifts += 1

    @initialize(proxied=st.booleans(), recorded=st.sampled_from([True, True, True, False]))
    def begin(self, proxied: bool, recorded: bool) -> None:
        world = self.house.sim.world
        world.reset()
        world.start_call(recorded=recorded)
        self.house.run(self._enter(proxied))
        hold(self.on_stage.sent == 0, "rule 8", "something was sent at start")

    async def _enter(self, proxied: bool) -> None:
        folder = Path(self.exits.enter_context(tempfile.TemporaryDirectory(prefix="maskbar-shift-")))
        proxy = None
        if proxied:
            proxy = self.exits.enter_context(FaultProxy(port_of(self.house.sim)))
        running = on_stage(self.house.app, self.house.sim, proxy, folder / "j.sqlite", limits=LIMITS)
        self.stage = await self.exits.enter_async_context(running)
        self.exits.enter_context(self._watching())

    @contextlib.contextmanager
    def _watching(self) -> Iterator[None]:
        """Judge at each View, and every few milliseconds between."""
        self.on_stage.controller.listen(lambda _view: self.judge())

        async def watch() -> None:
            while True:
                self.judge()
                await asyncio.sleep(0.01)

        watching = asyncio.ensure_future(watch())
        try:
            yield
        finally:
            watching.cancel()

    @property
    def on_stage(self) -> Stage:
        assert self.stage is not None
        return self.stage

    # The judge.

    def judge(self) -> None:
        """On the loop."""
        stage = self.on_stage
        view, truth, now = stage.view, stage.truth, time.monotonic()
        if stage.says_take_it and truth == "recorded":
            confirmed = self._confirmed(Wish.MASK)
            if confirmed is None or confirmed[0] > self.unseen_at + ARRIVAL:
                self._break(
                    "G01", f"MASKED, and the call is recorded; last asked {stage.recorder.asked[-3:]}"
                )
        if stage.says_take_it:
            confirmed = self._confirmed(Wish.MASK)
            if confirmed is None:
                self._break("G01", "MASKED without any confirmation")
            elif now - confirmed[1] > LIMITS.evidence_life + MARGIN:
                self._break("G04", "MASKED outlived its evidence")
        if view.phase is Phase.UNMASKED and truth == "masked":
            confirmed = self._confirmed(Wish.UNMASK)
            asked = confirmed[0] if confirmed else float("-inf")
            if asked > self.unseen_at + ARRIVAL or self.unseen_at == float("-inf"):
                self._break("rule 5", "NOT MASKED, and the call is masked unseen")
        if view.phase.pending:
            run = stage.controller.state.run
            if run is not None and now > run.deadline + MARGIN:
                self._break("G08", "a wish is pending past its deadline")

    def _confirmed(self, wish: Wish) -> tuple[float, float] | None:
        """When the last confirmation was asked for and when it came. A "no call" confirms an unmask too."""
        for one in reversed(self.on_stage.recorder.asked):
            answer = one.answer
            if answer is None or one.ended is None:
                continue
            if one.wish is wish and (answer.confirmed or answer.accepted):
                return one.began, one.ended
            if wish is Wish.UNMASK and answer.failure is Failure.NO_CALL:
                return one.began, one.ended
        return None

    def _break(self, guarantee: str, why: str) -> None:
        self.broken.append((guarantee, why))

    def check(self) -> None:
        """After each rule: what the judge saw, and who asked for each attempt."""
        stage = self.on_stage
        self.house.steps += 1
        self._check_attempts()
        if stage.recorder.most_at_once > 1:
            self._break("G05", f"{stage.recorder.most_at_once} requests at once")
        if stage.proxy is None and stage.overlaps:
            self._break("G05", f"the simulator saw {stage.overlaps} overlaps")
        for guarantee, why in self.broken:
            self.house.found.append(f"{guarantee}: {why}")
            hold(False, guarantee, why)

    def _check_attempts(self) -> None:
        asked = list(self.on_stage.recorder.asked)
        over = 0
        for ticket, one in enumerate(asked[self.judged :], self.judged + 1):
            cause = next((w for w in reversed(self.wished) if w.ticket < ticket), None)
            if cause is None:
                self._break("rule 8", f"{one.wish} was sent without a wish")
            elif cause.wish is not one.wish:
                self._break(
                    "G09" if one.wish is Wish.UNMASK else "G10",
                    f"{one.wish} was sent, {cause.wish} is wished",
                )
            elif (
                one.wish is Wish.UNMASK
                and one.began > cause.at + 2 * LIMITS.deadline + LIMITS.attempt + MARGIN
            ):
                self._break("G09", "an unmask was sent long after its wish")
        for ticket, one in enumerate(asked, 1):
            if one.answer and one.answer.failure in (Failure.NO_CALL, Failure.INTERNAL_CALL):
                over = ticket
            elif over and not any(over <= w.ticket < ticket for w in self.wished):
                self._break("G10", "a wish outlived “no call”")
        self.judged = len([one for one in asked if one.ended is not None])

    # The agent.

    @rule(pause=moments)
    def press(self, pause: float) -> None:
        self.house.run(self._press())
        self.rest(pause)

    async def _press(self) -> None:
        stage = self.on_stage

        def act() -> None:
            self._note(stage.view.button.wish if stage.view.button.enabled else None)
            before = stage.view
            click(stage.window, stage.window.button)
            if before.button.enabled:
                hold(stage.view.phase.pending, "G16", "a press was not answered at once")

        await stage.soon(act)
        await stage.same_everywhere()

    @rule(wish=wishes, surface=st.sampled_from(SURFACES), pause=moments)
    def ask(self, wish: Wish, surface: Origin, pause: float) -> None:
        self.house.run(self._ask(wish, surface))
        self.rest(pause)

    async def _ask(self, wish: Wish, surface: Origin) -> None:
        stage = self.on_stage

        def act() -> None:
            self._note(wish)
            stage.controller.ask(wish, surface)

        await stage.soon(act)

    def _note(self, wish: Wish | None) -> None:
        if wish:
            self.wished.append(Wished(wish, self.on_stage.sent, time.monotonic()))

    @rule()
    def read_the_message(self) -> None:
        self.house.run(self.on_stage.soon(self.on_stage.controller.acknowledge))
        self.check()

    @rule()
    def settle(self) -> None:
        self.house.run(self.on_stage.settles())
        self.check()

    @rule(seconds=st.sampled_from([0.02, 0.06]))
    def wait(self, seconds: float) -> None:
        self.rest(seconds)

    def rest(self, seconds: float) -> None:
        self.house.run(self.on_stage.passes(seconds))
        self.check()

    @rule(
        first=wishes,
        scenario=st.sampled_from(DOUBTFUL),
        surface=st.sampled_from(SURFACES),
        pause=st.sampled_from([0.0, 0.03, 0.1]),
    )
    def change_of_mind(self, first: Wish, scenario: str, surface: Origin, pause: float) -> None:
        """The service is doubtful about one wish, and the agent wishes the opposite soon after."""
        self.play(first.value, scenario)
        self.house.run(self._ask(first, surface))
        self.rest(pause)
        self.house.run(self._ask(first.other, surface))
        self.house.run(self.on_stage.settles())
        self.rest(LATE)

    @rule(first=wishes)
    def too_late_an_answer(self, first: Wish) -> None:
        """It comes while the agent's next wish waits for the line."""
        self.house.sim.world.play("slow", OPS[first.value], {"delay": LIMITS.deadline + 0.05})
        self.house.run(self._ask(first, Origin.HOTKEY))
        self.rest(LIMITS.deadline + 0.02)
        self.house.run(self._ask(first.other, Origin.HOTKEY))
        self.house.run(self.on_stage.settles())
        self.check()

    @rule()
    def too_old_a_mask(self) -> None:
        self.all_is_well()
        self.house.run(self._ask(Wish.MASK, Origin.TRAY))
        self.house.run(self.on_stage.settles())
        self.rest(LIMITS.evidence_life + MARGIN + 0.1)

    # The service.

    @rule(ops=st.sampled_from(list(OPS)), scenario=st.sampled_from(list(SCENARIOS)))
    def play(self, ops: str, scenario: str) -> None:
        self.house.sim.world.play(scenario, OPS[ops], SCENARIOS[scenario])

    @rule()
    def all_is_well(self) -> None:
        self.house.sim.world.play("instant")
        self._wire(Faults())

    # The calls. MaskBar hears of none of this.

    @rule(internal=st.sampled_from([False, False, True]))
    def another_call(self, internal: bool) -> None:
        self._unseen()
        self.house.sim.world.start_call(internal=internal)

    @rule(all_calls=st.booleans())
    def end_call(self, all_calls: bool) -> None:
        self._unseen()
        self.house.sim.world.end_call(all_calls=all_calls)

    @rule(wish=wishes)
    def somebody_else(self, wish: Wish) -> None:
        self._unseen()
        self.house.sim.world.somebody_else(wish.value)

    @rule(pause=st.sampled_from([0.02, 0.1]))
    def mask_between_calls(self, pause: float) -> None:
        """No call, a wish to mask, and then the next call."""
        self._unseen()
        world = self.house.sim.world
        world.end_call(all_calls=True)
        world.play("instant")
        self.house.run(self._ask(Wish.MASK, Origin.HOTKEY))
        self.rest(pause)
        self._unseen()
        world.start_call()
        self.rest(LATE)

    def _unseen(self) -> None:
        self.unseen_at = time.monotonic()

    # The network.

    @rule(faults=st.sampled_from(FAULTS))
    def network(self, faults: Faults) -> None:
        self._wire(faults)

    @rule()
    def let_go(self) -> None:
        """What the proxy has held so long is passed on now: nothing told MaskBar that it might be."""
        proxy = self.on_stage.proxy
        if proxy and proxy.held:
            self._unseen()
            proxy.release()

    def _wire(self, faults: Faults) -> None:
        if self.stage and self.stage.proxy:
            self.stage.proxy.faults = replace(faults)

    def teardown(self) -> None:
        self.house.run(self._leave())

    async def _leave(self) -> None:
        if self.stage and self.stage.proxy:
            self.stage.proxy.release()
        await self.exits.aclose()
        asyncio.get_running_loop().call_soon(collect, self.house.app)
        await asyncio.sleep(0.001)
