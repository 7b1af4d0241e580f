"""What `packaging/dev.py` decides, tested without installing anything; and what the lock file must look like."""

import importlib.util
import os
import re
import subprocess
import sys
import time
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

import app

ROOT = Path(__file__).resolve().parents[2]


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("maskbar_dev", ROOT / "packaging" / "dev.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


dev = load()
LOCK = (ROOT / "packaging" / "requirements.lock").read_text(encoding="utf-8")
PINS = [entry for entry in re.split(r"\n(?=\S)", LOCK) if entry.strip()]

# ------------------------------------------------------------------------------------------------ lock


def test_every_locked_package_has_one_version_and_hashes() -> None:
    assert len(PINS) > 30
    for pin in PINS:
        first, *hashes = [line.strip(" \\") for line in pin.strip().splitlines()]
        assert re.fullmatch(r"[a-z0-9-]+==[0-9][\w.]*( ; .+)?", first)
        assert hashes, first
        assert all(re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", line) for line in hashes), first


def test_the_lock_holds_no_address_and_no_path_of_a_machine() -> None:
    assert not re.search(r"://|file:|index-url|find-links|[A-Za-z]:\\|(^|[ =])[/~@]", LOCK, re.MULTILINE)


def test_the_lock_names_every_dependency_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = project["project"]["dependencies"] + project["dependency-groups"]["dev"]
    locked = {pin.split("==")[0] for pin in PINS}
    assert {re.split(r"[ ><=;\[]", line)[0].lower() for line in wanted} <= locked


def test_the_lock_keeps_the_broken_pyside_away_from_python_3_11() -> None:
    pins = [pin.splitlines()[0].strip(" \\") for pin in PINS if pin.startswith("pyside6-essentials")]
    below, above = sorted(pins, key=lambda pin: ">=" in pin)
    assert re.fullmatch(r"pyside6-essentials==6\.(8|9|10|11)\.\d+ ; python_full_version < '3\.12'", below)
    assert above.endswith("; python_full_version >= '3.12'")


def test_the_program_and_its_metadata_agree_on_the_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["version"] == app.__version__


# -------------------------------------------------------------------------------------- system packages

INSTALLED = "\n".join(
    [
        "ii \tlibgl1\t",
        "ii \tlibglib2.0-0t64\tlibglib2.0-0 (= 2.80.0), other",
        "rc \txvfb\txserver",
        "un \txauth\t",
        "",
    ]
)


def test_only_what_is_installed_counts() -> None:
    assert dev.missing_packages(["libgl1", "xvfb", "xauth", "openbox"], INSTALLED) == [
        "xvfb",
        "xauth",
        "openbox",
    ]


def test_a_package_counts_under_the_names_that_it_provides() -> None:
    assert dev.missing_packages(["libglib2.0-0", "other"], INSTALLED) == []


def test_a_package_wanted_twice_is_missing_once() -> None:
    assert dev.missing_packages(["openbox", "openbox"], "") == ["openbox"]


def test_apt_is_asked_quietly_and_as_root() -> None:
    update, install = dev.apt_command(["xvfb"], root=False)
    assert install[:3] == update[:3] == ["sudo", "-n", "env"]
    assert install[-3:] == ["-y", "--no-install-recommends", "xvfb"]
    assert dev.apt_command(["xvfb"], root=True)[0][0] == "env"


@pytest.mark.skipif(sys.platform != "linux", reason="asks for Debian's packages")
def test_without_root_the_exact_command_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dev.Path, "exists", lambda _path: True)
    monkeypatch.setattr(dev.shutil, "which", lambda name: None if name == "sudo" else name)
    monkeypatch.setattr(dev.os, "geteuid", lambda: 1000)
    monkeypatch.setattr(dev, "run", lambda _command: (0, INSTALLED))
    with pytest.raises(
        dev.DevError, match=r"sudo apt-get update && .* install --no-install-recommends xvfb$"
    ):
        dev.system_packages(["libgl1", "xvfb"])


# ------------------------------------------------------------------------------------------------- venv


@pytest.fixture
def venv(tmp_path: Path) -> Path:
    """A finished environment, as far as the stamp can tell."""
    folder = tmp_path / ".venv"
    python = folder / dev.PYTHON.relative_to(dev.VENV)
    record = dev.site_packages(folder) / "thing-1.0.dist-info" / "RECORD"
    for file in (python, record):
        file.parent.mkdir(parents=True)
        file.touch()
    dev.write_stamp(folder, "mark")
    return folder


def test_a_finished_environment_is_used_again(venv: Path) -> None:
    assert dev.is_whole(venv, "mark")


def test_another_lock_or_python_makes_it_anew(venv: Path) -> None:
    assert not dev.is_whole(venv, "other mark")


@pytest.mark.parametrize("part", ["maskbar.stamp", "python", "RECORD"])
def test_a_damaged_environment_is_noticed(venv: Path, part: str) -> None:
    for file in list(venv.rglob(part)) + list(venv.rglob(f"{part}.exe")):
        file.unlink()
    assert not dev.is_whole(venv, "mark")


def test_a_stamp_of_noise_is_no_stamp(venv: Path) -> None:
    (venv / "maskbar.stamp").write_bytes(b"\xff\xfe\x00mark")
    assert not dev.is_whole(venv, "mark")


def test_the_fingerprint_follows_the_lock(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    lock = tmp_path / "requirements.lock"
    monkeypatch.setattr(dev, "LOCK", lock)
    lock.write_text("a==1", encoding="utf-8")
    first = dev.fingerprint()
    assert dev.fingerprint() == first
    lock.write_text("a==2", encoding="utf-8")
    assert dev.fingerprint() != first


# ------------------------------------------------------------------------------------------------ verbs


def dev_py(*args: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "packaging" / "dev.py"), *args]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_help_lists_exactly_the_verbs_there_are() -> None:
    done = dev_py("--help")
    assert done.returncode == 0
    assert re.findall(r"^  (\w+) ", done.stdout, re.MULTILINE) == list(dev.VERBS)
    assert "exit status" in done.stdout


@pytest.mark.parametrize("args", [[], ["tset"]])
def test_wrong_usage_ends_with_2_and_the_verbs(args: list[str]) -> None:
    done = dev_py(*args)
    assert done.returncode == 2
    assert "usage:" in done.stdout + done.stderr


def test_an_old_python_is_told_what_to_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(dev, "OLDEST", (99, 0))
    monkeypatch.setattr(dev.signal, "signal", lambda *_: None)
    assert dev.main(["setup"]) == 1
    what, then = capsys.readouterr().err.splitlines()
    assert what.startswith("dev: MaskBar needs Python")
    assert then.startswith("dev: next: ")


@pytest.mark.parametrize(
    "trouble", [OSError(28, "No space left on device"), PermissionError(13, "Permission denied")]
)
def test_trouble_with_the_disk_is_two_lines(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], trouble: OSError
) -> None:
    def fail(_wanted: object) -> None:
        raise trouble

    monkeypatch.setattr(dev, "set_up", fail)
    monkeypatch.setattr(dev.signal, "signal", lambda *_: None)
    assert dev.main(["setup"]) == 1
    what, then = capsys.readouterr().err.splitlines()
    assert str(trouble.strerror) in what
    assert then.startswith("dev: next: ")


