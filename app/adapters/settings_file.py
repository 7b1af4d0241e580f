"""The settings file: TOML in, `Settings` out.

The one rule: the file is only read; what is wrong with it is one clear line, and nothing is used of a wrong file.
"""

import tomllib
from pathlib import Path

from app.core.settings import Settings, SettingsError, from_data

LARGEST = 1_000_000
"""Bytes. Settings are a page; anything larger is another file."""


class SettingsFileError(Exception):
    """One line that names the file, the key and what is expected."""


def default_path() -> Path:
    from platformdirs import user_config_path  # not loaded when the file is named

    return user_config_path("MaskBar", appauthor=False) / "settings.toml"


def read(path: Path) -> Settings:
    """The settings in the file. Raises SettingsFileError."""
    try:
        with path.open("rb") as file:
            raw = file.read(LARGEST + 1)
    except FileNotFoundError:
        raise SettingsFileError(
            f"{path}: there is no such file; expected a TOML file with [connection] base_url (or area) and user_id"
        ) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise SettingsFileError(f"{path}: cannot be read ({reason}); expected a TOML file") from None
    if len(raw) > LARGEST:
        raise SettingsFileError(f"{path}: too large; expected a TOML file of less than {LARGEST} bytes")
    try:
        data = tomllib.loads(raw.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise SettingsFileError(f"{path}: is not UTF-8 at byte {error.start}; expected a TOML file") from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise SettingsFileError(f"{path}: is not TOML: {error}") from None
    try:
        return from_data(data)
    except SettingsError as error:
        raise SettingsFileError(f"{path}: {error}") from None
