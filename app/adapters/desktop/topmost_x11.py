"""X11: notices that another window covers ours, and asks to be raised again.

The one rule: two topmost windows that both insist must not fight. Each raise in a row waits twice as long as the one
before, up to half a minute, and nothing is polled: without a change in the stacking nothing runs.

A full-screen window stands above all topmost ones on most desktops; raising does not help, so nothing is tried.
VisibilityNotify would be simpler, but it is silent under a compositing window manager.
"""

from collections.abc import Callable

from PySide6.QtCore import QTimer

from app.adapters.desktop.placement_x11_wire import PROPERTY_CHANGE, PROPERTY_NOTIFY, Event, Wire

FIRST_PAUSE = 100
"""Milliseconds from noticing to raising: a window that is being dragged over ours is let through first."""
LONGEST_PAUSE = 30_000
"""Milliseconds."""
CALM = 60_000
"""Milliseconds without a raise after which the pauses begin anew."""
STACKING = "_NET_CLIENT_LIST_STACKING"


class Topmost:
    """Told of events by whoever owns the wire."""

    def __init__(self, wire: Wire, window: int, raise_it: Callable[[], None]) -> None:
        self._wire = wire
        self._window = window
        self._raise_it = raise_it
        self._pause = FIRST_PAUSE
        self._waiting = _timer(self._raise)
        self._calm = _timer(self._calm_down)
        wire.listen(wire.root, PROPERTY_CHANGE)

    def close(self) -> None:
        self._waiting.stop()
        self._calm.stop()

    def heard(self, event: Event) -> None:
        if event.kind == PROPERTY_NOTIFY and event.atom == self._wire.atom(STACKING):
            self.look()

    def look(self) -> None:
        """Whether it is covered now; it is raised soon if so."""
        if not self._waiting.isActive() and self.covered():
            self._waiting.start(self._pause)

    def covered(self) -> bool:
        """By a window that the manager would let us stand above. In stacking order the last is on top."""
        stacking = self._wire.property(self._wire.root, STACKING)
        ours = self._wire.box(self._window) if self._window in stacking else None
        if not ours:
            return False
        above = stacking[stacking.index(self._window) + 1 :]
        full = self._wire.atom("_NET_WM_STATE_FULLSCREEN")
        for window in above:
            box = self._wire.box(window)
            if box and box.touches(ours) and full not in self._wire.property(window, "_NET_WM_STATE"):
                return True
        return False

    def _raise(self) -> None:
        if not self.covered():
            return
        self._pause = min(2 * self._pause, LONGEST_PAUSE)
        self._calm.start(CALM)
        self._raise_it()

    def _calm_down(self) -> None:
        self._pause = FIRST_PAUSE


def _timer(call: Callable[[], None]) -> QTimer:
    timer = QTimer()
    timer.setSingleShot(True)
    timer.timeout.connect(call)
    return timer
