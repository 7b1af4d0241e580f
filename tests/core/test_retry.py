"""Delays and jitter, to the digit: chance comes in from outside."""

from collections.abc import Iterator
from itertools import islice, product

import pytest

from app.core.retry import delays, full_jitter, pause


def first(count: int, waits: Iterator[float]) -> list[float]:
    return list(islice(waits, count))


@pytest.mark.parametrize(
    ("begin", "factor", "cap", "waits"),
    [
        (0.5, 2.0, 3.0, [0.5, 1.0, 2.0, 3.0, 3.0]),
        (0.5, 2.0, 2.0, [0.5, 1.0, 2.0, 2.0, 2.0]),
        (5.0, 2.0, 3.0, [3.0, 3.0, 3.0, 3.0, 3.0]),
        (1.0, 1.0, 9.0, [1.0, 1.0, 1.0, 1.0, 1.0]),
        (3.0, 3.0, 50.0, [3.0, 9.0, 27.0, 50.0, 50.0]),
    ],
)
def test_delays_grow_by_the_factor_up_to_the_cap(
    begin: float, factor: float, cap: float, waits: list[float]
) -> None:
    assert first(5, delays(begin, factor, cap)) == waits


def test_delays_have_no_end_and_never_overflow() -> None:
    assert next(islice(delays(0.4, 2.0, 2.0), 100_000, None)) == 2.0


@pytest.mark.parametrize(
    ("wait", "chance", "floor", "spread"),
    [
        (2.0, 0.0, 0.5, 0.5),
        (2.0, 1.0, 0.5, 2.0),
        (2.0, 0.5, 0.5, 1.25),
        (2.0, 0.5, 0.0, 1.0),
        (0.25, 0.0, 0.5, 0.25),
        (0.25, 1.0, 0.5, 0.25),
    ],
)
def test_jitter_is_between_the_floor_and_the_wait(
    wait: float, chance: float, floor: float, spread: float
) -> None:
    assert list(full_jitter([wait], [chance], floor)) == [spread]


def test_each_wait_has_a_chance_of_its_own_and_the_shorter_list_ends_it() -> None:
    assert list(full_jitter([1.0, 1.0, 1.0], [0.0, 0.5], 0.0)) == [0.0, 0.5]
    assert list(full_jitter([1.0, 2.0], [1.0, 1.0, 1.0], 0.0)) == [1.0, 2.0]


@pytest.mark.parametrize(
    ("attempt", "chance", "wait"),
    [
        (0, 1.0, 0.5),
        (1, 1.0, 1.0),
        (2, 1.0, 2.0),
        (3, 1.0, 3.0),
        (9, 1.0, 3.0),
        (2, 0.0, 0.25),
        (2, 0.5, 1.125),
    ],
)
def test_the_pause_after_an_attempt(attempt: int, chance: float, wait: float) -> None:
    assert pause(attempt, chance, first=0.5, factor=2.0, cap=3.0, floor=0.25) == wait


def test_the_pause_after_very_many_attempts_takes_no_longer_to_work_out() -> None:
    """Counted up to 64 only: with a factor this small the cap is not yet reached there."""
    slow = pause(10**12, 1.0, first=1.0, factor=1.01, cap=9.0, floor=0.0)
    assert slow == pause(64, 1.0, first=1.0, factor=1.01, cap=9.0, floor=0.0)
    assert slow == pytest.approx(1.01**64)


def test_a_pause_lies_between_its_floor_and_the_cap() -> None:
    for attempt, chance, begin, cap, floor in product(
        (0, 1, 5, 63, 64, 65, 10_000), (0.0, 0.3, 1.0), (0.01, 0.4, 10.0), (0.01, 2.0, 60.0), (0.0, 0.1, 1.0)
    ):
        found = pause(attempt, chance, begin, 2.0, cap, floor)
        assert min(floor, begin, cap) <= found <= cap + 1e-9
