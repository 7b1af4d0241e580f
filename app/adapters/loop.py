"""asyncio on Qt's event loop: qasync's, with timers that can be cancelled.

The one rule: an idle program sleeps; what was cancelled must not wake it.
"""

import asyncio
from collections.abc import Callable
from contextvars import Context
from typing import Any, TypeVar

from PySide6.QtCore import QObject, QTimerEvent
from PySide6.QtGui import QPixmapCache
from PySide6.QtWidgets import QApplication
from qasync import QEventLoop


class _Handle(asyncio.Handle):
    """WORKAROUND: qasync lets a cancelled timer run on. Each `asyncio.timeout` woke the computer at its end."""

    timer = 0

    def cancel(self) -> None:
        super().cancel()
        self._loop._timer.forget(self)  # type: ignore[attr-defined]  # noqa: SLF001  our own, below


AnyHandle = TypeVar("AnyHandle", bound=asyncio.Handle)


class _Timers(QObject):
    """Stands where qasync keeps its timers."""

    def __init__(self) -> None:
        super().__init__()
        self._waiting: dict[int, asyncio.Handle] = {}

    def add_callback(self, handle: AnyHandle, delay: float = 0.0) -> AnyHandle:
        """`delay` in seconds. asyncio brings handles of its own here, too: a signal's."""
        timer = self.startTimer(int(max(0.0, delay) * 1000))
        if isinstance(handle, _Handle):
            handle.timer = timer
        self._waiting[timer] = handle
        return handle

    def forget(self, handle: _Handle) -> None:
        if self._waiting.pop(handle.timer, None):
            self.killTimer(handle.timer)

    def timerEvent(self, event: QTimerEvent) -> None:
        timer = event.timerId()
        self.killTimer(timer)
        handle = self._waiting.pop(timer, None)
        if handle is not None and not handle.cancelled():
            handle._run()  # noqa: SLF001  as every event loop does

    def stop(self) -> None:
        """Nothing runs any more."""
        for timer in self._waiting:
            self.killTimer(timer)
        self._waiting.clear()

    def set_debug(self, enabled: bool) -> None:
        """qasync calls it."""


class Loop(QEventLoop):  # type: ignore[misc]  # qasync has no types
    """Use it as qasync's."""

    def __init__(self, app: QApplication) -> None:
        super().__init__(app)
        self._timer = _Timers()
        # Qt keeps what it has drawn for a while, and after each change wakes every 10 to 30 s to forget a part of it.
        # Our few pictures are drawn anew in less than the waking costs.
        QPixmapCache.setCacheLimit(0)

    def call_later(
        self, delay: float, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> _Handle:
        """`delay` in seconds."""
        return self._timer.add_callback(_Handle(callback, args, self, context), delay)
