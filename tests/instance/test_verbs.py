"""The verbs against a running window, each as a process: what they print, and with which code they end."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from app import cli, command
from app.adapters.instance_words import OPS
from app.core import status
from app.core.ports import Wish
from app.core.states import Phase
from app.core.view import NO_CARD, WORDS
from tests.instance.conftest import ROOT, Session

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="places of Linux; the talk itself is tested everywhere"
)

UNMASKED = "NOT MASKED. Do not take card details.\n"
MASKED = "MASKED 0:00. You can take the card now.\n"


@pytest.mark.parametrize("loop", ["qasync", "pipe"])
def test_a_call_by_command(session: Session, loop: str) -> None:
    window = session.window(loop, "confirms")
    assert session.maskbar("status") == (0, UNMASKED, "")
    assert session.maskbar("mask") == (0, MASKED, "")
    assert window.line() == "asked mask"
    code, out, _ = session.maskbar("status", "--json")
    told = json.loads(out)
    assert (code, list(told)) == (0, list(status.KEYS))
    assert (told["state"], told["card"], told["agent"], told["known_by"]) == (
        "masked",
        True,
        "agent-:0",
        "reply",
    )
    assert session.maskbar("unmask", "--wait=5") == (0, UNMASKED, "")
    assert window.line() == "asked unmask"
    assert session.maskbar("toggle", "--wait", "5")[:2] == (0, MASKED)
    assert window.line() == "asked mask"
    code, out, error = session.maskbar("quit")
    assert (code, error) == (4, "maskbar quit: The call is still masked. The window asks.\n")
    assert session.maskbar("unmask")[0] == 0
    assert session.maskbar("show")[0] == 0
    assert session.maskbar("incident") == (0, UNMASKED + "Put down.\n", "")
    assert session.maskbar("quit")[0] == 0
    assert window.end() == ("asked unmask\nshown\n", "")
    assert session.maskbar("status") == (6, "", "maskbar: MaskBar is not running (:0).\n")


def test_pending_refused_unknown_and_not_allowed(session: Session) -> None:
    session.window("asyncio", "hangs", "no-unmask")
    code, out, error = session.maskbar("mask", "--wait", "0")
    assert code == 3
    assert out.startswith("MASKING…")
    assert error.startswith("maskbar mask: Asking the recorder")
    assert session.maskbar("status")[0] == 3
    code, out, error = session.maskbar("mask")
    assert (code, out[:8]) == (5, "UNKNOWN ")
    assert "did not answer" in error
    assert session.maskbar("status")[0] == 5
    assert session.maskbar("unmask")[0] == 7


def test_refused(session: Session) -> None:
    session.window("asyncio", "refuses")
    code, out, error = session.maskbar("mask")
    assert (code, out) == (4, UNMASKED)
    assert "This sign-in is not allowed to mask calls." in error
    code, out, _ = session.maskbar("status")
    assert code == 0
    assert "This sign-in is not allowed to mask calls." in out


@pytest.mark.parametrize("verb", cli.COMMANDS)
def test_without_a_window(session: Session, verb: str) -> None:
    assert session.maskbar(verb) == (6, "", "maskbar: MaskBar is not running (:0).\n")


def test_without_a_window_json_says_so_in_the_same_schema(session: Session) -> None:
    code, out, _ = session.maskbar("status", "--json")
    told = json.loads(out)
    assert (code, told["state"], told["card"]) == (6, "not-running", False)


@pytest.mark.parametrize(
    "arguments",
    [
        ("mask", "--wait"),
        ("mask", "--wait", "-1"),
        ("mask", "--wait", "nan"),
        ("mask", "--wait=3601"),
        ("mask", "--json"),
        ("status", "now"),
        ("show", "--wait", "1"),
    ],
)
def test_a_bad_command_line(arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(arguments) == 2
    out, error = capsys.readouterr()
    assert out == ""
    assert error.count("\n") == 1
    assert error.startswith(f"maskbar {arguments[0]}: ")


def test_an_option_of_the_window_is_none_of_a_verbs(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["--log", "x", "status"])
    assert ended.value.code == 2
    assert "for the window" in capsys.readouterr().err


@pytest.mark.parametrize("verb", cli.COMMANDS)
def test_help(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([verb, "--help"]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"usage: maskbar {verb}")
    assert "6  not running in this session" in out
    if verb == "status":
        assert all(f"    {key} " in out for key in status.KEYS)


def test_the_verbs_are_said_once_in_two_places() -> None:
    """cli must know them without loading what carries them out."""
    assert set(cli.COMMANDS) | {"follow"} == OPS
    assert {wish.value for wish in Wish} <= set(cli.COMMANDS)
    assert set(command.CODES) == {result.value for result in status.Result}


@pytest.mark.guarantee("G21")
def test_the_words_without_a_window_are_those_of_the_window() -> None:
    told = command._document("unknown", "The window does not answer.")
    assert list(told) == list(status.KEYS)
    assert told["versions"] == {"schema": status.SCHEMA, "app": "0.1.0"}
    assert told["word"] == WORDS[Phase.UNKNOWN]
    assert told["guidance"] == NO_CARD


# Following.


def test_following_until_the_window_goes(session: Session) -> None:
    window = session.window("qasync", "confirms")
    follower = subprocess.Popen(
        [sys.executable, "-m", "app", "status", "--follow"],
        cwd=ROOT,
        env=session.environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    with follower:
        assert follower.stdout is not None
        first = json.loads(follower.stdout.readline())
        assert session.maskbar("mask")[0] == 0
        window.kill()
        told = [first, *map(json.loads, follower.stdout)]
    assert follower.returncode == 6
    states = [it["state"] for it in told]
    assert list(dict.fromkeys(states)) == ["unmasked", "masking", "masked", "not-running"]
    assert states.count("not-running") == 1
    assert [it["card"] for it in told] == [state == "masked" for state in states]


def test_a_window_that_fell_silent_is_not_masked(
    session: Session, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A busy light must not say MASKED for a window that hangs."""
    window = session.window("asyncio", "confirms")
    assert session.maskbar("mask")[0] == 0
    for name in ("XDG_RUNTIME_DIR", "DISPLAY"):
        monkeypatch.setenv(name, session.environ[name])
    monkeypatch.setattr(command, "SILENCE", 1.6)
    stopper = subprocess.Popen(["/bin/sh", "-c", f"sleep 0.3; kill -STOP {window.process.pid}"])
    began = time.monotonic()
    assert cli.main(["status", "--follow"]) == 5
    assert time.monotonic() - began < 5
    stopper.wait()
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert (told[0]["state"], told[-1]["state"], told[-1]["card"]) == ("masked", "unknown", False)
    os.kill(window.process.pid, signal.SIGCONT)


