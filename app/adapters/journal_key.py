"""The journal's key as a file beside it, until the operating system's keyring holds it.

The one rule: a key that is there is never replaced, and never readable for anybody else.
"""

import os
import secrets
import time
from collections.abc import Callable
from pathlib import Path

KEY_SIZE = 32
"""Bytes."""

KeySource = Callable[[], tuple[bytes, bool]]
"""Gives the key, and whether it was made just now. May raise OSError or ValueError; is called in the journal's thread."""


def key_file(journal: Path) -> Path:
    return journal.with_name("journal.key")


def file_key(path: Path) -> KeySource:
    """A source that reads the file, and makes it (0600) when it is not there."""

    def source() -> tuple[bytes, bool]:
        try:
            return read_key(path), False
        except FileNotFoundError:
            return _made(path)

    return source


def read_key(path: Path) -> bytes:
    """Raises OSError, FileNotFoundError among them, and ValueError when the file holds no key."""
    for _ in range(20):
        key = path.read_bytes()
        if len(key) == KEY_SIZE:
            return key
        if key:
            break
        time.sleep(0.01)  # another MaskBar has made the file and is about to write it
    raise ValueError(f"{path} does not hold a key of {KEY_SIZE} bytes")


def _made(path: Path) -> tuple[bytes, bool]:
    key = secrets.token_bytes(KEY_SIZE)
    try:
        to = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_BINARY", 0), 0o600)
    except FileExistsError:
        return read_key(path), False
    try:
        written = os.write(to, key)  # 32 bytes in one call: a reader sees none of them or all
        os.fsync(to)
    except OSError:
        written = 0
    finally:
        os.close(to)
    if written != KEY_SIZE:
        # A file without a key would stand in the way of the next try.
        path.unlink(missing_ok=True)
        raise OSError(f"no room for the key in {path.parent}")
    sync_folder(path.parent)
    return key, True


def sync_folder(folder: Path) -> None:
    """Make a new name in the folder outlive a power cut. Windows has no such call, and needs none."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
