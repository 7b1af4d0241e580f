"""The state machine against a world that does its worst: hypothesis chooses every event at every moment.

The one rule: after every event all ten rules hold, by the evidence (`witness.py`) and, in a calm world, by the
truth (`world.py`). `Machine.step` is replaced in `mutants.py` to show that a broken client is caught.
"""

import os
from collections.abc import Callable

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from app.core import masking
from app.core.failures import Failure, Fate
from app.core.masking import due
from app.core.ports import Answer, Seen, Wish
from app.core.states import (
    Acknowledged,
    Answered,
    Ask,
    Doubted,
    Effect,
    Event,
    Ignored,
    Limits,
    Notice,
    Observed,
    Phase,
    Press,
    Say,
    Send,
    State,
    Tick,
)
from app.core.view import NO_CARD, view
from tests.core.witness import Witness, hold
from tests.core.world import INTERNAL, NO_CALL, REPLIES, Reply, Request, When, World

THOROUGH = os.environ.get("MASKBAR_THOROUGH") == "1"
EXAMPLES = 4000 if THOROUGH else 200
STEPS = 120 if THOROUGH else 60

Step = Callable[[State, Event], tuple[State, tuple[Effect, ...]]]

SOON = [0.0, 0.05, 0.1, 0.3, 0.4, 0.5, 1.0, 1.9, 2.0, 3.0, 5.0]
LATER = [*SOON, 7.5, 9.9, 10.0, 30.0, 61.0, 299.0, 300.0, 1000.0]
AGES = [0.0, 0.0, 0.01, 0.02, 1.0, 299.0, 300.0]
DOUBTS = [failure for failure in Failure if failure.fate is Fate.DOUBT]
PROMPT = (Wish.MASK, Wish.UNMASK)

wishes = st.sampled_from(PROMPT)
replies = st.sampled_from(REPLIES).flatmap(st.sampled_from)
chances = st.sampled_from([0.0, 0.5, 1.0])
indexes = st.integers(0, 7)


