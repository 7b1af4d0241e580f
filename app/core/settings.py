"""What can be set, its bounds and its defaults: one frozen dataclass, and how plain data becomes one.

The one rule: a wrong value is never used and never silently replaced; it is named, with what is expected.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, TypeVar

from app.core.address import check_base_url
from app.core.shortcut import Action, Shortcut, parse
from app.core.terms import Ladder, Limits


@dataclass(frozen=True, slots=True)
class Settings:
    """All times in seconds."""

    base_url: str = ""
    """Where the recording API is; made from `area` when it is not given."""
    area: str = ""
    """The tenant's area, as in na1, eu1."""
    user_id: str = ""
    """The agent whose calls are masked: an opaque string."""
    ladder: Ladder = field(default_factory=Ladder)
    """When an agent who forgot to unmask is reminded."""
    limits: Limits = field(default_factory=Limits)
    hotkeys: Mapping[Action, Shortcut] = field(default_factory=dict)
    """None unless they are set: a combination that nobody chose may be one that the customer's form needs."""
    command_unmask: bool = True
    """Whether `maskbar unmask` may unmask."""

    @property
    def api_url(self) -> str:
        """[inf] The default is inferred from the vendor's SDK, so `base_url` overrides it."""
        return self.base_url or f"https://api-{self.area}.niceincontact.com"

    @property
    def sign_in_url(self) -> str:
        """The regional access-key sign-in, from the vendor's help."""
        if self.area:
            return f"https://{self.area}.nice-incontact.com/authentication/v1/token/access-key"
        return f"{self.base_url.rstrip('/')}/authentication/v1/token/access-key"


DEFAULTS = Settings()


class Complaint(NamedTuple):
    """One thing wrong with the data: the key as in the file, and what is expected there."""

    key: str
    expected: str


class SettingsError(Exception):
    """The data is not good settings; `complaints` says why, all of it."""

    def __init__(self, complaints: list[Complaint]) -> None:
        super().__init__("; ".join(f"{key}: {expected}" for key, expected in complaints))
        self.complaints = complaints


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError('expected a text in quotes that is not empty, like "na1"')
    return value.strip()


def _area(value: Any) -> str:
    text = _text(value)
    if not (text.replace("-", "").isalnum() and text.isascii()):
        raise ValueError('expected letters and digits only, like "na1"')
    return text.lower()


def _base_url(value: Any) -> str:
    return check_base_url(_text(value))


