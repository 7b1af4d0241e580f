"""Many sessions, two starts and sudden deaths: whole processes, real sockets."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from app import command
from app.adapters import instance_line
from app.adapters.instance_words import Request
from tests.instance.conftest import ROOT, Session, agent, ask

if sys.platform != "linux":
    pytest.skip("sessions of Linux", allow_module_level=True)

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
