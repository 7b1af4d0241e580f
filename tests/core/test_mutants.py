"""A check that cannot fail proves nothing: the machine catches every broken client, and names what it broke."""

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.core.machine import run_with
from tests.core.mutants import MUTANTS, Mutant
from tests.core.witness import BrokenError, looking_only_at

ENOUGH = settings(
    max_examples=3000,
    stateful_step_count=60,
    derandomize=True,
    database=None,
    deadline=None,
    print_blob=False,
    report_multiple_bugs=False,
    phases=[Phase.generate],  # found is enough: nobody reads the smallest example
    suppress_health_check=list(HealthCheck),
)


def _cases() -> list:
    return [
        pytest.param(
            mutant,
            id=mutant.name,
            marks=[pytest.mark.guarantee(one) for one in mutant.breaks if one.startswith("G")],
        )
        for mutant in MUTANTS
    ]


@pytest.mark.parametrize("mutant", _cases())
def test_the_machine_catches(mutant: Mutant) -> None:
    with looking_only_at(mutant.breaks), pytest.raises(BrokenError) as caught:
        run_state_machine_as_test(run_with(mutant.step), settings=ENOUGH)
    assert caught.value.guarantee in mutant.breaks
