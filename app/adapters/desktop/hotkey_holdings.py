"""Which action holds which combination, for the systems where we register the keys ourselves.

The one rule: what an action had is let go only when what it wants instead has been taken.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import count

from app.adapters.desktop.hotkey import Bindings, Bound, Code, Results, Unavailable
from app.core.shortcut import Action, Shortcut, Spelling


class Holdings:
    """Not thread-safe: used from one thread, the one that may register."""

    def __init__(
        self,
        take: Callable[[Shortcut], Unavailable | None],
        let_go: Callable[[Shortcut], None],
        spelling: Spelling,
    ) -> None:
        """`take` registers a combination or says why not; it is also asked for one that is registered already."""
        self._take = take
        self._let_go = let_go
        self._spelling = spelling
        self._held: dict[Action, Shortcut] = {}

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
            elif trouble := self._take(shortcut):
                failed[action] = trouble
            else:
                now[action] = shortcut
        for action, trouble in failed.items():
            old = before.get(action)
            if old is not None and old not in now.values():
                now[action] = old
                if old != bindings[action]:
                    failed[action] = replace(trouble, kept=old)
        for shortcut in before.values():
            if shortcut not in now.values():
                self._let_go(shortcut)
        self._held = now
        return {action: failed.get(action) or self._bound(bindings[action]) for action in bindings}

    def results(self, troubles: Mapping[Shortcut, Unavailable]) -> Results:
        """What became of all that is held, when the system has changed."""
        return {action: troubles.get(held) or self._bound(held) for action, held in self._held.items()}

    def close(self) -> None:
        for shortcut in self._held.values():
            self._let_go(shortcut)
        self._held = {}

    def _bound(self, shortcut: Shortcut) -> Bound:
        return Bound(shortcut.spell(self._spelling))


class NumberedHoldings(Holdings):
    """For the systems that know a registered combination by a number of ours."""

    def __init__(
        self,
        register: Callable[[int, Shortcut], Unavailable | None],
        unregister: Callable[[int], None],
        spelling: Spelling,
    ) -> None:
        super().__init__(self._take_number, self._let_number_go, spelling)
        self._register = register
        self._unregister = unregister
        self._next = count(1)
        self._numbers: dict[Shortcut, int] = {}

    def action_of(self, number: int) -> Action | None:
        return next((self.action(held) for held, its in self._numbers.items() if its == number), None)

    def _take_number(self, shortcut: Shortcut) -> Unavailable | None:
        if shortcut in self._numbers:
            return None
        number = next(self._next)
        if trouble := self._register(number, shortcut):
            return trouble
        self._numbers[shortcut] = number
        return None

    def _let_number_go(self, shortcut: Shortcut) -> None:
        self._unregister(self._numbers.pop(shortcut))
