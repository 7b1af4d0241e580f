"""Many sessions, two starts, sudden deaths and other users: whole processes, real sockets, real user ids."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from app import command
from app.adapters import instance_line
from app.adapters.instance_line import Line
from app.adapters.instance_words import Request
from tests.instance.conftest import ROOT, Session

if sys.platform != "linux":
    pytest.skip("sessions and users of Linux", allow_module_level=True)

as_root = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("setpriv"), reason="only root can be two users"
)
NOBODY = 65534


def ask(session: Session, request: Request) -> list[dict[str, object]]:
    with Line(session.place, request) as line:
        return list(line.answers())


def agent(session: Session) -> object:
    told = ask(session, Request("status"))[0]["status"]
    assert isinstance(told, dict)
    return told["agent"]


# One window.

SECOND = "from app.command import claim_or_raise; found = claim_or_raise(); print(found)"


def second_start(session: Session) -> str:
    return subprocess.run(
        [sys.executable, "-c", SECOND],
        cwd=ROOT,
        env=session.environ,
        capture_output=True,
        text=True,
        timeout=20,
    ).stdout


@pytest.mark.guarantee("G26")
def test_a_second_start_raises_the_first_and_takes_nothing(session: Session) -> None:
    window = session.window("qasync", "confirms")
    assert second_start(session) == "NOT MASKED. Do not take card details.\n0\n"
    assert window.line() == "shown"
    session.window("qasync", "confirms", says="taken")
    assert answers_as_before(session, window.process.pid)


def answers_as_before(session: Session, pid: int) -> bool:
    """The check of a channel: whoever answers now is still the first window."""
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(session.place.socket)
        found = line.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
    return int.from_bytes(found[:4], sys.byteorder) == pid


@pytest.mark.mutant("G26")
def test_a_second_window_without_the_lock_is_caught(session: Session) -> None:
    first = session.window("asyncio", "confirms")
    assert answers_as_before(session, first.process.pid)
    session.window("asyncio", "confirms", "no-lock")
    assert not answers_as_before(session, first.process.pid)


def test_two_that_start_at_once_are_one_window_and_one_raiser(session: Session) -> None:
    starts = [
        subprocess.Popen(
            [sys.executable, "-c", f"{SECOND}; import sys; sys.stdin.read()"],
            cwd=ROOT,
            env=session.environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    time.sleep(0.6)
    for start in starts:
        assert start.stdin is not None
        start.stdin.close()
    said = [start.stdout.read() for start in starts if start.stdout]
    for start in starts:
        start.wait()
        if start.stdout:
            start.stdout.close()
    assert sum("Claim" in it for it in said) >= 1
    # No one of these listens: the others waited for the holder, and took its place or gave up when it was gone.
    assert all("Claim" in it or it.endswith("5\n") for it in said), said


def test_killed_and_started_again(session: Session) -> None:
    for _ in range(3):
        window = session.window("asyncio", "confirms")
        assert agent(session) == "agent-:0"
        window.kill()
        assert Path(session.place.socket).exists(), "what a window that was killed leaves behind"
        assert session.maskbar("status")[0] == command.NOT_RUNNING
    session.window("asyncio", "confirms")
    assert session.maskbar("status")[0] == 0


def test_a_window_that_is_starting_is_waited_for(session: Session) -> None:
    hold = "import time; from app.adapters.instance_lock import take_claim; c = take_claim(); print(c, flush=True)"
    with subprocess.Popen(
        [sys.executable, "-c", f"{hold}; time.sleep(0.7)"],
        cwd=ROOT,
        env=session.environ,
        stdout=subprocess.PIPE,
        text=True,
    ) as starting:
        assert starting.stdout is not None
        assert "Claim" in starting.stdout.readline()
        began = time.monotonic()
        assert session.maskbar("status")[0] == command.NOT_RUNNING
        assert time.monotonic() - began > 0.4, "it was waited for until it was gone"


def test_a_window_that_hangs_is_said_to(
    session: Session, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    window = session.window("asyncio", "confirms")
    monkeypatch.setattr(instance_line, "ANSWER_TIME", 0.3)
    for name in ("XDG_RUNTIME_DIR", "DISPLAY"):
        monkeypatch.setenv(name, session.environ[name])
    os.kill(window.process.pid, signal.SIGSTOP)
    assert command.main(["status"]) == command.UNKNOWN
    assert capsys.readouterr() == ("", "maskbar: The window does not answer.\n")
    os.kill(window.process.pid, signal.SIGCONT)
    assert session.maskbar("status")[0] == 0


# Forty.


def test_forty_windows_in_forty_sessions(session: Session) -> None:
    """Forty displays of one user, and the same display of another login beside them."""
    parent = session.window("40", "confirms")
    for _ in range(39):
        assert parent.line() == "ready"
    other = Session(Path(tempfile.mkdtemp(prefix="mb-")))
    try:
        session.windows.append(other.window("asyncio", "confirms"))
        sessions = [Session(session.runtime, f":{number}") for number in range(40)]
        assert [agent(it) for it in sessions] == [f"agent-:{number}" for number in range(40)]
        assert ask(sessions[7], Request("mask"))[-1]["result"] == "done"
        told = [ask(it, Request("status"))[0]["status"] for it in (*sessions, other)]
        assert [number for number, it in enumerate(told) if isinstance(it, dict) and it["card"]] == [7]
        assert Session(session.runtime, ":40").maskbar("status")[0] == command.NOT_RUNNING
        for it in sessions:
            ask(it, Request("unmask"))
            assert ask(it, Request("quit"))[0]["result"] == "done"
        parent.end()
    finally:
        shutil.rmtree(other.runtime)


# Over the real socket.


@pytest.mark.guarantee("G26")
@pytest.mark.parametrize("loop", ["qasync", "pipe"])
def test_noise_and_idlers_on_the_socket_stop_nobody(session: Session, loop: str) -> None:
    window = session.window(loop, "confirms")
    idlers = [_connected(session) for _ in range(20)]
    incomplete = (b'{"maskbar":1,"op":"mask"', b"")
    for raw in (
        b"\x00" * 5000,
        b"mask\n",
        b"{" * 2000,
        b"\n" * 100,
        *incomplete[: 1 if loop == "pipe" else 2],
    ):
        with _connected(session) as line:
            line.sendall(raw)
            if loop != "pipe":
                line.shutdown(socket.SHUT_WR)  # a pipe of Windows has no such thing: there, time ends it
            answer = b"".join(iter(lambda line=line: _received(line), b""))  # type: ignore[misc]
            assert json.loads(answer)["answer"] == "error", (raw[:40], answer)
    assert session.maskbar("mask")[0] == 0
    for idler in idlers:
        idler.close()
    assert session.maskbar("unmask")[0] == 0
    assert session.maskbar("quit")[0] == 0
    assert window.end()[0] == "asked mask\nasked unmask\n"


def _received(line: socket.socket) -> bytes:
    try:
        return line.recv(4096)
    except ConnectionResetError:
        return b""  # it hung up with something of ours unread


def _connected(session: Session) -> socket.socket:
    line = socket.socket(socket.AF_UNIX)
    line.settimeout(5)
    line.connect(session.place.socket)
    return line


def test_a_follower_that_sleeps_holds_nobody_up(session: Session) -> None:
    session.window("qasync", "confirms")
    with _connected(session) as sleeper:
        sleeper.sendall(Request("follow").line())
        for _ in range(5):
            assert ask(session, Request("mask"))[-1]["result"] == "done"
            assert ask(session, Request("unmask"))[-1]["result"] == "done"
        sleeper.settimeout(0.2)
        assert sleeper.recv(100)


# Other users.

SPEAK = """
import socket, sys
line = socket.socket(socket.AF_UNIX)
line.settimeout(5)
try:
    line.connect(sys.argv[1])
    line.sendall(b'{"maskbar":1,"op":"mask","wait":3}\\n')
    print("heard" if line.recv(4096) else "not heard")
