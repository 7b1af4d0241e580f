"""When a call that is left masked is to be spoken of.

The one rule: what may be masked counts as masked (UNKNOWN too), and suspend does not stop the clock.
"""

from app.core.states import State


def masked_for(state: State, now: float) -> float | None:
    """For how long (s) the call may have been masked; None: it is not."""
    return None if state.masked_since is None else max(0.0, now - state.masked_since)


def overdue(state: State, now: float, remind_after: float) -> bool:
    """Is it time to ask the agent whether the card is done?"""
    masked = masked_for(state, now)
    return masked is not None and masked >= remind_after
