"""Other users of the same machine, as whole processes with user ids of their own: none is obeyed, none is believed."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app import command
from app.adapters.instance_words import Request
from tests.instance.conftest import Session, agent, ask

if sys.platform != "linux":
    pytest.skip("users of Linux", allow_module_level=True)

as_root = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("setpriv"), reason="only root can be two users"
)
NOBODY = 65534

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
