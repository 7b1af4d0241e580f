"""Where the window of this session and its callers meet: the session's name, and the folder that only its user has.

The one rule: whoever asks in the same session comes to the same place, and a place that another user could have
prepared is none. Loaded at each `maskbar status`: nothing is imported here that the interpreter has not loaded.

What a session is
    Linux    one display of one user. `XDG_SESSION_ID` is no good: GNOME takes it out of the environment of what
             it starts through systemd, so two programs of one session differ in it. DISPLAY (without the screen),
             else WAYLAND_DISPLAY, is in the environment of everything that can show a window. Only where there is
             no display at all the session id stands in.
    Windows  the session number of the logon (ProcessIdToSessionId) of one user.
    macOS    the user: one user has one desktop.

Where they meet
    Linux    `$XDG_RUNTIME_DIR/maskbar`, if that is ours; `/run/user/<uid>/maskbar` where the variable is not set (cron,
             su); else `~/.cache/maskbar/session`, with the host in the name since homes are shared between hosts.
             Never /tmp, where another user could be first.
    Windows  `%LOCALAPPDATA%\\MaskBar\\session`
    macOS    `~/Library/Application Support/MaskBar/session`: the system clears its temporary folders of what has
             not been touched for three days.
"""

import os
import stat
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

LONGEST_SOCKET = 103
"""Bytes of a Unix socket's path: 108 on Linux and 104 on macOS, with a zero at the end."""


class PlaceError(Exception):
    """There is no safe place; one sentence says why."""


class Place:
    """`folder`, and the paths in it for this session. `session` is its name for people, `name` for files."""

    def __init__(self, folder: str, name: str, session: str) -> None:
        self.folder = folder
        self.session = session
        self.lock = os.path.join(folder, f"{name}.lock")  # noqa: PTH118  pathlib costs a third of a bare start
        self.socket = os.path.join(folder, f"{name}.sock")  # noqa: PTH118
        self.pipe_name = os.path.join(folder, f"{name}.pipe")  # noqa: PTH118
        """Windows: the file that holds the name of the pipe."""


def here(environ: "Mapping[str, str]" = os.environ) -> Place:
    """The place of this session. Creates nothing. Raises PlaceError."""
    if sys.platform == "win32":
        return windows_place(environ, _windows_session())
    elif sys.platform == "darwin":  # noqa: RET505  mypy takes what follows a return of another platform for dead
        return macos_place(environ, os.uname().nodename)
    else:
        return linux_place(environ, os.geteuid(), os.uname().nodename)


def linux_place(environ: "Mapping[str, str]", uid: int, host: str) -> Place:
    session = linux_session(environ)
    for runtime in (environ.get("XDG_RUNTIME_DIR", ""), f"/run/user/{uid}"):
        if runtime.startswith("/") and _is_mine_alone(runtime, uid):
            return _short(Place(f"{runtime}/maskbar", _letters(session), session))
    return _short(Place(f"{_home(environ)}/.cache/maskbar/session", _letters(f"{host} {session}"), session))


def macos_place(environ: "Mapping[str, str]", host: str) -> Place:
    folder = f"{_home(environ)}/Library/Application Support/MaskBar/session"
    return _short(Place(folder, _letters(host), "this user's"))


def windows_place(environ: "Mapping[str, str]", session: int) -> Place:
    local = environ.get("LOCALAPPDATA", "")
    if not local:
        raise PlaceError("LOCALAPPDATA is not set: there is no folder of your own")
    name = _letters(f"{environ.get('COMPUTERNAME', '')} {session}")
    return Place(os.path.join(local, "MaskBar", "session"), name, f"session {session}")  # noqa: PTH118


def linux_session(environ: "Mapping[str, str]") -> str:
    """The display, as one name for all its screens: `:0` for `:0.0`, `unix:0` and `:0`."""
    display = environ.get("DISPLAY", "")
    if display:
        host, colon, number = display.rpartition(":")
        host = "" if host == "unix" else host
        return f"{host}{colon}{number.split('.')[0]}" if colon else display
    return (
        environ.get("WAYLAND_DISPLAY", "")
        or f"without a display {environ.get('XDG_SESSION_ID', '')}".rstrip()
    )


def make_folder(place: Place) -> None:
    """Make the folder, for its user alone. One that is there and looser is tightened; another's is refused.

    Raises PlaceError.
    """
    try:
        os.makedirs(place.folder, mode=0o700, exist_ok=True)  # noqa: PTH103
        if sys.platform != "win32":
            found = os.lstat(place.folder)
            if found.st_uid == os.geteuid() and stat.S_ISDIR(found.st_mode) and found.st_mode & 0o077:
                os.chmod(place.folder, 0o700)  # noqa: PTH101
    except OSError as error:
        raise PlaceError(f"{place.folder}: cannot be made a folder ({error.strerror})") from None
    check_folder(place)


def check_folder(place: Place) -> None:
    """Raises PlaceError unless the folder is a real one, ours and nobody else's; FileNotFoundError if there is none.

    Windows: whatever is in %LOCALAPPDATA% has the access list of the user's profile.
    """
    os.lstat(place.folder)
    if sys.platform != "win32":
        uid = os.geteuid()
        if not _is_mine_alone(place.folder, uid):
            raise PlaceError(f"{place.folder}: is not a folder of yours alone (owner {uid}, mode 0700)")


def _is_mine_alone(folder: str, uid: int) -> bool:
    try:
        found = os.lstat(folder)
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == uid and not found.st_mode & 0o077


def _home(environ: "Mapping[str, str]") -> str:
    home = environ.get("HOME", "")
    if not home.startswith("/"):
        raise PlaceError("HOME is not set: there is no folder of your own")
    return home.rstrip("/")


def _short(place: Place) -> Place:
    if len(os.fsencode(place.socket)) > LONGEST_SOCKET:
        raise PlaceError(f"{place.socket}: is too long for a socket (at most {LONGEST_SOCKET} bytes)")
    return place


def _letters(session: str) -> str:
    """A file name for the session: readable where it can be, and never the same for two sessions."""
    raw = os.fsencode(session)
    if 0 < len(raw) <= 24 and all(byte in _PLAIN for byte in raw):
        return session.replace(":", "display-") if session.startswith(":") else f"on-{session}"
    from hashlib import sha256

    return f"x-{sha256(raw).hexdigest()[:24]}"


_PLAIN = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-:"


if sys.platform == "win32":

    def _windows_session() -> int:
        import ctypes

        number = ctypes.c_ulong()
        if not ctypes.windll.kernel32.ProcessIdToSessionId(os.getpid(), ctypes.byref(number)):
            raise PlaceError("Windows does not say which session this is")
        return number.value
