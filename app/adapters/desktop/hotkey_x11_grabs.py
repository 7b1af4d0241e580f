"""Where a combination is on this keyboard, and the grabs that we have of it.

The one rule: a combination is grabbed wholly (with and without CapsLock and NumLock) or not at all.
"""

from app.adapters.desktop.hotkey import Code, Unavailable
from app.adapters.desktop.hotkey_x11_wire import KeyMapping, Pressed, Wire
from app.core.shortcut import Modifier, Shortcut, Spelling

BOUNCE = 50
"""Milliseconds between two presses of one combination that no finger makes: a worn key, or a remote desktop that
sends the repeats of a held key as presses."""
HELD = 1000
"""Milliseconds: the same, where the X server cannot tell a repeat from a press (no XInput 2, as in X2Go). Longer
than the usual delays until a held key repeats (500 to 660 ms): a second press too few is seen, one too many unmasks."""

SHIFT, LOCK, CONTROL, MOD1, MOD4 = 1, 2, 4, 8, 64
NUM_LOCK = (0xFF7F,)
ALT = (0xFFE9, 0xFFEA)
SUPER = (0xFFEB, 0xFFEC)
NAMES = {
    "Space": 0x20,
    "Pause": 0xFF13,
    "Home": 0xFF50,
    "Left": 0xFF51,
    "Up": 0xFF52,
    "Right": 0xFF53,
    "Down": 0xFF54,
    "PageUp": 0xFF55,
    "PageDown": 0xFF56,
    "End": 0xFF57,
    "Insert": 0xFF63,
}

Grab = tuple[int, int]
"""Keycode and modifiers."""


def symbol(key: str) -> int:
    """X11's number (keysym) for one of our keys."""
    if len(key) == 1:
        return ord(key.lower())
    return NAMES[key] if key in NAMES else 0xFFBE + int(key[1:]) - 1


class Keyboard:
    """What the layout says now: where a key is, and which modifiers mean nothing to a combination."""

    def __init__(self, mapping: KeyMapping) -> None:
        self._mapping = mapping
        self._bits = {
            Modifier.SHIFT: SHIFT,
            Modifier.CTRL: CONTROL,
            Modifier.ALT: self._bit(ALT) or MOD1,
            Modifier.META: self._bit(SUPER) or MOD4,
        }
        self._num_lock = self._bit(NUM_LOCK)

    def grabs(self, shortcut: Shortcut) -> set[Grab]:
        """Where the combination is; empty when the layout has no such key."""
        modifiers = 0
        for modifier in shortcut.modifiers:
            modifiers |= self._bits[modifier]
        return {(keycode, modifiers) for keycode in self._keycodes(symbol(shortcut.key))}

    def variants(self, grab: Grab) -> list[int]:
        """The modifiers of the grab without and with CapsLock, NumLock and both."""
        _, modifiers = grab
        return sorted({modifiers | caps | num for caps in (0, LOCK) for num in (0, self._num_lock)})

    def without_locks(self, modifiers: int) -> int:
        return modifiers & 0xFF & ~(LOCK | self._num_lock)

    def _keycodes(self, wanted: int) -> list[int]:
        """Keys that give the symbol by themselves, else with a modifier or in another group (1 on a French one)."""
        first, rows = self._mapping.first, self._mapping.symbols
        for column in range(len(rows[0])):
            if keys := [first + n for n, signs in enumerate(rows) if signs[column] == wanted]:
                return keys
        return []

    def _bit(self, wanted: tuple[int, ...]) -> int:
        """The modifier (Mod1 … Mod5) that a key with one of these symbols acts as; 0 when there is none."""
        for n, keycodes in enumerate(self._mapping.modifiers):
            signs = {sign for code in keycodes for sign in self._mapping.symbols[code - self._mapping.first]}
            if 1 << n >= MOD1 and signs & set(wanted):
                return 1 << n
        return 0


class Grabs:
    """The combinations that we hold on one X server."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._keyboard = Keyboard(wire.keys())
        self._held: dict[Shortcut, set[Grab]] = {}
        """An empty set: wanted, and in trouble."""
        self._variants: dict[Grab, list[int]] = {}
        """What the server really has."""
        self._last: dict[Shortcut, int] = {}
        self.troubles: dict[Shortcut, Unavailable] = {}

    def take(self, shortcut: Shortcut) -> Unavailable | None:
        if self._held.get(shortcut):
            return None
        if trouble := self._grab_all(shortcut):
            return trouble
        self.troubles.pop(shortcut, None)
        return None

    def let_go(self, shortcut: Shortcut) -> None:
        grabs = self._held.pop(shortcut, set())
        self.troubles.pop(shortcut, None)
        self._last.pop(shortcut, None)
        self._ungrab(grabs)

    def keys_moved(self) -> bool:
        """Grab again where the combinations are now. Whether any of them came into trouble, or out of it."""
        before, self.troubles = self.troubles, {}
        self._keyboard = Keyboard(self._wire.keys())
        for shortcut, had in self._held.items():
            wanted = self._keyboard.grabs(shortcut)
            # As a whole, since NumLock may have become another modifier.
            if wanted != had or any(
                self._variants.get(grab) != self._keyboard.variants(grab) for grab in had
            ):
                self._held[shortcut] = set()
                self._ungrab(had)
        for shortcut, had in self._held.items():
            if not had and (trouble := self._grab_all(shortcut)):
                self.troubles[shortcut] = trouble
        return self.troubles != before

    def pressed(self, event: Pressed) -> Shortcut | None:
        """The combination that was pressed just now: not again while it is held."""
        grab = (event.keycode, self._keyboard.without_locks(event.modifiers))
        shortcut = next((held for held, grabs in self._held.items() if grab in grabs), None)
        if shortcut is None:
            return None
        last, self._last[shortcut] = self._last.get(shortcut), event.time
        shortest = BOUNCE if self._wire.xinput else HELD
        bounced = last is not None and (event.time - last) % (1 << 32) < shortest
        return None if event.repeat or bounced else shortcut

    def _grab_all(self, shortcut: Shortcut) -> Unavailable | None:
        wanted = self._keyboard.grabs(shortcut)
        words = shortcut.spell(Spelling.LINUX)
        if not wanted:
            return Unavailable(
                f"The keyboard layout in use has no key {shortcut.key} for {words}.", Code.NO_KEY
            )
        done: set[Grab] = set()
        for grab in wanted:
            variants = self._keyboard.variants(grab)
            if not self._wire.grab(grab[0], variants):
                self._ungrab(done)
                return Unavailable(f"{words} is taken by another program: choose another.", Code.TAKEN)
            self._variants[grab] = variants
            done.add(grab)
        self._held[shortcut] = done
        return None

    def _ungrab(self, grabs: set[Grab]) -> None:
        for grab in grabs:
            self._wire.ungrab(grab[0], self._variants.pop(grab))
