"""The caller's end: a line to the window of this session, and the lines that come back.

The one rule: only the own user's window is believed. Loaded at each `maskbar status`: no Qt, no asyncio.
"""

import os
import sys
import time

from app.adapters.instance_place import Place, PlaceError, check_folder
from app.adapters.instance_words import LONGEST_ANSWER, Request, heard

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

STARTING_FOR = 5.0
"""Seconds that a window which holds the lock has to open its ear."""
ANSWER_TIME = 3.0
"""Seconds that a window has for its next line, when nothing else is said."""


class NotRunningError(Exception):
    """There is no window in this session."""


class NoAnswerError(Exception):
    """There is one, and it does not answer, or not in words that are known here. One sentence."""


if sys.platform == "win32":
    from app.adapters.instance_windows import Pipe as _Wire

    def _address(place: Place) -> str:
        return place.pipe_name

else:
    import _socket as socket  # the package around it brings enum and selectors, for which there is no use here

    from app.adapters.instance_peer import is_me

    class _Wire:
        """The same as `instance_windows.Pipe`, over a socket."""

        def __init__(self, path: str) -> None:
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                self._socket.settimeout(ANSWER_TIME)
                self._socket.connect(path)
                if not is_me(self._socket):
                    raise PermissionError("another user's process answers in MaskBar's place")
            except BaseException:
                self._socket.close()
                raise

        def send(self, data: bytes) -> None:
            self._socket.sendall(data)

        def receive(self, limit: float | None) -> bytes:
            self._socket.settimeout(limit)
            try:
                return self._socket.recv(LONGEST_ANSWER)
            except ConnectionResetError:
                return b""

        def close(self) -> None:
            self._socket.close()

    def _address(place: Place) -> str:
        return place.socket


class Line:
    """An open line. `with Line(place, request) as line: for said in line.answers(): …`"""

    def __init__(self, place: Place, request: Request) -> None:
        """Raises NotRunningError, NoAnswerError, PlaceError."""
        self.patience: float | None = ANSWER_TIME
        """Seconds to wait for the next answer; None: for ever."""
        self._wire = _reached(place)
        try:
            self._wire.send(request.line())
        except OSError as error:
            self._wire.close()
            raise NoAnswerError(f"The window does not listen ({error.strerror}).") from None

    def __enter__(self) -> "Line":
        return self

    def __exit__(self, *_: object) -> None:
        self._wire.close()

    def answers(self) -> "Iterator[dict[str, Any]]":
        """Each answer, until the window hangs up. Raises NoAnswerError."""
        raw = b""
        while True:
            until = None if self.patience is None else time.monotonic() + self.patience
            while b"\n" not in raw:
                if len(raw) > LONGEST_ANSWER:
                    raise NoAnswerError("The window says more than is known here.")
                some = self._some(until)
                if not some:
                    return
                raw += some
            first, _, raw = raw.partition(b"\n")
            try:
                said = heard(first)
            except ValueError:
                raise NoAnswerError("The window speaks another version: start it again.") from None
            yield said

    def _some(self, until: float | None) -> bytes:
        limit = None if until is None else max(0.001, until - time.monotonic())
        try:
            return self._wire.receive(limit)
        except TimeoutError:
            raise NoAnswerError("The window does not answer.") from None
        except OSError as error:
            raise NoAnswerError(f"The window cannot be heard ({error.strerror}).") from None


def _reached(place: Place) -> "_Wire":
    """A window that is just starting is waited for; so is one that is busy taking calls."""
    until = time.monotonic() + STARTING_FOR
    while True:
        try:
            check_folder(place)
            return _Wire(_address(place))
        except FileNotFoundError:
            pass
        except ConnectionRefusedError:
            pass  # what a window that was killed has left behind
        except BlockingIOError:
            pass  # its backlog is full
        except TimeoutError:
            raise NoAnswerError("The window does not answer.") from None
        except PermissionError as error:
            raise PlaceError(f"{_address(place)}: {error.strerror or error}") from None
        except OSError as error:
            if getattr(error, "winerror", None) != _PIPE_BUSY:
                raise NoAnswerError(f"The window cannot be reached ({error.strerror}).") from None
        if not _a_window_starts(place):
            raise NotRunningError
        if time.monotonic() >= until:
            raise NoAnswerError("The window does not answer.")
        time.sleep(0.02)


_PIPE_BUSY = 231


def _a_window_starts(place: Place) -> bool:
    from app.adapters.instance_lock import is_held

    return os.path.exists(place.lock) and is_held(place.lock)  # noqa: PTH110  see instance_place
