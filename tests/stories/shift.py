"""One agent's shift at the whole program, as hypothesis likes it: presses, calls, a service and a network that misbehave.

The one rule: the simulator's truth is the judge, all the time between the steps too. What MaskBar cannot know (another
call, somebody else's unmask, a request that a proxy lets go late) excuses a wrong MASKED, but never for longer than the
evidence's life, and never past the next confirmation.

Hypothesis runs in a thread and hands each step to the loop, which never stops meanwhile, as in the program.
"""

import asyncio
import contextlib
import itertools
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
from app.core.failures import Failure, Fate
from app.core.ports import Wish
from app.core.states import Limits, Phase
from app.simulator.server import Simulator
from tests.conftest import collect
from tests.core.witness import hold
from tests.faultproxy import FaultProxy, Faults
from tests.stories.stage import MEMORY, Stage, click, on_stage, port_of

T = TypeVar("T")

LIMITS = Limits(
    deadline=0.35,
    attempt=0.5,
    first_pause=0.01,
    longest_pause=0.03,
    shortest_pause=0.005,
    quiet=0.12,
    evidence_life=0.3,
    chase_pause=0.06,
    chase_for=0.15,
    press_guard=0.0,
)
LATE = 0.08
"""Seconds after which a late effect lands: within the quiet pause of the fence, after a press that follows at once."""
SLOW = 0.06
"""Seconds that an answer takes, so that the next wish comes before it."""
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
        self.enough = False
        """True: the first find is enough. Else hypothesis plays it once more, and prints the steps."""

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
            await self.loop.run_in_executor(
                thread, lambda: run_state_machine_as_test(shift, settings=chosen, _min_steps=steps // 2)
            )

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
        hold(not (self.house.enough and self.house.found), "found", "before")
        world = self.house.sim.world
        world.reset()
        world.start_call(recorded=recorded)
        self.house.run(self._enter(proxied))
        hold(self.on_stage.sent == 0, "rule 8", "something was sent at start")

    async def _enter(self, proxied: bool) -> None:
        folder = Path(self.exits.enter_context(tempfile.TemporaryDirectory(prefix="maskbar-", dir=MEMORY)))
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
            self._judge_evidence(now)
        if view.phase is Phase.UNMASKED and truth == "masked":
            confirmed = self._confirmed(Wish.UNMASK)
            asked = confirmed[0] if confirmed else float("-inf")
            if asked > self.unseen_at + ARRIVAL or self.unseen_at == float("-inf"):
                self._break("rule 5", "NOT MASKED, and the call is masked unseen")
        if view.phase.pending:
            run = stage.controller.state.run
            if run is not None and now > run.deadline + MARGIN:
                self._break("G08", "a wish is pending past its deadline")

    def _judge_evidence(self, now: float) -> None:
        """Why the window may say MASKED, from the attempts and their answers alone: the truth may have been lucky."""
        confirmed = self._confirmed(Wish.MASK)
        unmasked = self._confirmed(Wish.UNMASK)
        if confirmed is None:
            self._break("G01", "MASKED without any confirmation")
        elif unmasked and unmasked[1] > confirmed[1]:
            self._break("G07", "MASKED, and an unmask was confirmed last")
        elif now - confirmed[1] > LIMITS.evidence_life + MARGIN:
            self._break("G04", "MASKED outlived its evidence")
        elif not self._fence_was_passed():
            self._break("G06", "MASKED, and an unmask without an answer may still land")

    def _fence_was_passed(self) -> bool:
        """After the last unmask in doubt the mask was confirmed twice, with a quiet pause between."""
        asked = self.on_stage.recorder.asked
        doubtful = (Fate.PERHAPS, Fate.UNEXPECTED)
        last = -1
        for at, one in enumerate(asked):
            failure = one.answer.failure if one.answer else None
            if one.wish is Wish.UNMASK and failure and failure.fate in doubtful:
                last = at
        confirmed = [
            one
            for one in asked[last + 1 :]
            if one.wish is Wish.MASK and one.ended is not None and one.answer and one.answer.confirmed
        ]
        return last < 0 or any(
            second.began - (first.ended or 0.0) > LIMITS.quiet - 0.02
            for first, second in itertools.combinations(confirmed, 2)
        )

    def _confirmed(self, wish: Wish) -> tuple[float, float] | None:
        """When the last confirmation was asked for and when it came. A "no call" confirms an unmask too."""
        for one in reversed(self.on_stage.recorder.asked):
            answer = one.answer
            if answer is None or one.ended is None:
                continue
            if one.wish is wish and answer.confirmed:
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

    @rule(
        wish=wishes,
        scenario=st.sampled_from(list(SCENARIOS)),
        ops=st.sampled_from(["mask", "unmask", "both"]),
        surface=st.sampled_from(SURFACES),
        pause=st.sampled_from([0.0, 0.03, None]),
    )
    def ask(self, wish: Wish, scenario: str, ops: str, surface: Origin, pause: float | None) -> None:
        """A wish, to a service that behaves so. `pause`: seconds that the agent lets pass; None: until it is settled."""
        self.play(ops, scenario)
        self.house.run(self._ask(wish, surface))
        if pause is None:
            self.house.run(self.on_stage.settles())
        self.rest(pause or 0.0)

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

    @rule(seconds=st.sampled_from([None, 0.02, 0.06]))
    def time_passes(self, seconds: float | None) -> None:
        if seconds is None:
            self.house.run(self.on_stage.settles())
        self.rest(seconds or 0.0)

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
        """The service is slow and doubtful about one wish, and the agent wishes the opposite soon after."""
        self.house.sim.world.play(scenario, OPS[first.value], {"delay": SLOW, **SCENARIOS[scenario]})
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
        self.peace()
        self.house.run(self._ask(Wish.MASK, Origin.TRAY))
        self.house.run(self.on_stage.settles())
        self.rest(LIMITS.evidence_life + MARGIN + 0.1)

    # The service.

    def play(self, ops: str, scenario: str) -> None:
        self.house.sim.world.play(scenario, OPS[ops], SCENARIOS[scenario])

    @rule()
    def peace(self) -> None:
        """The service and the network are well again."""
        self.house.sim.world.play("instant")
        self._wire(Faults())

    # The calls. MaskBar hears of none of this.

    @rule(change=st.sampled_from(["next call", "internal call", "end", "end all", "mask", "unmask"]))
    def calls_change(self, change: str) -> None:
        """Another call, the end of one, or somebody else who masks or unmasks it."""
        self._unseen()
        world = self.house.sim.world
        match change:
            case "next call" | "internal call":
                world.start_call(internal=change == "internal call")
            case "end" | "end all":
                world.end_call(all_calls=change == "end all")
            case _:
                world.somebody_else(change)

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
        """Another fault. What the proxy held before is let go: nothing tells MaskBar that it still has its effect."""
        proxy = self.on_stage.proxy
        if proxy and proxy.held:
            self._unseen()
            proxy.release()
        self._wire(faults)

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
