"""The state to begin with after a run that did not end with a call known to be unmasked.

The one rule: never a clean start in doubt, and nothing is sent until the agent says so.
"""

from app.core.failures import Failure
from app.core.ports import Wish
from app.core.states import Limits, Phase, Problem, State


def recovered(
    now: float,
    limits: Limits,
    phase: Phase | None,
    wish: Wish | None,
    masked_for: float | None,
    words: str = "",
) -> State:
    """UNKNOWN, with what the last run left.

    now         s, monotonic
    phase       of the last record that named one; None when there is none to be read
    masked_for  s that the call may have been masked by now; None when nobody knows
    words       when and how the last run ended, for the agent
    """
    # What the last run sent may still land, so the opposite of it must hold twice (rule 6). Only MASKED says that no
    # unmask is among it; of the rest there is no record.
    fence = frozenset({Wish.MASK}) if phase is Phase.MASKED else frozenset(Wish)
    return State(
        phase=Phase.UNKNOWN,
        since=now,
        wish=wish,
        limits=limits,
        masked_since=now - max(0.0, masked_for or 0.0),
        fence=fence,
        problem=Problem(Failure.ENDED_MASKED, None, now, words),
    )
