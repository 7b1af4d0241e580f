"""One display with a window manager for all of them, and a session bus of its own for each test."""

import contextlib
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.desktop.screen import Screen, screen

if sys.platform != "linux":
    collect_ignore_glob = ["test_*_linux*"]


@pytest.fixture(scope="session")
def desktop() -> Iterator[Screen]:
    with screen() as made:
        yield made


@pytest.fixture
def bus() -> Iterator[str]:
    """The address of a session bus that nobody else is on."""
    with private_bus() as address:
        yield address


@contextlib.contextmanager
def private_bus() -> Iterator[str]:
    with subprocess.Popen(
        ("dbus-daemon", "--session", "--print-address", "--nofork", "--nopidfile"),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout
        yield process.stdout.readline().strip()
        process.terminate()
