"""What may be believed, worked out a second time and differently: from what was heard, not from the core's state.

The one rule: the witness reads events and effects, never the fields in which the core keeps its own memory.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from app.core.failures import Fate
from app.core.ports import Answer, Seen, Wish
from app.core.states import Limits, Observed
from tests.core.world import Request


class BrokenError(AssertionError):
    """A guarantee does not hold."""

    def __init__(self, guarantee: str, why: str) -> None:
        super().__init__(f"{guarantee}: {why}")
        self.guarantee = guarantee


_looked_at: ContextVar[frozenset[str] | None] = ContextVar("looked_at", default=None)


@contextmanager
def looking_only_at(guarantees: Iterable[str]) -> Iterator[None]:
    """So that a broken client is caught by the guarantee that it breaks, and not by chance by another."""
    token = _looked_at.set(frozenset(guarantees))
    try:
        yield
    finally:
        _looked_at.reset(token)


def hold(condition: bool, guarantee: str, why: str) -> None:
    looked_at = _looked_at.get()
    if not condition and (looked_at is None or guarantee in looked_at):
        raise BrokenError(guarantee, why)


@dataclass(slots=True)
class Witness:
    limits: Limits
    live: Wish | None = None
    """The agent's wish, while it may still be acted on."""
    masked_until: float | None = None
    """There is evidence for "masked" until then (s)."""
    lack: str = "G01"
    """The guarantee that would be broken if MASKED were shown without evidence."""
    may_be_masked: bool = False
    """By our doing, as far as can be known."""
    open: set[Wish] = field(default_factory=set)
    """Operations that were given up and may still land."""
    once: dict[Wish, float] = field(default_factory=dict)
    """When an operation was confirmed for the first time while its opposite was open."""
    accepted: dict[Wish, float] = field(default_factory=dict)
    """When an operation was accepted for the first time, until it is confirmed."""
    contact: str | None = None
    too_old: float = -1.0
    """A read-back that was asked for by then (s) may be older than what is known."""
    known: Wish | None = None
    """What the recording was known to be when the present wish began."""
    stale: set[int] = field(default_factory=set)
    """Tickets of requests that were out when the world changed."""

    def wished(self, wish: Wish) -> None:
        self.live = wish

    def sends(self, wish: Wish) -> None:
        hold(self.live is wish, "G09" if wish is Wish.UNMASK else "G10", f"{wish} was sent without the wish")
        if self.accepted.pop(wish.other, None) is not None:
            self.open.add(wish.other)

    def begun(self, at: float) -> None:
        """A new wish is being worked on: what confirmed an earlier one does not count for it."""
        self.once.clear()
        self.known = None
        if self.masked_until is not None and at < self.masked_until:
            self.known = Wish.MASK
        elif not self.may_be_masked:
            self.known = Wish.UNMASK

    def ended(self, phase_is_unknown: bool) -> None:
        """No wish is pending. In UNKNOWN only a mask may still be asked for."""
        if not (phase_is_unknown and self.live is Wish.MASK):
            self.live = None

    def heard(self, request: Request, answer: Answer, at: float, pursued: bool) -> None:
        """The first answer to the one request that was out. `pursued`: no opposite wish has taken its place."""
        self.too_old = at
        wish, stale = request.wish, request.ticket in self.stale
        mine = pursued and not stale
        fate = answer.failure.fate if answer.failure else None
        if answer.confirmed or (answer.accepted and mine and self._settled(wish, at)):
            if wish is Wish.MASK:
                self.may_be_masked = True
            self.accepted.pop(wish, None)
            if mine:
                self._confirmed(request, at)
            elif wish is Wish.UNMASK:
                self._void("G07")
        elif answer.accepted:
            if mine:
                self.accepted.setdefault(wish, at)
            else:
                self.open.add(wish)
            self._perhaps(wish, "G02")
        elif fate in (Fate.PERHAPS, Fate.UNEXPECTED, Fate.DOUBT):
            self.open.add(wish)
            self._perhaps(wish, "G03")
        elif (fate is Fate.NO_CALL and not stale) or (fate is Fate.INTERNAL and mine):
            self._void("G10")
            self.live = None
            if fate is Fate.NO_CALL:
                self.may_be_masked = False
                self.accepted.clear()
        elif fate is Fate.NOT_DONE and mine and self.live is wish:
            self.live = None

    def is_news(self, event: Observed) -> bool:
        """A read-back that was asked for after all else that is known, and not too long ago."""
        return event.asked_at > self.too_old and event.at - event.asked_at < self.limits.evidence_life

    def seen(self, event: Observed, unmasked_for_sure: bool, shown_masked: bool) -> None:
        """A read-back that is news. `unmasked_for_sure`: no mask is being asked for."""
        self.too_old = event.asked_at
        other_call = None not in (self.contact, event.contact) and event.contact != self.contact
        if event.seen is Seen.MASKED:
            if other_call and shown_masked:
                self._void("G04")
                return
            self.may_be_masked = True
            self.masked_until = event.asked_at + self.limits.evidence_life
            self.contact = event.contact or (self.contact if shown_masked else None)
            self.open.discard(Wish.UNMASK)
            self.accepted.pop(Wish.UNMASK, None)
            self._still_open(Wish.MASK)
            return
        self._void("G04")
        if event.seen is Seen.RECORDING and unmasked_for_sure:
            self.may_be_masked = False
            self.open.discard(Wish.MASK)
            self.accepted.pop(Wish.MASK, None)
            self._still_open(Wish.UNMASK)

    def doubted(self, out: Request | None, at: float) -> None:
        """The world changed: nothing that was known or wished is carried over."""
        self._void("G04")
        self.live = None
        self.too_old = at
        if out:
            self.stale.add(out.ticket)

    # Parts.

    def _still_open(self, wish: Wish) -> None:
        """A read-back proves an accepted request done only if it was otherwise before."""
        if self.accepted.pop(wish, None) is not None and self.known is not wish.other:
            self.open.add(wish)

    def _settled(self, wish: Wish, at: float) -> bool:
        first = self.accepted.get(wish)
        return self.limits.settle is not None and first is not None and at - first >= self.limits.settle

    def _confirmed(self, request: Request, at: float) -> None:
        wish = request.wish
        if wish.other in self.open:
            first = self.once.setdefault(wish, at)
            if request.sent_at < first + self.limits.quiet:
                self._perhaps(wish, "G06")
                return
        self.open.discard(wish.other)
        self.contact = None
        if wish is Wish.MASK:
            self.masked_until = at + self.limits.evidence_life
            self.lack = "G04"
        else:
            self._void("G01")
            self.may_be_masked = False

    def _perhaps(self, wish: Wish, lack: str) -> None:
        if wish is Wish.MASK:
            self.may_be_masked = True
            if self.masked_until is None:
                self.lack = lack
        else:
            self._void(lack)

    def _void(self, lack: str) -> None:
        self.masked_until = None
        self.contact = None
        self.lack = lack
