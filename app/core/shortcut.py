"""A key combination for the whole desktop: what counts as one, how it is written, and why another is refused.

The one rule: a combination that an agent could type by accident, or that every program needs, is never one.
"""

from dataclasses import dataclass
from enum import Enum


class Action(Enum):
    """What a combination can be given to. The value is its name in the settings file and to the desktop."""

    MASK = "mask"
    UNMASK = "unmask"
    TOGGLE = "toggle"
    SHOW = "show"

    @property
    def words(self) -> str:
        """What it does, for a list of shortcuts."""
        return _ACTION_WORDS[self]


_ACTION_WORDS = {
    Action.MASK: "Mask the recording",
    Action.UNMASK: "Unmask the recording",
    Action.TOGGLE: "Mask or unmask the recording",
    Action.SHOW: "Show MaskBar",
}


class Modifier(Enum):
    """A key that is held. The order is the order in which they are written."""

    CTRL = "Ctrl"
    ALT = "Alt"
    SHIFT = "Shift"
    META = "Meta"


class Spelling(Enum):
    """How Meta and Alt are called on a keyboard of that system."""

    LINUX = ("Super", "Alt")
    WINDOWS = ("Win", "Alt")
    MACOS = ("Command", "Option")


LETTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
DIGITS = frozenset("0123456789")
FUNCTION_KEYS = tuple(f"F{number}" for number in range(1, 25))
NAMED = (
    *("Space", "Insert", "Home", "End", "PageUp", "PageDown", "Pause"),
    *("Left", "Right", "Up", "Down"),
)
KEYS = frozenset({*LETTERS, *DIGITS, *FUNCTION_KEYS, *NAMED})
"""The closed list of keys: those that all keyboards name alike. Tab, Escape, Enter and Delete are not for us."""

_MODIFIERS = {modifier.value.lower(): modifier for modifier in Modifier} | {
    "control": Modifier.CTRL,
    "option": Modifier.ALT,
    "super": Modifier.META,
    "win": Modifier.META,
    "windows": Modifier.META,
    "cmd": Modifier.META,
    "command": Modifier.META,
}
_KEYS = {key.lower(): key for key in KEYS} | {"pgup": "PageUp", "pgdown": "PageDown", "ins": "Insert"}


class RefusedError(ValueError):
    """This is no combination for us; the text says why, in words for the agent."""


@dataclass(frozen=True, slots=True)
class Shortcut:
    """One combination. Raises RefusedError when it is none for us."""

    modifiers: frozenset[Modifier]
    key: str
    """One of KEYS."""

    def __post_init__(self) -> None:
        if self.key not in KEYS:
            raise RefusedError(f"“{self.key}” is no key for a hotkey: use a letter, a digit or F1 to F24.")
        if not self.modifiers:
            raise RefusedError(
                f"{self.key} alone would be taken from every program: hold Ctrl or Alt with it."
            )
        if self.modifiers == {Modifier.SHIFT}:
            raise RefusedError(f"Shift+{self.key} is needed for typing: hold Ctrl or Alt with it.")
        if reason := _needed(self.modifiers, self.key):
            raise RefusedError(f"{self} {reason}.")

    def __str__(self) -> str:
        """The canonical text, which `parse` reads: Ctrl+Alt+M."""
        return "+".join([*(modifier.value for modifier in Modifier if modifier in self.modifiers), self.key])

    def spell(self, spelling: Spelling) -> str:
        """As the keyboard in front of the agent has it: Ctrl+Super+M."""
        meta, alt = spelling.value
        names = {Modifier.META: meta, Modifier.ALT: alt}
        held = (names.get(modifier, modifier.value) for modifier in Modifier if modifier in self.modifiers)
        return "+".join([*held, self.key])

    @property
    def caution(self) -> str:
        """What the agent should know before choosing it; mostly empty.

        Windows takes AltGr for Ctrl+Alt: with Ctrl+Alt+Q as hotkey, no @ can be typed on a German keyboard.
        """
        if self.modifiers == {Modifier.CTRL, Modifier.ALT} and self.key in LETTERS | DIGITS:
            return f"On a keyboard with AltGr, Windows takes AltGr+{self.key} for it too: add Shift if you type that."
        return ""


def parse(text: str) -> Shortcut:
    """The combination that the text names, in any order and case of its parts. Raises RefusedError."""
    parts = [part.strip() for part in text.split("+")]
    if not any(parts):
        raise RefusedError("Name a combination, like Ctrl+Alt+M.")
    held: set[Modifier] = set()
    keys: list[str] = []
    for part in parts:
        modifier = _MODIFIERS.get(part.lower())
        if modifier in held:
            raise RefusedError(f"“{part}” is in “{text}” twice.")
        if modifier:
            held.add(modifier)
        else:
            keys.append(part)
    if not keys:
        raise RefusedError(f"“{text}” has no key: add a letter, a digit or F1 to F24.")
    if len(keys) > 1:
        raise RefusedError(f"“{text}” has more than one key: use one, like Ctrl+Alt+M.")
    return Shortcut(frozenset(held), _KEYS.get(keys[0].lower(), keys[0]))


_CTRL, _ALT, _META = (frozenset({modifier}) for modifier in (Modifier.CTRL, Modifier.ALT, Modifier.META))


def _needed(modifiers: frozenset[Modifier], key: str) -> str:
    """Why somebody else needs the combination; empty when nobody does.

    A hotkey takes it from every program: without Ctrl+C no program could copy.
    """
    if modifiers == _CTRL and key in LETTERS:
        return "is a command of most programs (as Ctrl+C is): add Alt or Shift"
    if modifiers == _ALT and key == "F4":
        return "closes windows: choose another"
    if modifiers == _META and key == "L":
        return "locks the screen: choose another"
    if modifiers == _CTRL | _ALT and key in FUNCTION_KEYS[:12]:
        return "leaves the desktop on Linux: choose another"
    return ""
