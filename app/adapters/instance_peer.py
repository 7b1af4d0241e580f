"""Who is at the other end of a socket, by the kernel's word.

The one rule: who cannot be named is another user. Used by both sides: the window obeys nobody else, and a caller
believes nobody else, who may have put a socket where the window's should be.

Linux: SO_PEERCRED (unix(7)). macOS: LOCAL_PEERCRED (unix(4)), a struct xucred: version, uid, and the groups.
Windows: see instance_windows.py.
"""

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    class Socket(Protocol):
        """What a socket is asked for here."""

        def getsockopt(self, level: int, option: int, size: int, /) -> bytes: ...


SOL_SOCKET, SO_PEERCRED, UCRED_SIZE = 1, 17, 12
SOL_LOCAL, LOCAL_PEERCRED, XUCRED_VERSION, XUCRED_SIZE = 0, 1, 0, 76


def is_me(socket: "Socket") -> bool:
    """Whether the process at the other end has our effective user id. Not even root is obeyed in our name."""
    if sys.platform == "win32":
        return False  # there, pipes are used
    else:  # noqa: RET505  mypy takes what follows a return of another platform for dead
        try:
            uid = macos_uid(socket) if sys.platform == "darwin" else linux_uid(socket)
        except OSError:
            return False
        return uid == os.geteuid()


def linux_uid(socket: "Socket") -> int:
    """Of a struct ucred: pid, uid, gid. -1 for an answer of another shape."""
    found = socket.getsockopt(SOL_SOCKET, SO_PEERCRED, UCRED_SIZE)
    return _number(found[4:8]) if len(found) == UCRED_SIZE else -1


def macos_uid(socket: "Socket") -> int:
    """Of a struct xucred: version, uid, and more. -1 for an answer of another shape."""
    found = socket.getsockopt(SOL_LOCAL, LOCAL_PEERCRED, XUCRED_SIZE)
    good = len(found) == XUCRED_SIZE and _number(found[:4]) == XUCRED_VERSION
    return _number(found[4:8]) if good else -1


def _number(field: bytes) -> int:
    """Four bytes; the module struct would have to be loaded for it."""
    return int.from_bytes(field, sys.byteorder)
