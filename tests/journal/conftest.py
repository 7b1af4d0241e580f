"""The journal's troubles are what these tests make: the log may tell of them."""

from collections.abc import Iterator

import pytest

from tests.conftest import Warnings


@pytest.fixture(autouse=True)
def troubles_are_logged(log_warnings: Warnings) -> Iterator[None]:
    yield
    log_warnings.take("maskbar.journal", "journal: ")
