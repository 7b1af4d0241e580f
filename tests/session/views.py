"""One View of each kind, made by the program's own `view`, for surfaces that are run alone."""

from app.core.failures import Failure
from app.core.ports import Wish
from app.core.reminders import Climb, Ladder
from app.core.states import How, Known, Limits, Phase, Problem, Proof, Run, State
from app.core.view import Beside, View, view

NOW = 1000.0
PROOF = Proof(How.REPLY, NOW + 300)
KNOWN = Known(Phase.UNMASKED, 0.0, None, None)
RUN = Run(Wish.MASK, began=NOW - 1, deadline=NOW + 9, retry_at=NOW + 1, back=KNOWN)
MASKED = State(phase=Phase.MASKED, wish=Wish.MASK, proof=PROOF, masked_since=NOW - 42, limits=Limits())
LOST = State(
    phase=Phase.UNKNOWN,
    wish=Wish.MASK,
    masked_since=NOW - 10,
    problem=Problem(Failure.NO_ANSWER, Wish.MASK, NOW - 1, "gateway & co"),
)

VIEWS: dict[str, View] = {
    "unmasked": view(State(), NOW),
    "masking": view(State(phase=Phase.MASKING, wish=Wish.MASK, run=RUN), NOW),
    "masked": view(MASKED, NOW),
    "unmasking": view(
        State(phase=Phase.UNMASKING, wish=Wish.UNMASK, run=RUN, masked_since=NOW - 42, proof=PROOF), NOW
    ),
    "unknown": view(LOST, NOW),
    "forgotten": view(MASKED, NOW, Beside(climb=Climb(NOW - 42, NOW - 42), ladder=Ladder(say=10, alert=20))),
}
