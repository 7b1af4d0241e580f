"""Start at login, as each system has it: XDG autostart, Windows' Run key, a macOS LaunchAgent.

The one rule: the system is asked each time and nothing of it is stored elsewhere, so what the agent or the
organisation changes by other means is what we say.

Windows and macOS are not run yet: tests/session holds them to a recorded contract.
"""

import os
import plistlib
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from app import APP_ID, NAME


class AutostartError(Exception):
    """The system does not let us; the text is a whole sentence."""


class Autostart(Protocol):
    def is_enabled(self) -> bool: ...

    def enable(self, command: Sequence[str]) -> None:
        """Start `command` at the next login. Raises AutostartError."""
        ...

    def disable(self) -> None:
        """Raises AutostartError."""
        ...


class _File:
    """Start at login by a file that is there or is not."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def disable(self) -> None:
        try:
            self.path.unlink(missing_ok=True)
        except OSError as error:
            raise AutostartError(f"{self.path} cannot be removed ({error.strerror}).") from None

    def _write(self, data: bytes) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            part = self.path.with_suffix(".part")
            part.write_bytes(data)
            part.replace(self.path)
        except OSError as error:
            raise AutostartError(f"{self.path} cannot be written ({error.strerror}).") from None

    def _read(self) -> bytes | None:
        try:
            return self.path.read_bytes()
        except OSError:
            return None


class XdgAutostart(_File):
    """freedesktop.org's Desktop Application Autostart Specification 0.5."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        config = Path(environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
        super().__init__(config / "autostart" / f"{APP_ID}.desktop")

    def is_enabled(self) -> bool:
        lines = (self._read() or b"Hidden=true").decode("utf-8", "replace").splitlines()
        off = {"Hidden=true", "X-GNOME-Autostart-enabled=false"}  # how desktops' own settings switch it off
        return not off & {line.replace(" ", "") for line in lines}

    def enable(self, command: Sequence[str]) -> None:
        text = (
            "[Desktop Entry]\n"
            "Type=Application\n"
            f"Name={NAME}\n"
            f"Exec={' '.join(_quoted(word) for word in command)}\n"
            f"Icon={APP_ID}\n"
            "Terminal=false\n"
            "StartupNotify=false\n"
        )
        self._write(text.encode())


def _quoted(word: str) -> str:
    """As the Desktop Entry Specification 1.5 wants an argument of Exec: quoted, then escaped as a string."""
    quoted = "".join(f"\\{letter}" if letter in '"`$\\' else letter for letter in word)
    return '"' + quoted.replace("\\", "\\\\").replace("%", "%%") + '"'


class LaunchAgent(_File):
    """~/Library/LaunchAgents: launchd reads it at the next login."""

    def __init__(self, home: Path | None = None) -> None:
        super().__init__((home or Path.home()) / "Library" / "LaunchAgents" / f"{APP_ID}.plist")

    def is_enabled(self) -> bool:
        try:
            found = plistlib.loads(self._read() or b"")
        except (plistlib.InvalidFileException, ValueError):
            return False
        return isinstance(found, dict) and bool(found.get("RunAtLoad")) and not found.get("Disabled")

    def enable(self, command: Sequence[str]) -> None:
        agent = {"Label": APP_ID, "ProgramArguments": list(command), "RunAtLoad": True}
        self._write(plistlib.dumps(agent))


RUN = r"Software\Microsoft\Windows\CurrentVersion\Run"
APPROVED = r"Software\Microsoft\Windows\CurrentVersion\Explorer\StartupApproved\Run"
"""Where the task manager notes what the agent switched off: a first byte that is odd."""


class RunKey:
    """Windows' Run key of the user."""

    def __init__(self, registry: Any = None) -> None:
        """`registry` is the module winreg."""
        if registry is None:
            import winreg as registry  # type: ignore[import-not-found,unused-ignore]
        self._registry = registry

    def is_enabled(self) -> bool:
        if self._value(RUN) is None:
            return False
        approved = self._value(APPROVED)
        return not (isinstance(approved, bytes) and approved and approved[0] & 1)

    def enable(self, command: Sequence[str]) -> None:
        import subprocess

        registry = self._registry
        try:
            with registry.CreateKey(registry.HKEY_CURRENT_USER, RUN) as key:
                registry.SetValueEx(key, NAME, 0, registry.REG_SZ, subprocess.list2cmdline(command))
            self._forget(APPROVED)
        except OSError as error:
            raise AutostartError(f"Windows does not let MaskBar start at login ({error}).") from None

    def disable(self) -> None:
        try:
            self._forget(RUN)
        except OSError as error:
            raise AutostartError(f"Windows keeps MaskBar starting at login ({error}).") from None

    def _value(self, path: str) -> object:
        registry = self._registry
        try:
            with registry.OpenKey(registry.HKEY_CURRENT_USER, path) as key:
                value: object = registry.QueryValueEx(key, NAME)[0]
                return value
        except OSError:
            return None

    def _forget(self, path: str) -> None:
        registry = self._registry
        try:
            with registry.OpenKey(registry.HKEY_CURRENT_USER, path, 0, registry.KEY_SET_VALUE) as key:
                registry.DeleteValue(key, NAME)
        except FileNotFoundError:
            pass


def choose(platform: str = sys.platform) -> Autostart:
    if platform == "win32":
        return RunKey()
    return LaunchAgent() if platform == "darwin" else XdgAutostart()
