"""How long to wait before asking again: delays as an iterator, and jitter that wraps it.

The one rule: chance comes in from outside, so that a test can choose it.

Exponential, capped, "full jitter" above a floor: a service that a thousand agents find locked in the same
second is not asked by all of them in the same later second.
"""

from collections.abc import Iterable, Iterator
from itertools import islice, repeat


def delays(first: float, factor: float, cap: float) -> Iterator[float]:
    """Seconds: `first`, then `factor` times the one before, never more than `cap`; without end."""
    delay = first
    while True:
        yield min(delay, cap)
        delay = min(delay * factor, cap)


def full_jitter(waits: Iterable[float], chances: Iterable[float], floor: float) -> Iterator[float]:
    """Each wait (s) replaced by one between `floor` and itself, as its chance (0 to 1) says."""
    for wait, chance in zip(waits, chances, strict=False):
        low = min(floor, wait)
        yield low + (wait - low) * chance


def pause(attempt: int, chance: float, first: float, factor: float, cap: float, floor: float) -> float:
    """The wait (s) after the attempt with this number, counted from 0."""
    waits = full_jitter(delays(first, factor, cap), repeat(chance), floor)
    return next(islice(waits, min(attempt, 64), None))
