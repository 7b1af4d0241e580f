"""Start at login: what is written is what each system reads, and what is changed by other means is what we say."""

import configparser
import plistlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from app import APP_ID, NAME
from app.adapters.desktop.autostart import (
    APPROVED,
    RUN,
    Autostart,
    AutostartError,
    LaunchAgent,
    RunKey,
    XdgAutostart,
    choose,
)

COMMAND = ["/opt/Mask Bar/maskbar", "--log", 'a "quoted" $HOME 100%']


class Registry:
    """winreg, as far as it is used: its contract is that of the module's documentation."""

    HKEY_CURRENT_USER, REG_SZ, KEY_SET_VALUE = 1, 1, 2

    def __init__(self) -> None:
        self.values: dict[tuple[str, str], Any] = {}
        self.refuses = False

    class Key:
        def __init__(self, path: str) -> None:
            self.path = path

        def __enter__(self) -> "Registry.Key":
            return self

        def __exit__(self, *_: object) -> None: ...

    def CreateKey(self, _root: int, path: str) -> Key:
        if self.refuses:
            raise PermissionError(13, "Access is denied")
        return self.Key(path)

    def OpenKey(self, _root: int, path: str, _reserved: int = 0, _access: int = 0) -> Key:
        if not any(at == path for at, _ in self.values):
            raise FileNotFoundError(2, "The system cannot find the file specified")
        if self.refuses:
            raise PermissionError(13, "Access is denied")
        return self.Key(path)

    def SetValueEx(self, key: Key, name: str, _reserved: int, _kind: int, value: str) -> None:
        self.values[key.path, name] = value

    def QueryValueEx(self, key: Key, name: str) -> tuple[Any, int]:
        if (key.path, name) not in self.values:
            raise FileNotFoundError(2, "The system cannot find the file specified")
        return self.values[key.path, name], 1

    def DeleteValue(self, key: Key, name: str) -> None:
        if (key.path, name) not in self.values:
            raise FileNotFoundError(2, "The system cannot find the file specified")
        del self.values[key.path, name]


def on_off_on(autostart: Autostart) -> None:
    assert not autostart.is_enabled()
    autostart.disable()  # what is off can be switched off
    for _ in range(2):
        autostart.enable(COMMAND)
        assert autostart.is_enabled()
    autostart.disable()
    assert not autostart.is_enabled()
    autostart.enable(COMMAND)


def test_xdg(tmp_path: Path) -> None:
    autostart = XdgAutostart({"XDG_CONFIG_HOME": str(tmp_path)})
    on_off_on(autostart)
    assert autostart.path == tmp_path / "autostart" / f"{APP_ID}.desktop"
    text = autostart.path.read_text(encoding="utf-8")
    entry = configparser.RawConfigParser()
    entry.read_string(text)
    assert entry["Desktop Entry"]["Type"] == "Application"
    # As a desktop reads it: the string's escapes, then the arguments' quotes, then the field codes.
    line = entry["Desktop Entry"]["Exec"].replace("\\\\", "\\").replace("%%", "%")
    read = subprocess.check_output(("sh", "-c", f"printf '%s\\n' {line}"), text=True)
    assert read.splitlines() == COMMAND
    for off in ("Hidden=true", "X-GNOME-Autostart-enabled = false"):
        autostart.path.write_text(f"{text}{off}\n", encoding="utf-8")
        assert not autostart.is_enabled()


def test_launch_agent(tmp_path: Path) -> None:
    autostart = LaunchAgent(tmp_path)
    on_off_on(autostart)
    agent = plistlib.loads((tmp_path / "Library/LaunchAgents" / f"{APP_ID}.plist").read_bytes())
    assert agent == {"Label": APP_ID, "ProgramArguments": COMMAND, "RunAtLoad": True}
    autostart.path.write_bytes(plistlib.dumps(agent | {"Disabled": True}))
    assert not autostart.is_enabled()
    autostart.path.write_bytes(b"nonsense")
    assert not autostart.is_enabled()


def test_run_key() -> None:
    registry = Registry()
    autostart = RunKey(registry)
    on_off_on(autostart)
    assert registry.values[RUN, NAME].startswith('"/opt/Mask Bar/maskbar" --log ')
    registry.values[APPROVED, NAME] = b"\x03" + bytes(11)  # switched off in the task manager
    assert not autostart.is_enabled()
    autostart.enable(COMMAND)
    assert autostart.is_enabled()
    registry.refuses = True
    for act in (autostart.disable, lambda: autostart.enable(COMMAND)):
        with pytest.raises(AutostartError, match="Access is denied"):
            act()


def test_a_folder_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "autostart").write_text("a file in its place")
    with pytest.raises(AutostartError, match=r"cannot be written \(.*\)\.$"):
        XdgAutostart({"XDG_CONFIG_HOME": str(tmp_path)}).enable(COMMAND)


def test_each_system_has_its_own_way() -> None:
    assert isinstance(choose("linux"), XdgAutostart)
    assert isinstance(choose("darwin"), LaunchAgent)
    if sys.platform == "win32":
        assert isinstance(choose("win32"), RunKey)
