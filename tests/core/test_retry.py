"""Delays: exponential, capped, spread by a chance that the test chooses."""

from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.retry import delays, full_jitter, pause


def test_delays_double_up_to_the_cap_and_never_end() -> None:
    assert list(islice(delays(0.4, 2.0, 2.0), 6)) == [0.4, 0.8, 1.6, 2.0, 2.0, 2.0]


def test_a_first_delay_above_the_cap_is_capped() -> None:
    assert next(delays(9.0, 2.0, 2.0)) == 2.0


def test_jitter_ends_with_the_shorter_of_waits_and_chances() -> None:
    assert list(full_jitter([1.0, 1.0], [0.0, 1.0, 0.5], floor=0.2)) == [0.2, 1.0]
    assert list(full_jitter([1.0, 1.0], [0.5], floor=0.0)) == [0.5]


def test_a_floor_above_the_wait_makes_no_wait_longer() -> None:
    assert list(full_jitter([0.1], [0.0], floor=5.0)) == [0.1]


@given(
    attempt=st.integers(0, 10_000),
    chance=st.floats(0.0, 1.0),
    first=st.floats(0.01, 10.0),
    cap=st.floats(0.01, 60.0),
    floor=st.floats(0.0, 1.0),
)
def test_a_pause_lies_between_its_floor_and_the_cap(
    attempt: int, chance: float, first: float, cap: float, floor: float
) -> None:
    found = pause(attempt, chance, first, factor=2.0, cap=cap, floor=floor)
    assert min(floor, first, cap) <= found <= cap + 1e-9


@pytest.mark.parametrize(("chance", "expected"), [(0.0, 0.1), (0.5, 0.85), (1.0, 1.6)])
def test_the_third_pause(chance: float, expected: float) -> None:
    assert pause(2, chance, 0.4, 2.0, 2.0, 0.1) == pytest.approx(expected)