except OSError as error:
    print(type(error).__name__)
"""


def as_nobody(code: str, *arguments: str) -> list[str]:
    who = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    return [*who, "/usr/bin/python3", "-I", "-c", code, *arguments]


def nobody_is(session: Session) -> str:
    """What another user's process gets out of the window's socket; `heard` is the end of the guarantee."""
    done = subprocess.run(as_nobody(SPEAK, session.place.socket), capture_output=True, text=True, timeout=20)
    return done.stdout.strip()


@as_root
@pytest.mark.guarantee("G26")
@pytest.mark.parametrize("loop", ["qasync", "pipe"])
def test_another_user_is_kept_out_by_the_folder(session: Session, loop: str) -> None:
    window = session.window(loop, "confirms")
    assert nobody_is(session) == "PermissionError"
    look = "import os, sys; print(os.access(sys.argv[1], os.R_OK | os.X_OK), os.access(sys.argv[2], os.F_OK))"
    done = subprocess.run(
        as_nobody(look, session.place.folder, session.place.socket), capture_output=True, text=True
    )
    assert done.stdout.split() == ["False", "False"]
    assert session.maskbar("quit")[0] == 0
    assert window.end()[0] == ""


@as_root
@pytest.mark.guarantee("G26")
def test_another_user_who_gets_through_to_the_socket_is_not_heard(session: Session) -> None:
    window = session.window("qasync", "confirms", "loose-folder")
    assert nobody_is(session) in ("not heard", "ConnectionResetError", "BrokenPipeError")
    session.close_for_others()
    assert session.maskbar("quit")[0] == 0
    assert window.end()[0] == ""


@as_root
@pytest.mark.mutant("G26")
def test_a_window_with_neither_guard_is_caught(session: Session) -> None:
    session.window("qasync", "confirms", "loose-folder", "no-peer-check")
    assert nobody_is(session) == "heard"


SQUAT = """
import socket, sys
line = socket.socket(socket.AF_UNIX)
line.bind(sys.argv[1])
line.listen()
print("listens", flush=True)
while True:
    caller, _ = line.accept()
    if not caller.recv(1000):
        continue  # it hung up when it saw who we are
    status = '{"state": "masked", "word": "MASKED", "spoken": "MASKED 0:01. You can take the card now.", "card": true}'
    caller.sendall(b'{"maskbar":1,"answer":"ended","result":"done","reason":"","status":' + status.encode() + b'}\\n')
    caller.close()
