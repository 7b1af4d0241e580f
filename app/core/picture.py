"""The picture that every surface draws: what a View is made of, and the one that is shown before anything is known.

The one rule: it is made of words that are decided elsewhere (`view.py`), and loads nothing but the terms: the window is
painted with it before the rest of the program is loaded.
"""

from dataclasses import dataclass

from app.core.terms import Level, Phase, Wish


@dataclass(frozen=True, slots=True)
class Choice:
    """A thing the agent can do. `enabled` False: shown, and not now."""

    label: str
    wish: Wish
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class Message:
    """A failure that stays until it is acknowledged or overtaken by a success."""

    happened: str
    card: str
    """Whether the card may be taken."""
    todo: str
    code: str
    """For support: the failure's name."""
    words: str = ""
    """The service's own words."""


@dataclass(frozen=True, slots=True)
class View:
    """What is drawn, said and answered."""

    phase: Phase
    word: str
    """The state, in capitals."""
    guidance: str
    """One short sentence: what it means for the agent, now."""
    detail: str
    """Why it is so, or for how long already: a few words; empty when there is nothing to say."""
    icon: str
    """The name of the state's shape, in resources/icons."""
    card: bool
    """The card may be taken."""
    button: Choice
    second: Choice | None = None
    clock: str = ""
    """How long the call has been masked, as 0:42; empty when it is not."""
    progress: float | None = None
    """The time that a pending wish has taken, as a part of its deadline, 0 to 1."""
    reminding: Level = Level.QUIET
    """The call was left masked (or may have been): how loudly it is said."""
    alarm: bool = False
    """The recorder contradicts what was shown: the agent may be taking a card right now."""
    snooze: str = ""
    """What the agent can press to be reminded later; empty when there is nothing to put off."""
    message: Message | None = None
    notice: str = ""
    """Why the last press started nothing."""
    leaving: str = ""
    """The question that is asked before MaskBar ends while the call may be masked."""
    starting: bool = False
    """MaskBar is still loading: it does not know yet how its last run ended."""
    fault: str = ""
    """Something beside the recording that the agent should know: the journal cannot be written."""

    @property
    def spoken(self) -> str:
        """For screen readers and tooltips: the state and what it means, in one line."""
        return f"{self.word} {self.clock}. {self.guidance}" if self.clock else f"{self.word}. {self.guidance}"


NO_CARD = "Do not take card details."

STARTING = View(
    phase=Phase.UNKNOWN,
    word="STARTING…",
    guidance="Wait, do not take card details.",
    detail="",
    icon="starting",
    card=False,
    button=Choice("Wait…", Wish.MASK, enabled=False),
    starting=True,
)
"""Never NOT MASKED: the run before may have ended while the call was masked."""
