"""Which action holds which combination, for the systems where we register the keys ourselves.

The one rule: what an action had is let go only when what it wants instead has been taken.
"""

from collections.abc import Callable
from dataclasses import replace

from app.adapters.desktop.hotkey import Bindings, Bound, Code, Results, Unavailable
from app.core.shortcut import Action, Shortcut, Spelling

Take = Callable[[Shortcut], Unavailable | None]
"""Registers a combination, or says why not."""
LetGo = Callable[[Shortcut], None]


class Holdings:
    """Not thread-safe: used from one thread, the one that may register."""

    def __init__(self, take: Take, let_go: LetGo, spelling: Spelling) -> None:
        self._take = take
        self._let_go = let_go
        self._spelling = spelling
        self._held: dict[Action, Shortcut] = {}

    @property
    def shortcuts(self) -> list[Shortcut]:
        return list(self._held.values())

    def action(self, shortcut: Shortcut) -> Action | None:
        return next((action for action, held in self._held.items() if held == shortcut), None)

    def change(self, bindings: Bindings) -> Results:
        """Come to hold `bindings`, as far as the system lets us."""
        before, now = self._held, dict[Action, Shortcut]()
        failed: dict[Action, Unavailable] = {}
        for action, shortcut in bindings.items():
            if shortcut in now.values():
                other = next(held for held in now if now[held] == shortcut)
                reason = f"{shortcut.spell(self._spelling)} is already the hotkey for “{other.words}”."
                failed[action] = Unavailable(reason, Code.TWICE)
            elif shortcut not in before.values() and (trouble := self._take(shortcut)):
                failed[action] = trouble
            else:
                now[action] = shortcut
        for action, trouble in failed.items():
            old = before.get(action)
            if old is not None and old not in now.values():
                now[action] = old
                failed[action] = replace(trouble, kept=old)
        for shortcut in before.values():
            if shortcut not in now.values():
                self._let_go(shortcut)
        self._held = now
        return {action: failed.get(action) or self.bound(bindings[action]) for action in bindings}

    def bound(self, shortcut: Shortcut) -> Bound:
        return Bound(shortcut.spell(self._spelling))

    def close(self) -> None:
        for shortcut in self.shortcuts:
            self._let_go(shortcut)
        self._held = {}
