"""All ten rules, after every event, in every order that hypothesis can think of."""

import pytest
from hypothesis import HealthCheck, settings

from tests.core.machine import EXAMPLES, STEPS, Machine

GUARANTEES = ["G01", "G02", "G04", "G05", "G06", "G07", "G08", "G09", "G10"]

TestMachine = Machine.TestCase
TestMachine.settings = settings(
    max_examples=EXAMPLES,
    stateful_step_count=STEPS,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
for _guarantee in GUARANTEES:
    TestMachine = pytest.mark.guarantee(_guarantee)(TestMachine)
