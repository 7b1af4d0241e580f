"""The running parts, as the surfaces need them.

The one rule: a list and nothing more. Light to import: what is only a type here is not loaded.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from PySide6.QtWidgets import QApplication

from app.adapters.desktop.placement import Placement
from app.controller import Controller
from app.core.ports import Clock
from app.core.settings import Settings
from app.ui.window import Window


@dataclass(frozen=True, slots=True)
class Parts:
    """What the surfaces stand on."""

    app: QApplication
    settings: Settings
    clock: Clock
    controller: Controller
    window: Window
    place: Placement
    end: Callable[[], None]
    """Ends the program."""
    note_incident: Callable[[], Awaitable[str]]
    """Card data may have been recorded; gives the sentence for the agent."""
