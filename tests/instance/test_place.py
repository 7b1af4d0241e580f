"""The session's name, its folder and its lock: one place for one session, and nobody else's hand in it."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from app.adapters import instance_lock, instance_peer
from app.adapters.instance_lock import is_held, take, take_claim
from app.adapters.instance_place import (
    LONGEST_SOCKET,
    Place,
    PlaceError,
    check_folder,
    linux_place,
    linux_session,
    macos_place,
    make_folder,
    windows_place,
)

UID = os.geteuid() if sys.platform != "win32" else 0
NOBODY = 65534

on_unix = pytest.mark.skipif(sys.platform == "win32", reason="folders and users of Unix")
as_root = pytest.mark.skipif(sys.platform == "win32" or UID != 0, reason="only root can be two users")


@pytest.mark.parametrize(
    ("environ", "session"),
    [
        ({"DISPLAY": ":0"}, ":0"),
        ({"DISPLAY": ":0.0"}, ":0"),
        ({"DISPLAY": "unix:0.1"}, ":0"),
        ({"DISPLAY": "localhost:10.0"}, "localhost:10"),
        ({"DISPLAY": ":0", "WAYLAND_DISPLAY": "wayland-1", "XDG_SESSION_ID": "c2"}, ":0"),
        ({"WAYLAND_DISPLAY": "wayland-1", "XDG_SESSION_ID": "c2"}, "wayland-1"),
        ({"XDG_SESSION_ID": "c2"}, "without a display c2"),
        ({}, "without a display"),
        ({"DISPLAY": "nonsense"}, "nonsense"),
    ],
)
def test_a_session_is_a_display(environ: dict[str, str], session: str) -> None:
    assert linux_session(environ) == session


@on_unix
def test_different_sessions_never_meet(tmp_path: Path) -> None:
    names = [f":{number}" for number in range(40)]
    names += [
        "host:1",
        "a/b:1",
        "../x",
        "display-1",
        "on-:1",
        "wayland-0",
        "WAYLAND-0",
        "",
        "é",
        "x" * 300,
        "x" * 301,
    ]
    places = [
        linux_place({"XDG_RUNTIME_DIR": str(_closed(tmp_path)), "DISPLAY": name}, UID, "h") for name in names
    ]
    assert len({place.socket for place in places}) == len(names)
    assert {str(Path(place.socket).parent) for place in places} == {f"{tmp_path}/maskbar"}


def _closed(folder: Path) -> Path:
    folder.chmod(0o700)
    return folder


@on_unix
def test_a_runtime_folder_of_another_or_open_to_others_is_not_used(tmp_path: Path) -> None:
    home = {"HOME": "/home/agent", "DISPLAY": ":0"}
    at_home = "/home/agent/.cache/maskbar/session"
    open_one = tmp_path / "open"
    open_one.mkdir(mode=0o755)
    link = tmp_path / "link"
    link.symlink_to(_closed(tmp_path))
    for runtime in (str(open_one), str(link), "relative", str(tmp_path / "missing"), "/etc/passwd"):
        assert linux_place({**home, "XDG_RUNTIME_DIR": runtime}, 4_000_000_001, "desk-1").folder == at_home
        if runtime != "relative":
            assert (
                linux_place({**home, "XDG_RUNTIME_DIR": runtime}, UID, "desk-1").folder
                != f"{runtime}/maskbar"
            )
    one, other = (linux_place(home, 4_000_000_001, host) for host in ("desk-1", "desk-2"))
    assert one.lock != other.lock, "a home may be shared between hosts"


def test_no_home_and_a_path_that_is_too_long_are_said() -> None:
    with pytest.raises(PlaceError, match="HOME is not set"):
        linux_place({"DISPLAY": ":0"}, 4_000_000_001, "desk-1")
    with pytest.raises(PlaceError, match=f"at most {LONGEST_SOCKET}"):
        linux_place({"HOME": "/" + "x" * 100, "DISPLAY": ":0"}, 4_000_000_001, "desk-1")


def test_the_places_on_other_systems() -> None:
    mac = macos_place({"HOME": "/Users/agent"}, "mac.local")
    assert mac.folder == "/Users/agent/Library/Application Support/MaskBar/session"
    assert len(mac.socket) < LONGEST_SOCKET
    places = [windows_place({"LOCALAPPDATA": "L", "COMPUTERNAME": "CTX1"}, session) for session in range(40)]
    assert len({place.lock for place in places}) == 40
    assert places[3].session == "session 3"
    with pytest.raises(PlaceError, match="LOCALAPPDATA"):
        windows_place({}, 1)


# The folder.


def place_in(folder: Path) -> Place:
    return Place(str(folder / "maskbar"), "display-0", ":0")


@on_unix
def test_the_folder_is_made_for_its_user_alone_and_a_looser_one_is_tightened(tmp_path: Path) -> None:
    place = place_in(tmp_path)
    with pytest.raises(FileNotFoundError):
        check_folder(place)
    for before in (None, 0o777, 0o750):
        if before is not None:
            Path(place.folder).chmod(before)
            with pytest.raises(PlaceError, match="yours alone"):
                check_folder(place)
        make_folder(place)
        check_folder(place)
        assert Path(place.folder).stat().st_mode & 0o777 == 0o700


@on_unix
def test_a_link_or_a_file_in_the_folders_place_is_refused(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    place = place_in(tmp_path)
    Path(place.folder).symlink_to(elsewhere)
    with pytest.raises(PlaceError, match="yours alone"):
        make_folder(place)
    assert list(elsewhere.iterdir()) == []
    Path(place.folder).unlink()
    Path(place.folder).touch()
    with pytest.raises(PlaceError, match="cannot be made"):
        make_folder(place)


@as_root
@pytest.mark.guarantee("G26")
def test_another_users_folder_is_refused(tmp_path: Path) -> None:
    place = place_in(tmp_path)
    Path(place.folder).mkdir(mode=0o700)
    os.chown(place.folder, NOBODY, NOBODY)
    with pytest.raises(PlaceError, match="yours alone"):
        make_folder(place)
    with pytest.raises(PlaceError, match="yours alone"):
        check_folder(place)


# The lock.


def holds(take_it: Callable[[], object | None]) -> bool:
    """The check of a lock: the first gets it, the second does not."""
    first, second = take_it(), take_it()
    return first is not None and second is None


def test_one_lock_one_holder(tmp_path: Path) -> None:
    path = str(tmp_path / "lock")
    first = take(path)
    assert first is not None
    assert take(path) is None
    assert is_held(path)
    first.release()
    first.release()
    assert not is_held(path)
    again = take(path)
    assert again is not None
    again.release()
    assert (tmp_path / "lock").exists(), "the file stays: two windows must never lock two files of one name"


def test_no_lock_is_held_where_no_file_is(tmp_path: Path) -> None:
    assert not is_held(str(tmp_path / "lock"))
    assert not is_held(str(tmp_path))


@pytest.mark.mutant("G26")
def test_a_lock_that_is_not_exclusive_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = []

    def take_it() -> object | None:
        kept.append(take(str(tmp_path / "lock")))
        return kept[-1]

    assert holds(take_it)
    monkeypatch.setattr(instance_lock, "_locked", lambda _: True)
    assert not holds(take_it)
    for lock in kept:
        if lock:
            lock.release()


HOLDER = "import sys; from app.adapters.instance_lock import take; print(take(sys.argv[1])); sys.stdin.read()"


@on_unix
def test_a_killed_holder_leaves_no_lock(tmp_path: Path) -> None:
    path = str(tmp_path / "lock")
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert "Lock" in holder.stdout.readline()
        assert take(path) is None
        holder.kill()
    lock = take(path)
    assert lock is not None
    lock.release()


@on_unix
@pytest.mark.guarantee("G26")
def test_a_lock_file_that_leads_elsewhere_is_refused(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / "symlink").symlink_to(victim)
    with pytest.raises(OSError, match="symbolic"):
        take(str(tmp_path / "symlink"))
    (tmp_path / "hardlink").hardlink_to(victim)
    with pytest.raises(PlaceError, match="yours alone"):
        take(str(tmp_path / "hardlink"))
    assert not is_held(str(tmp_path / "hardlink"))
    assert victim.read_text() == "precious"


@on_unix
def test_a_claim_says_what_stands_in_its_way(tmp_path: Path) -> None:
    place = place_in(tmp_path)
    with take_claim(place) or pytest.fail("nobody has it") as claim:
        assert claim.place is place
        assert take_claim(place) is None
    Path(place.lock).unlink()
    Path(place.lock).mkdir()
    with pytest.raises(PlaceError, match="cannot be locked"):
        take_claim(place)


# Who is at the other end: macOS by the bytes that its manual describes.


class Told:
    def __init__(self, answer: bytes | OSError) -> None:
        self.answer = answer
        self.asked: tuple[int, int, int] | None = None

    def getsockopt(self, level: int, option: int, size: int, /) -> bytes:
        self.asked = (level, option, size)
        if isinstance(self.answer, OSError):
            raise self.answer
        return self.answer


def number(value: int) -> bytes:
    return value.to_bytes(4, sys.byteorder)


def test_macos_peer() -> None:
    good = Told(number(0) + number(501) + number(1) + number(20) + bytes(60))
    assert instance_peer.macos_uid(good) == 501
    assert good.asked == (0, 1, 76)
    for strange in (b"", good.answer[:40] if isinstance(good.answer, bytes) else b"", number(7) + bytes(72)):
        assert instance_peer.macos_uid(Told(strange)) == -1


def test_linux_peer() -> None:
    good = Told(number(4242) + number(1000) + number(1000))
    assert instance_peer.linux_uid(good) == 1000
    assert good.asked == (1, 17, 12)
    assert instance_peer.linux_uid(Told(b"")) == -1


def test_who_cannot_be_named_is_another_user() -> None:
    assert not instance_peer.is_me(Told(OSError("no such option")))
    assert not instance_peer.is_me(Told(b""))
