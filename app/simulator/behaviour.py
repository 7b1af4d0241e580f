"""How the service answers one request: a Behaviour, and reading one from the control path's JSON.

The one rule: a Behaviour is plain data. It says what shall happen; `calls.py` lets it happen and `answers.py` says it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

LONGEST = 86_400.0  # seconds: a knob beyond a day is a typing error

PROCESSES = ("at-once", "lock", "accept", "for-ever")
BODIES = ("json", "empty", "html", "binary", "huge", "half", "drip", "never", "reset")
RETRY_AFTER_FORMS = ("seconds", "date")


class ControlError(ValueError):
    """What was asked on the control path makes no sense; the text is one sentence for whoever asked."""


@dataclass(frozen=True, slots=True)
class Behaviour:
    """One way of answering. Durations are in seconds.

    `process`: `at-once` answers `status`; `lock` answers 202, then 425 while the call is locked, then `status`;
    `accept` answers 202 until the work is done, then `status`; `for-ever` answers 202 whatever happens.
    """

    status: int = 200
    process: str = "at-once"
    effect: bool = True  # does the request ever reach the recording?
    effect_after: float = 0.0  # from the request's arrival until the recording changes
    lock_for: float = 0.0  # from the request's arrival until the call can be asked about again
    delay: float = 0.0  # from the request's arrival until the answer's first byte
    body: str = "json"
    retry_after: float | None = None
    retry_after_form: str = "seconds"
    holds: float | None = (
        None  # from the first request that met it; then one request is answered 200, then anew
    )
    location: str = "https://elsewhere.invalid/"  # for a 3xx
    drip_every: float = 0.3  # between two bytes of a `drip`
    size: int = 10_000_000  # bytes of a `huge` or `binary` body
    message: str = ""  # instead of the usual words in the answer's body


INSTANT = Behaviour()


def _number(value: Any, low: float, high: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise ControlError(f"a number from {low:g} to {high:g} is expected, not {value!r:.80}")
    return float(value)


def seconds(value: Any) -> float:
    return _number(value, 0.0, LONGEST)


def seconds_or_none(value: Any) -> float | None:
    return None if value is None else seconds(value)


def whole(low: int, high: int) -> Callable[[Any], int]:
    def read(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise ControlError(f"a whole number from {low} to {high} is expected, not {value!r:.80}")
        return value

    return read


def yes_or_no(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ControlError(f"true or false is expected, not {value!r:.80}")
    return value


def text(value: Any) -> str:
    """A text that can stand in a header, a JSON answer and a log line: printable, at most 2,000 characters."""
    if not isinstance(value, str) or len(value) > 2_000 or not value.isprintable():
        raise ControlError(f"a text is expected, not {str(value)[:40]!r}")
    return value


def header_text(value: Any) -> str:
    if not text(value).isascii():
        raise ControlError("a text of ASCII characters is expected")
    return str(value)


def one_of(*words: str) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if value not in words:
            raise ControlError(f"one of {', '.join(words)} is expected, not {value!r:.80}")
        return str(value)

    return read


_FIELDS: Mapping[str, Callable[[Any], Any]] = {
    "status": whole(200, 599),
    "process": one_of(*PROCESSES),
    "effect": yes_or_no,
    "effect_after": seconds,
    "lock_for": seconds,
    "delay": seconds,
    "body": one_of(*BODIES),
    "retry_after": seconds_or_none,
    "retry_after_form": one_of(*RETRY_AFTER_FORMS),
    "holds": seconds_or_none,
    "location": header_text,
    "drip_every": seconds,
    "size": whole(0, 100_000_000),
    "message": text,
}


def read_fields(given: Any, known: Mapping[str, Callable[[Any], Any]], what: str) -> dict[str, Any]:
    """Every given key checked by its reader.

    Raises:
        ControlError: not an object, an unknown key or a value that its reader refuses; the sentence names the key.
    """
    if not isinstance(given, dict):
        raise ControlError(f"{what} must be a JSON object")
    values: dict[str, Any] = {}
    for key, value in given.items():
        if key not in known:
            raise ControlError(f"{what} has no key {key!r:.80}; known are {', '.join(sorted(known))}")
        try:
            values[key] = known[key](value)
        except ControlError as error:
            raise ControlError(f"{what}, key {key!r:.80}: {error}") from None
    return values


def changed(behaviour: Behaviour, fields: Any, what: str = "a behaviour") -> Behaviour:
    """`behaviour` with the given fields instead of its own.

    A success that is turned into a failure (`{"status": 503}`) has no effect any more, unless `effect` is given too.
    """
    values = read_fields(fields, _FIELDS, what)
    if behaviour.status < 300 <= values.get("status", 200):
        values.setdefault("effect", False)
    return replace(behaviour, **values)
