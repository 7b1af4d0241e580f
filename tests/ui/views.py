"""Every View that the window may be given, made by the core from states, and what a window has drawn of one."""

from collections.abc import Iterator
from dataclasses import replace

from PySide6.QtWidgets import QAbstractButton, QLabel, QWidget

from app.core.failures import Failure
from app.core.ports import Wish
from app.core.reminders import Climb, Ladder
from app.core.states import How, Known, Limits, Notice, Phase, Problem, Proof, Run, State
from app.core.view import Beside, View, view
from app.ui.window import Window

NOW = 5_000.0
LONG = "The interaction of this agent is locked because an earlier request to mask it has not been completed yet, please wait for the recorder and then try the same request again, or ask your own supervisor."
"""As many words of the service's as are ever shown."""
UNBROKEN = "x" * 63
"""The longest text without a space that is ever shown: longer ones are taken for tokens."""


def settled(phase: Phase, problem: Problem | None = None, masked_for: float = 3_700.0) -> State:
    proof = Proof(How.REPLY, NOW + 100.0) if phase is Phase.MASKED else None
    since = None if phase is Phase.UNMASKED else NOW - masked_for
    return State(phase=phase, since=NOW - 1.0, problem=problem, proof=proof, masked_since=since)


def pending(phase: Phase, **changed: object) -> State:
    wish = Wish.MASK if phase is Phase.MASKING else Wish.UNMASK
    back = Known(Phase.UNMASKED, 0.0, None, None)
    run = Run(wish, began=NOW - 59.0, deadline=NOW + 1.0, retry_at=NOW, back=back)
    return State(phase=phase, since=NOW, wish=wish, run=replace(run, **changed), limits=Limits(deadline=60.0))  # type: ignore[arg-type]


def failed(failure: Failure) -> Iterator[View]:
    """All that a failure can look like, in each state that can show one."""
    for phase in (Phase.UNMASKED, Phase.MASKED, Phase.UNKNOWN):
        for wish in (Wish.MASK, Wish.UNMASK, None):
            for words in ("", LONG, UNBROKEN):
                yield view(settled(phase, Problem(failure, wish, NOW, words)), NOW)
    yield view(pending(Phase.MASKING, why=failure), NOW)
    yield view(pending(Phase.UNMASKING, why=failure), NOW)


def without_failure() -> Iterator[View]:
    long_ago = Climb(since=NOW - 3_700.0, foot=NOW - 3_700.0)
    for phase in (Phase.UNMASKED, Phase.MASKED, Phase.UNKNOWN):
        for beside in (
            Beside(),
            Beside(climb=long_ago),
            Beside(climb=long_ago, ladder=Ladder(auto_unmask=3_710.0, countdown=60.0)),
            Beside(climb=long_ago, leaving=True),
            Beside(leaving=True),
            Beside(
                fault="The journal cannot be written: there is no space left on the disk. Records wait in memory."
            ),
            *(Beside(notice=notice) for notice in Notice),
        ):
            yield view(settled(phase), NOW, beside)
    for how in How:
        state = settled(Phase.MASKED)
        yield view(replace(state, proof=Proof(how, NOW + 1.0)), NOW)
    for phase in (Phase.MASKING, Phase.UNMASKING):
        yield view(pending(phase), NOW)
        yield view(pending(phase, accepted_at=NOW - 1.0), NOW)
        yield view(pending(phase, seconded=True), NOW)
        for notice in Notice:
            yield view(pending(phase), NOW, Beside(notice=notice))


def drawn(window: Window) -> dict[str, object]:
    """Everything that an agent can see or hear of the window."""
    seen: dict[str, object] = {
        "title": window.windowTitle(),
        "style": window.styleSheet(),
        "spoken": window.accessibleName(),
        "progress": (window.progress.isVisible(), window.progress.value()),
        "shape": window.handle.grab().toImage().pixelColor(2, 2).name(),
    }
    for widget in window.findChildren(QWidget):
        if isinstance(widget, QLabel | QAbstractButton) and widget.isVisible():
            seen[widget.objectName() or "handle"] = (widget.text(), widget.isEnabled())
    return seen
