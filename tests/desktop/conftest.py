"""What the tests of the desktop share: one display, one form on it, no key left down."""

import sys
from collections.abc import Iterator

import pytest

from tests.desktop.screen import Form, Screen, form, screen

if sys.platform != "linux":
    collect_ignore_glob = ["test_hotkey_x11*", "test_hotkey_portal*", "test_eavesdropping*"]


@pytest.fixture(scope="session")
def shared_screen() -> Iterator[Screen]:
    with screen() as made:
        yield made


@pytest.fixture(scope="session")
def shared_form(shared_screen: Screen, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Form]:
    with form(shared_screen, tmp_path_factory.mktemp("form")) as opened:
        yield opened


@pytest.fixture
def desk(shared_screen: Screen, shared_form: Form) -> Iterator[tuple[Screen, Form]]:
    """The screen and the form on it: empty, in the focus, no key down, an English keyboard."""
    shared_form.clear()
    yield shared_screen, shared_form
    shared_screen.keys("keyup", "ctrl", "keyup", "alt", "keyup", "shift", "keyup", "super", "keyup", "m")
    shared_screen.layout("us")