# -------------------------------------------------------------------------------------------- processes


def test_a_tools_error_line_is_the_one_that_is_told() -> None:
    assert dev.last_error("Looking\nERROR: no such version\nsee the log\n") == "ERROR: no such version"
    assert dev.last_error("only this\n\n") == "only this"
    assert dev.last_error("") == "no output"


@pytest.mark.skipif(sys.platform == "win32", reason="process groups are POSIX")
def test_what_a_child_leaves_behind_is_ended(tmp_path: Path) -> None:
    told = tmp_path / "pid"
    code = f"""
import os, pathlib, subprocess
left = subprocess.Popen(["sleep", "60"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
pathlib.Path({str(told)!r}).write_text(str(left.pid))
os._exit(0)
"""
    assert dev.run([sys.executable, "-c", code]) == (0, "")
    pid = int(told.read_text(encoding="ascii"))
    deadline = time.monotonic() + 5
    while is_running(pid):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        status = Path(f"/proc/{pid}/stat")
        return not status.exists() or status.read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux needs a hidden screen")
def test_the_hidden_screen_shares_nothing_with_the_callers_desktop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-77")
    monkeypatch.setenv("DISPLAY", ":77")
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/run/user/77/bus")
    with dev.screen() as env:
        assert env["DISPLAY"] != ":77"
        assert "WAYLAND_DISPLAY" not in env
        assert Path(env["XDG_RUNTIME_DIR"]).stat().st_mode & 0o777 == 0o700
        assert env["XDG_RUNTIME_DIR"] in env["DBUS_SESSION_BUS_ADDRESS"]
    assert not Path(env["XDG_RUNTIME_DIR"]).exists()