"""


@pytest.fixture
def squatter(session: Session) -> Iterator[subprocess.Popen[str]]:
    """Another user's process that answers MASKED, where the window's socket should be: the folder was open once."""
    Path(session.place.folder).mkdir(mode=0o777)
    Path(session.place.folder).chmod(0o777)
    session.runtime.chmod(0o711)
    with subprocess.Popen(
        as_nobody(SQUAT, session.place.socket), stdout=subprocess.PIPE, text=True
    ) as squats:
        assert squats.stdout is not None
        assert squats.stdout.readline() == "listens\n"
        session.close_for_others()
        yield squats
        squats.kill()


@as_root
@pytest.mark.guarantee("G26")
def test_a_squatter_is_not_believed_and_is_put_out(session: Session, squatter: subprocess.Popen[str]) -> None:
    code, out, error = session.maskbar("mask")
    assert squatter.poll() is None
    assert (code, out) == (command.USAGE, "")
    assert "another user's process" in error
    session.window("asyncio", "confirms")
    assert agent(session) == "agent-:0"
    assert session.maskbar("mask")[0] == 0


@as_root
@pytest.mark.mutant("G26")
def test_a_caller_that_believes_whoever_answers_is_caught(
    session: Session, squatter: subprocess.Popen[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert squatter.poll() is None
    monkeypatch.setattr("app.adapters.instance_line.is_me", lambda _: True)
    assert ask(session, Request("mask"))[-1]["result"] == "done"


@as_root
@pytest.mark.guarantee("G26")
def test_a_folder_that_another_user_made_first_is_not_used(session: Session) -> None:
    Path(session.place.folder).mkdir(mode=0o700)
    os.chown(session.place.folder, NOBODY, NOBODY)
    code, out, error = session.maskbar("status")
    assert (code, out) == (command.USAGE, "")
    assert "is not a folder of yours alone" in error
