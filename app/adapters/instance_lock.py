"""The lock that decides which window a session has.

The one rule: the kernel holds it, so that it ends with its process, however that ends: no lock is ever stale, and
nobody has to guess from a process id in a file whether its writer still lives (QLockFile does, and guesses wrong when
the id was given to another process meanwhile). The file itself stays when the window goes: to remove it would let
two windows lock two files of one name.
"""

import os
import stat
import sys

from app.adapters.instance_place import Place, PlaceError, here, make_folder

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl


class Lock:
    """Held until `release`, or the end of the process."""

    def __init__(self, handle: int) -> None:
        self._handle = handle

    def release(self) -> None:
        """Twice is no harm."""
        handle, self._handle = self._handle, -1
        if handle >= 0:
            os.close(handle)


class Claim:
    """This process is the window of its session, until the claim is released or the process ends."""

    def __init__(self, place: Place, lock: Lock) -> None:
        self.place = place
        self._lock = lock

    def __enter__(self) -> "Claim":
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def release(self) -> None:
        self._lock.release()


def take_claim(place: Place | None = None) -> Claim | None:
    """The claim on this session, or None when another process has it.

    Raises PlaceError (one sentence) when there is no place that is safe from other users, or no lock can be had there.
    """
    place = place or here()
    make_folder(place)
    try:
        lock = take(place.lock)
    except OSError as error:
        raise PlaceError(f"{place.lock}: cannot be locked ({error.strerror})") from None
    return Claim(place, lock) if lock else None


def take(path: str) -> Lock | None:
    """The lock, or None when another process holds it. Raises PlaceError when the file is not ours alone, or OSError."""
    handle = _open(path)
    try:
        if _locked(handle):
            return Lock(handle)
    except BaseException:
        os.close(handle)
        raise
    os.close(handle)
    return None


def is_held(path: str) -> bool:
    """Whether a window holds it now. It is taken for an instant to find out: who takes it in earnest asks twice."""
    try:
        lock = take(path) if os.path.exists(path) else None  # noqa: PTH110  see instance_place
    except (OSError, PlaceError):
        return False
    if lock is None:
        return os.path.exists(path)  # noqa: PTH110
    lock.release()
    return False


def _open(path: str) -> int:
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
    handle = os.open(path, flags | getattr(os, "O_NOINHERIT", 0), 0o600)
    if sys.platform != "win32":
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid() or found.st_nlink != 1:
            os.close(handle)
            raise PlaceError(f"{path}: is not a file of yours alone")
    return handle


def _locked(handle: int) -> bool:
    try:
        if sys.platform == "win32":
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True
