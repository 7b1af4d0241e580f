"""What stands on either side of the talk: the window's own parts, and a connection to a caller.

The one rule: a caller can do nothing that is not here.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from app.core.ports import Clock, Wish
from app.core.states import State
from app.core.view import View


@dataclass(frozen=True, slots=True)
class Desk:
    """What the callers may see and do. All of it is called in the loop, and only `incident` may take time.

    look        what the window shows now
    ask         an explicit wish
    press       the button, as it is shown now
    show        raise the window
    leave       end the program, or ask in the window first: then the sentence that asks; "" when it ends
    incident    put down that card data may have been recorded; gives the sentence for the agent. None: cannot
    agent       the agent's user id
    may_unmask  False: by policy no command line unmasks
    """

    look: Callable[[], tuple[State, View]]
    ask: Callable[[Wish], None]
    press: Callable[[], None]
    show: Callable[[], None]
    leave: Callable[[], str]
    clock: Clock
    agent: str = ""
    incident: Callable[[], Awaitable[str]] | None = None
    may_unmask: bool = True


class Wire(Protocol):
    """A connection as the talk needs it."""

    def write(self, data: bytes) -> None: ...

    def unread(self) -> int:
        """Bytes that wait to be taken by the system."""
        ...

    def close(self) -> None:
        """When everything is read."""
        ...

    def abort(self) -> None:
        """Now."""
        ...
