"""Everything about the simulated tenant that can be set, except its calls, and reading it from JSON.

The one rule: knobs are frozen; a wrong one changes nothing at all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from app.simulator.behaviour import (
    INSTANT,
    Behaviour,
    ControlError,
    changed,
    one_of,
    read_fields,
    seconds,
    text,
    whole,
    yes_or_no,
)
from app.simulator.scenarios import scenario

OPS = ("mask", "unmask", "read", "token")
MOST_SCRIPTED = 1_000
Script = Mapping[str, tuple[Behaviour, ...]]


@dataclass(frozen=True, slots=True)
class Knobs:
    mask: Behaviour = INSTANT
    unmask: Behaviour = INSTANT
    read: Behaviour = INSTANT  # the read-back, when it is granted
    token: Behaviour = INSTANT  # both ways of signing in
    script: Script = field(default_factory=dict)  # per op: for the next requests, then the default above
    read_back: bool = False  # is the read-back granted? Else it answers 403
    read_back_spelling: str = (
        "pascal"  # NoRecording, or NORECORDING as another of the vendor's sources has it
    )
    read_back_says: Mapping[str, str] = field(
        default_factory=dict
    )  # fields answered instead of the true ones
    permission: bool = True  # api.md: Interactions Hub > APIs > Multi-ACD Masking API
    token_life: float = 3600.0  # seconds, of the tokens issued from now on
    refresh: bool = True  # are refresh tokens taken?
    wrong_key_status: int = 401  # the vendor's own sources show 401 and 400
    unmask_picks: str = "joined-last"  # which call Unmask acts on is not stated by the vendor

    def behaviour(self, op: str) -> Behaviour:
        chosen: Behaviour = getattr(self, op)
        return chosen

    def as_json(self) -> dict[str, Any]:
        """As the control path takes it back: all of it."""
        values = {name: getattr(self, name) for name in self.__slots__}
        for op in OPS:
            values[op] = asdict(values[op])
        values["script"] = {op: [asdict(b) for b in queue] for op, queue in self.script.items()}
        values["read_back_says"] = dict(self.read_back_says)
        return values


def _behaviour(given: Any, current: Behaviour, what: str) -> Behaviour:
    """A scenario's name; or fields that change the current one, or the one of the scenario named in `scenario`."""
    if isinstance(given, str):
        return scenario(given).behaviour
    if isinstance(given, dict) and "scenario" in given:
        fields = {key: value for key, value in given.items() if key != "scenario"}
        return changed(scenario(given["scenario"]).behaviour, fields, what)
    return changed(current, given, what)


def _script(given: Any) -> Script:
    def queue(entries: Any) -> tuple[Behaviour, ...]:
        if not isinstance(entries, list) or len(entries) > MOST_SCRIPTED:
            raise ControlError(f"a list of at most {MOST_SCRIPTED} behaviours is expected")
        return tuple(_behaviour(entry, INSTANT, "a scripted behaviour") for entry in entries)

    return read_fields(given, dict.fromkeys(OPS, queue), "script")


def _says(given: Any) -> Mapping[str, str]:
    fields = (
        "contactId",
        "segmentId",
        "interactionId",
        "statusReason",
        "recordingStatusToAgent",
        "recordingStatusFromAgent",
    )
    return read_fields(given, dict.fromkeys(fields, text), "read_back_says")


def turned(knobs: Knobs, given: Any) -> Knobs:
    """`knobs` with the given ones turned.

    Raises:
        ControlError: with one sentence that names the wrong key.
    """
    readers: dict[str, Callable[[Any], Any]] = {
        op: lambda value, op=op: _behaviour(value, knobs.behaviour(op), op)  # type: ignore[misc]
        for op in OPS
    }
    readers |= {
        "script": _script,
        "read_back": yes_or_no,
        "read_back_spelling": one_of("pascal", "upper"),
        "read_back_says": _says,
        "permission": yes_or_no,
        "token_life": seconds,
        "refresh": yes_or_no,
        "wrong_key_status": whole(400, 499),
        "unmask_picks": one_of("joined-last", "masked-last"),
    }
    return replace(knobs, **read_fields(given, readers, "the knobs"))


def in_scenario(
    knobs: Knobs, name: Any, ops: tuple[str, ...] = ("mask", "unmask"), fields: Any = None
) -> Knobs:
    """The named scenario for the given ops, with `fields` changed; `instant` for the others, and no script."""
    chosen = changed(scenario(name).behaviour, fields or {}, "the scenario")
    given: dict[str, Any] = {op: chosen if op in ops else INSTANT for op in OPS}
    return replace(knobs, script={}, **given)