def test_a_reader_that_goes_away_is_no_trouble(session: Session) -> None:
    session.window("asyncio", "confirms")
    assert session.maskbar("mask")[0] == 0  # a clock runs: something is said each second
    done = subprocess.run(
        ["/bin/bash", "-c", f"{{ {sys.executable} -m app status --follow; echo $? >&2; }} | head -1"],
        cwd=ROOT,
        env=session.environ,
        capture_output=True,
        text=True,
        timeout=20,
    )
    assert json.loads(done.stdout)["state"] == "masked"
    assert done.stderr == "2\n"


# Starting fast.

HEAVY = {
    "PySide6",
    "httpx",
    "asyncio",
    "argparse",
    "logging",
    "json",
    "socket",
    "typing",
    "dataclasses",
    "enum",
    "re",
}


def test_status_loads_next_to_nothing(session: Session) -> None:
    session.window("asyncio", "confirms")
    code = "import sys; from app.cli import main; main(['status']); print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-S", "-c", code], cwd=ROOT, env=session.environ, capture_output=True, text=True
    )
    first, loaded = done.stdout.splitlines()
    assert first + "\n" == UNMASKED
    assert not HEAVY & set(loaded.split())
    assert {name for name in loaded.split() if name.startswith("app")} == {
        "app",
        "app.cli",
        "app.command",
        "app.adapters",
        "app.adapters.instance_line",
        "app.adapters.instance_peer",
        "app.adapters.instance_place",
        "app.adapters.instance_words",
    }