class Machine(RuleBasedStateMachine):
    """One window, one service, one agent, virtual time."""

    step: Step = staticmethod(masking.step)

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.state = State()
        self.world = World(self.state.limits)
        self.witness = Witness(self.state.limits)
        self.out: Request | None = None
        self.old_answers: list[tuple[int, Answer]] = []
        self.looks: list[tuple[float, Seen, str | None]] = []
        self.entered = 0.0
        self.chased_at = 0.0
        self.last_notice: Notice | None = None

    @initialize(
        calm=st.booleans(),
        settle=st.sampled_from([None, None, None, 3.0]),
        deadline=st.sampled_from([10.0, 10.0, 4.0]),
        life=st.sampled_from([300.0, 12.0]),
    )
    def start(self, calm: bool, settle: float | None, deadline: float, life: float) -> None:
        """With the short deadline an attempt often outlives its wish, with the short life the evidence."""
        limits = Limits(settle=settle, deadline=deadline, evidence_life=life)
        self.state = State(limits=limits)
        self.world = World(limits, calm=calm and settle is None)
        self.witness = Witness(limits)

    # The agent.

    @rule(wish=wishes)
    def ask(self, wish: Wish) -> None:
        self.feed(Ask(wish, self.now))

    @precondition(lambda self: not self.out)
    @rule(wish=wishes, reply=replies, chance=chances)
    def ask_and_answer(self, wish: Wish, reply: Reply, chance: float) -> None:
        self.feed(Ask(wish, self.now))
        if self.out:
            self.deliver(reply, chance)

    @precondition(lambda self: not self.out)
    @rule(wish=wishes, reply=replies, late=st.sampled_from([0.0, 1.0, 300.0]))
    def ask_and_answer_past_the_deadline(self, wish: Wish, reply: Reply, late: float) -> None:
        self.feed(Ask(wish, self.now))
        self.now += self.state.limits.deadline + late
        self.world.settle_by(self.now, done=True)
        if self.out:
            self.deliver(reply, 0.5)

    @precondition(lambda self: self.state.phase.pending and not self.out)
    @rule(done=st.booleans())
    def change_the_mind_after_a_late_timer(self, done: bool) -> None:
        wanted = due(self.state)
        assert wanted is not None
        self.now = max(self.now, wanted)
        self.world.settle_by(self.now, done)
        self.feed(Ask(self.state.pending_run.wish.other, self.now))

    @precondition(lambda self: self.state.phase.pending)
    @rule(down=st.sampled_from([Failure.NOT_REACHED, Failure.NO_TOKEN]))
    def lose_the_network(self, down: Failure) -> None:
        self.network_is_down(down)

    def network_is_down(self, down: Failure) -> None:
        """Nothing leaves this machine, until the wish is given up."""
        for _ in range(200):
            if not self.state.phase.pending:
                return
            if self.out:
                self.deliver(Reply(Answer(failure=down)), 0.5)
            else:
                self.wait_until_due()

    @rule()
    def press(self) -> None:
        shown = view(self.state, self.now)
        self.feed(Press(shown.button.wish, self.now))

    @rule(wish=wishes)
    def press_what_was_shown_before(self, wish: Wish) -> None:
        self.feed(Press(wish, self.now))

    @rule()
    def acknowledge(self) -> None:
        self.feed(Acknowledged(self.now))
        hold(self.state.problem is None, "rule 10", "a problem that was read stays")

    # The service.

    @precondition(lambda self: self.out and not self.out.answer)
    @rule(reply=replies)
    def serve(self, reply: Reply) -> None:
        """The request arrives; its answer is on its way back."""
        assert self.out
        self.world.serve(self.out, reply, self.now)

    @precondition(lambda self: self.out)
    @rule(reply=replies, chance=chances)
    def answer(self, reply: Reply, chance: float) -> None:
        self.deliver(reply, chance)

    @precondition(lambda self: self.out)
    @rule(reply=replies, chance=chances, pause=st.sampled_from(SOON))
    def answer_soon(self, reply: Reply, chance: float, pause: float) -> None:
        self.pass_time(pause, punctual=True)
        if self.out:
            self.deliver(reply, chance)

    @precondition(lambda self: self.out)
    @rule(none=st.sampled_from([NO_CALL, INTERNAL]))
    def answer_that_there_is_no_call_and_wait(self, none: Reply) -> None:
        self.deliver(none, 0.5)
        self.pass_time(3.0, punctual=True)

    @precondition(lambda self: self.old_answers)
    @rule(index=indexes)
    def answer_again(self, index: int) -> None:
        """An answer that was given already, or that came after the client had stopped waiting."""
        ticket, answer = self.old_answers[index % len(self.old_answers)]
        self.feed(Answered(ticket, answer, self.now))

    @precondition(lambda self: self.world.working)
    @rule(done=st.booleans())
    def finish(self, done: bool) -> None:
        self.world.finish(done)
        self.compare()

    @precondition(lambda self: self.world.working and self.given_up(self.world.working))
    @rule()
    def slip(self) -> None:
        self.world.slip(self.now)

    @precondition(lambda self: self.world.loose)
    @rule(index=indexes, done=st.sampled_from([True, True, False]))
    def land_late(self, index: int, done: bool) -> None:
        self.world.late(index, done)
        self.compare()

    # The recorder's status.

    @rule(done=st.booleans(), named=st.booleans(), wild=st.sampled_from(Seen))
    def ask_read_back(self, done: bool, named: bool, wild: Seen) -> None:
        """A calm world reads back only what has come to rest: see `test_readback.py` for the rest."""
        if self.world.calm:
            if self.world.working:
                self.world.finish(done)
            while self.world.loose:
                self.world.late(0, done)
            self.compare()
        seen = self.world.look() if self.world.calm else wild
        self.looks.append((self.now, seen, str(self.world.call) if named and self.world.call else None))

    @precondition(lambda self: self.looks)
    @rule(index=indexes)
    def read_back(self, index: int) -> None:
        asked_at, seen, contact = self.looks[index % len(self.looks)]
        self.feed(Observed(seen, contact, asked_at, self.now))

    @rule(done=st.booleans(), named=st.booleans(), wild=st.sampled_from(Seen))
    def read_back_at_once(self, done: bool, named: bool, wild: Seen) -> None:
        self.now += 0.01
        self.ask_read_back(done, named, wild)
        self.read_back(-1)

    @precondition(lambda self: not self.world.calm)
    @rule(seen=st.sampled_from(Seen), contact=st.sampled_from([None, "1", "2"]), age=st.sampled_from(AGES))
    def read_back_of_any_age(self, seen: Seen, contact: str | None, age: float) -> None:
        self.now += 0.01
        self.feed(Observed(seen, contact, max(0.0, self.now - age), self.now))

    @precondition(lambda self: self.state.phase is Phase.MASKED and not self.world.calm)
    @rule(contacts=st.permutations(["1", "2", None]))
    def read_backs_of_several_calls(self, contacts: list[str | None]) -> None:
        for contact in contacts:
            self.now += 0.01
            self.feed(Observed(Seen.MASKED, contact, self.now, self.now))

    @precondition(lambda self: self.state.phase is Phase.MASKED and not self.out)
    @rule(wish=wishes)
    def network_is_down_when_the_evidence_ends(self, wish: Wish) -> None:
        wanted = due(self.state)
        assert wanted is not None
        self.pass_time(max(0.0, wanted - self.now - 1.0), punctual=True)
        self.feed(Ask(wish, self.now))
        self.network_is_down(Failure.NOT_REACHED)

    # The calls.

    @rule(failure=st.sampled_from(DOUBTS))
    def doubt(self, failure: Failure) -> None:
        self.feed(Doubted(failure, self.now))

    @rule(internal=st.sampled_from([False, False, True]))
    def another_call(self, internal: bool) -> None:
        self.world.start_call(internal)
        self.feed(Doubted(Failure.CALL_CHANGED, self.now))

    @rule()
    def end_call(self) -> None:
        self.world.end_call()

    @precondition(lambda self: not self.world.calm)
    @rule(internal=st.booleans())
    def another_call_unseen(self, internal: bool) -> None:
        self.world.start_call(internal)

    # Time.

    @rule(seconds=st.sampled_from(LATER) | st.floats(0.0, 20.0))
    def wait(self, seconds: float) -> None:
        self.pass_time(seconds, punctual=True)

    @rule(seconds=st.sampled_from(LATER), done=st.booleans())
    def oversleep(self, seconds: float, done: bool) -> None:
        """No timer fires meanwhile; the next event comes first."""
        self.now += seconds
        self.world.settle_by(self.now, done)

    @precondition(lambda self: due(self.state) is not None)
    @rule()
    def wait_until_due(self) -> None:
        wanted = due(self.state)
        assert wanted is not None
        self.pass_time(max(0.0, wanted - self.now), punctual=True)

    @rule()
    def tick(self) -> None:
        self.feed(Tick(self.now))

    def pass_time(self, seconds: float, punctual: bool) -> None:
        until = self.now + seconds
        while True:
            moments = [until]
            wanted = due(self.state)
            if wanted is not None:
                moments.append(wanted)
            if self.out:
                moments.append(self.out.sent_at + self.out.limit)
            self.now = max(self.now, min(moments))
            self.world.settle_by(self.now, done=True)
            if self.out and self.now >= self.out.sent_at + self.out.limit:
                self.time_out()
            elif wanted is not None and self.now >= wanted:
                self.feed(Tick(self.now))
                again = due(self.state)
                hold(again is None or again > self.now, "G08", "the tick that was wanted changed nothing")
            else:
                self.check_evidence()
                return

    def time_out(self) -> None:
        """The client's own limit: an attempt without an answer is NO_ANSWER, and may still land."""
        assert self.out
        if self.out.answer:
            self.old_answers.append((self.out.ticket, self.out.answer))
        else:
            self.world.serve(self.out, Reply(Answer(failure=Failure.NO_ANSWER), When.LATE), self.now)
        self.out.answer = Answer(failure=Failure.NO_ANSWER)
        self.deliver(Reply(self.out.answer), 0.5)

    # What every event goes through.

    def deliver(self, reply: Reply, chance: float) -> None:
        request = self.out
        assert request
        answer = request.answer or self.world.serve(request, reply, self.now)
        uncertain = answer.failure and answer.failure.fate in (Fate.PERHAPS, Fate.UNEXPECTED)
        for one in self.world.loose if uncertain else ():
            one.given_up_at = self.now
        self.old_answers.append((request.ticket, answer))
        self.feed(Answered(request.ticket, answer, self.now, chance))

    def feed(self, event: Event) -> None:
        before = self.state
        timed = self.timed(before, event.at)
        first, newest = self.heard(event, timed)
        self.state, effects = self.step(before, event)
        said = [effect.notice for effect in effects if isinstance(effect, Say)]
        ignored = any(isinstance(effect, Ignored) for effect in effects)
        if isinstance(event, Ask) or (isinstance(event, Press) and not said):
            self.witness.wished(event.wish)
        self.check_event(event, timed, first, newest, said, ignored)
        self.check_sends(effects)
        self.check_phase_change(before, timed)
        self.check_time(event)
        self.check_state()
        self.check_evidence()
        self.check_view()
        self.compare()

    def timed(self, state: State, at: float) -> State:
        """The state after time alone, without what an event adds."""
        wanted = due(state)
        return state if wanted is None or wanted > at else self.step(state, Tick(at))[0]

    def heard(self, event: Event, timed: State) -> tuple[bool, bool]:
        """Tell the witness. Was it the first answer to the request that is out; is a read-back newest?"""
        match event:
            case Answered() if self.out and self.out.ticket == event.ticket:
                request, self.out = self.out, None
                opposite = Phase.UNMASKING if request.wish is Wish.MASK else Phase.MASKING
                pursued = timed.phase is not opposite
                self.witness.heard(request, event.answer, event.at, pursued)
                return True, False
            case Observed() if not self.out and self.witness.is_news(event):
                asking = timed.run is not None and timed.run.wish is Wish.MASK
                self.witness.seen(event, not asking, timed.phase is Phase.MASKED)
                return False, True
            case Doubted():
                self.witness.doubted(self.out, event.at)
        return False, False

    def check_event(
        self, event: Event, timed: State, first: bool, newest: bool, said: list[Notice], ignored: bool
    ) -> None:
        after = self.state
        if ignored:
            hold(after == timed, "rule 10", "an event without a row changed something")
        match event:
            case Answered() if not first:
                hold(ignored and after == timed, "G07", "an answer to an old ticket changed something")
            case Observed() if not newest:
                hold(after == timed, "G04", "a read-back that is too old changed something")
            case Press() if timed.phase.pending:
                hold(said == [Notice.STILL_PENDING], "rule 3", "a press while pending must say so")
                hold(after == timed, "rule 3", "a press while pending changed something")
            case Ask(wish) if after.phase.pending and after.pending_run.wish is not wish:
                hold(after.next is wish, "rule 3", "the last explicit wish is not the next one")
                hold(said == [Notice.KEPT_FOR_NEXT], "rule 3", "a wish is kept without saying so")
            case Ask(wish):
                hold(after.phase.pending and after.next is None, "rule 3", "an explicit wish was lost")
        if isinstance(event, Doubted):
            hold(after.phase in (Phase.UNMASKED, Phase.UNKNOWN), "G04", "certainty outlived a doubt")
            hold(after.run is None, "G10", "a wish outlived a doubt")

    def check_sends(self, effects: tuple[Effect, ...]) -> None:
        sends = [effect for effect in effects if isinstance(effect, Send)]
        for send in sends:
            hold(self.out is None, "G05", "two requests in flight")
            self.witness.sends(send.wish)
            hold(send.limit > 0, "G08", "an attempt without a limit")
            if not self.state.phase.pending:
                hold(self.state.phase is Phase.UNKNOWN, "rule 8", "a request without a pending wish")
                hold(self.now - self.entered < self.state.limits.chase_for, "rule 4", "the chase has no end")
                pause = self.now - max(self.entered, self.chased_at)
                hold(pause >= self.state.limits.quiet, "rule 4", "the chase is not slow")
                self.chased_at = self.now
            self.out = Request(send.ticket, send.wish, self.now, send.limit)

    def check_phase_change(self, before: State, timed: State) -> None:
        after = self.state
        if after.phase is not before.phase or timed.phase is not before.phase:
            self.entered = self.now
            if after.phase.pending:
                self.witness.begun(self.now)
        if not after.phase.pending:
            self.witness.ended(after.phase is Phase.UNKNOWN)

    def check_time(self, event: Event) -> None:
        state = self.state
        if state.phase.pending:
            age = self.now - self.entered
            hold(age < state.limits.deadline, "G08", "a wish is pending past its deadline")
        wanted = due(state)
        hold(wanted is None or wanted >= self.now, "G08", f"{type(event).__name__} left something overdue")

    def check_state(self) -> None:
        state = self.state
        phase, run = state.phase, state.run
        hold((self.out is not None) == (state.flight is not None), "G05", "a flight that is not out")
        if state.flight and self.out:
            hold(state.flight.ticket == self.out.ticket, "G05", "the flight is not the one that is out")
        if phase.pending:
            assert run, "pending without a run"
            hold((run.wish is Wish.MASK) == (phase is Phase.MASKING), "rule 3", "the run is not the wish")
            hold(state.wish is run.wish, "rule 3", "the wish is not the run's")
            hold(state.next in (None, run.wish.other), "rule 3", "the next wish is the present one")
            hold(not state.next or state.flight is not None, "rule 3", "a wish waits for nothing")
        else:
            hold(state.next is None, "G10", "a wish waits for a later call")
            chasing = phase is Phase.UNKNOWN and run is not None and run.wish is Wish.MASK
            hold(run is None or chasing, "rule 8", "a run outside a pending phase")
        hold((phase is Phase.MASKED) == (state.proof is not None), "rule 1", "MASKED and its proof part")
        if phase in (Phase.MASKED, Phase.UNMASKED):
            hold(state.flight is None, "rule 2", "certain with a request in flight")
        if phase is Phase.UNMASKED:
            hold(state.masked_since is None, "rule 5", "UNMASKED and reminded")
        elif state.masked_since is None:
            from_unmasked = run is not None and run.back.phase is Phase.UNMASKED
            hold(phase.pending and from_unmasked, "rule 5", f"{phase} and never reminded")
        else:
            hold(state.masked_since <= self.now, "rule 5", "masked from the future on")

    def check_evidence(self) -> None:
        witness = self.witness
        if self.state.phase is Phase.MASKED:
            if witness.masked_until is None:
                hold(False, witness.lack, "MASKED without evidence")
            else:
                hold(self.now < witness.masked_until, "G04", "MASKED outlived its evidence")
        if self.state.phase is Phase.UNMASKED:
            hold(not witness.may_be_masked, "rule 5", "a mask of ours may be left unseen")

    def check_view(self) -> None:
        state = self.state
        shown = view(state, self.now)
        hold(shown.card == (state.phase is Phase.MASKED), "G01", "the card may be taken outside MASKED")
        hold(shown.button.enabled != state.phase.pending, "rule 3", "the button is enabled while pending")
        hold(
            (shown.clock != "") == (state.masked_since is not None), "rule 5", "the clock and the state part"
        )
        hold(not shown.reminding or shown.clock != "", "rule 5", "reminding without a clock")
        says_take_it = "can take the card" in shown.guidance
        hold(not says_take_it or shown.card, "G01", "the guidance contradicts the state")
        hold("confirmed" not in shown.detail.lower() or shown.card, "G01", "the detail contradicts the state")
        hold((shown.progress is not None) == state.phase.pending, "G08", "waiting, but for nothing")
        if shown.progress is not None:
            hold(0.0 <= shown.progress <= 1.0, "G08", "a progress beyond its end")
        if shown.message:
            hold(shown.card or shown.message.card == NO_CARD, "G01", "the message contradicts the state")

    def compare(self) -> None:
        """The window beside the truth."""
        world, state = self.world, self.state
        if not world.calm or world.call is None or self.timed(state, self.now) != state:
            return
        if state.phase is Phase.MASKED:
            hold(world.masked, self.witness.lack, "MASKED, and the call is recorded")
        if state.phase is Phase.UNMASKED:
            hold(not world.masked, "G06", "UNMASKED, and the call is masked unseen")

    def given_up(self, wish: Wish) -> bool:
        """Nobody waits any more for the request that was accepted."""
        if self.out and self.out.wish is wish and self.out.answer:
            return False
        return not (self.state.run and self.state.run.wish is wish)


def run_with(step: Step) -> type[Machine]:
    """The same machine with another client."""
    return type("Mutant", (Machine,), {"step": staticmethod(step)})


__all__ = ["EXAMPLES", "STEPS", "THOROUGH", "Machine", "Step", "run_with"]