def _seconds(low: float, high: float) -> Callable[[Any], float]:
    def check(value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise ValueError(f"expected seconds, a number from {low:g} to {high:g}")
        if not low <= value <= high:
            raise ValueError(f"expected seconds from {low:g} to {high:g}")
        return float(value)

    return check


def _confirmation(value: Any) -> str:
    if value not in ("strict", "accepted"):
        raise ValueError('expected "strict" or "accepted"')
    return str(value)


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("expected true or false")  # noqa: TRY004  told like every other wrong value
    return value


def _shortcut(value: Any) -> Shortcut:
    return parse(_text(value))


# Section, key -> how it is read. The file's order in messages is the file's own.
KEYS: dict[str, dict[str, Callable[[Any], Any]]] = {
    "connection": {"base_url": _base_url, "area": _area, "user_id": _text},
    "reminders": {
        "remind_after": _seconds(10, 600),
        "alert_after": _seconds(10, 1800),
        "sound_after": _seconds(10, 1800),
        "sound_every": _seconds(10, 600),
        "snooze": _seconds(10, 600),
        "auto_unmask": _seconds(60, 7200),
        "countdown": _seconds(20, 120),
    },
    "masking": {
        "deadline": _seconds(5, 60),
        "evidence_life": _seconds(30, 3600),
        "confirmation": _confirmation,
        "settle": _seconds(1, 30),
    },
    "hotkeys": {action.value: _shortcut for action in Action},
    "command": {"unmask": _flag},
}


def from_data(data: Mapping[str, Any]) -> Settings:
    """Settings from plain data (a parsed TOML file). Raises SettingsError with every complaint there is."""
    values: dict[str, Any] = {}
    complaints = list(_read_all(data, values))
    if not complaints and not (values.get("connection.base_url") or values.get("connection.area")):
        complaints.append(Complaint("connection.base_url", "expected this or connection.area"))
    if not complaints and "connection.user_id" not in values:
        complaints.append(Complaint("connection.user_id", "expected the agent's user id"))
    if complaints:
        raise SettingsError(complaints)
    settings = Settings(
        base_url=values.get("connection.base_url", ""),
        area=values.get("connection.area", ""),
        user_id=values["connection.user_id"],
        ladder=_named(DEFAULTS.ladder, values, LADDER),
        limits=_named(DEFAULTS.limits, values, LIMITS),
        hotkeys={
            action: values[f"hotkeys.{action.value}"]
            for action in Action
            if f"hotkeys.{action.value}" in values
        },
        command_unmask=values.get("command.unmask", DEFAULTS.command_unmask),
    )
    if values.get("masking.confirmation") != "accepted":
        if settings.limits.settle is not None:
            raise SettingsError(
                [Complaint("masking.settle", 'expected only beside masking.confirmation = "accepted"')]
            )
    elif settings.limits.settle is None:
        settings = replace(settings, limits=replace(settings.limits, settle=DEFAULT_SETTLE))
    ladder = settings.ladder
    # Who moves one rung moves those above it that were not named.
    if "reminders.alert_after" not in values:
        ladder = replace(ladder, alert=max(ladder.alert, ladder.say + 60))
    if "reminders.sound_after" not in values:
        ladder = replace(ladder, sound=max(ladder.sound, ladder.alert + 60))
    if not ladder.say <= ladder.alert <= ladder.sound:
        raise SettingsError(
            [
                Complaint(
                    "reminders", "expected remind_after, alert_after, sound_after in this order of seconds"
                )
            ]
        )
    if ladder.auto_unmask is not None and ladder.auto_unmask < ladder.say + ladder.countdown:
        raise SettingsError(
            [Complaint("reminders.auto_unmask", "expected at least remind_after and countdown together")]
        )
    return replace(settings, ladder=ladder)


LADDER = {
    "say": "reminders.remind_after",
    "alert": "reminders.alert_after",
    "sound": "reminders.sound_after",
    "sound_every": "reminders.sound_every",
    "snooze": "reminders.snooze",
    "auto_unmask": "reminders.auto_unmask",
    "countdown": "reminders.countdown",
}
LIMITS = {
    "deadline": "masking.deadline",
    "evidence_life": "masking.evidence_life",
    "settle": "masking.settle",
}
DEFAULT_SETTLE = 3.0
"""Seconds, where the organisation has set `confirmation = "accepted"` and no more."""

T = TypeVar("T", Ladder, Limits)


def _named(defaults: T, values: Mapping[str, Any], names: Mapping[str, str]) -> T:
    """`defaults` with what `values` has under these names."""
    return replace(defaults, **{field: values[name] for field, name in names.items() if name in values})


def _read_all(data: Mapping[str, Any], values: dict[str, Any]) -> Iterator[Complaint]:
    for section, table in data.items():
        if section not in KEYS:
            yield Complaint(section, f"unknown; expected one of {', '.join(KEYS)}")
        elif not isinstance(table, Mapping):
            yield Complaint(section, f"expected a section [{section}]")
        else:
            for key, value in table.items():
                name = f"{section}.{key}"
                if key not in KEYS[section]:
                    yield Complaint(name, f"unknown; expected one of {', '.join(KEYS[section])}")
                    continue
                try:
                    values[name] = KEYS[section][key](value)
                except ValueError as error:
                    yield Complaint(name, f"{error}, found {_shown(value)}")


def _shown(value: Any) -> str:
    """The value as found; what may hold a password (user:password@host) is not repeated."""
    text = repr(value)
    return "a value with @ in it (not repeated here)" if "@" in text else text[:80]
