"""What a record of the journal says, what it must never say, and how a changed journal is found out.

The one rule: nothing gets into a record but closed vocabularies, bounded numbers and short opaque names that have
been through `clean`; whatever looks like a card number, a token or text is replaced by a marker, and counted.

The fields are those that PCI DSS v4 names in 10.2.2: user, type, date and time, success or failure, origination,
and the affected resource. Order is the sequence's, never a clock's.

Past 300 lines, because the words, their bytes and the chain over the bytes are one format: a change to one of
them is a change to what an auditor can verify.
"""

import hashlib
import hmac
import json
import math
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Any, NamedTuple

from app.core.failures import Failure
from app.core.ports import Wish
from app.core.states import Phase


class Kind(Enum):
    """The type of event."""

    START = "start"
    STOP = "stop"
    UNCLEAN_END = "unclean-end"
    """The run before this one has no stop record."""
    INTENT = "intent"
    ATTEMPT = "attempt"
    STATE = "state"
    REMINDER = "reminder"
    ACKNOWLEDGED = "acknowledged"
    SNOOZED = "snoozed"
    """ "Still taking the card": the reminder was put off."""
    INCIDENT = "incident"
    """ "Card data may have been recorded"."""
    SIGN_IN = "sign-in"
    SIGN_OUT = "sign-out"
    SETTINGS = "settings"
    READ_BACK = "read-back"
    SUSPEND = "suspend"
    RESUME = "resume"
    CLOCK_STEP = "clock-step"
    FAULT = "fault"
    RETENTION = "retention"


class Outcome(Enum):
    """The success or failure indication."""

    SUCCESS = "success"
    FAILURE = "failure"
    UNKNOWN = "unknown"
    """It may have been done."""


class Origin(Enum):
    """Where an event came from: the surfaces of the window by their names in the controller, and who else acts."""

    BUTTON = "button"
    HOTKEY = "hotkey"
    TRAY = "tray"
    COMMAND = "command"
    RULE = "rule"
    """A rule of the organisation, such as the automatic unmask."""
    PROGRAM = "program"
    """MaskBar itself."""
    SYSTEM = "system"
    """The operating system: suspend, log-off, a termination signal."""
    RECORDER = "recorder"
    """The recording service."""


class Resource(Enum):
    """What the event is about."""

    RECORDING = "recording"
    PROGRAM = "program"
    JOURNAL = "journal"
    SIGN_IN = "sign-in"
    SETTINGS = "settings"
    COMPUTER = "computer"


class Fault(Enum):
    """What can be wrong with the journal, and the sentence for it."""

    FULL = ("full", "The disk is full: MaskBar keeps its records in memory until there is room.")
    READ_ONLY = ("read-only", "MaskBar may not write to its journal: records are kept in memory.")
    BUSY = ("busy", "Another program holds the journal: records are kept in memory.")
    DISK = ("disk", "The disk does not take the journal's records: they are kept in memory.")
    KEY = ("key", "The journal's key cannot be had: records are kept in memory.")
    SLOW = ("slow", "The disk is slow: a request left before its record was safe.")
    CORRUPT = ("corrupt", "The journal was damaged. It is kept aside, and a new one has begun.")
    KEYLESS = (
        "keyless",
        "The journal's key was missing. The journal is kept aside, and a new one has begun.",
    )
    CHANGED = ("changed", "The journal's last records do not verify: somebody or something changed them.")
    TORN = ("torn", "The end of the journal was torn: records that were safe are gone.")
    GONE = ("gone", "The journal was moved or removed while it was in use. A new one has begun.")
    LOST = ("lost", "Too many records waited for the disk: some are lost.")

    def __init__(self, word: str, sentence: str) -> None:
        self.word = word
        self.sentence = sentence


class Moment(NamedTuple):
    """wall: seconds since 1970, UTC. monotonic: seconds on the machine's own clock."""

    wall: float
    monotonic: float


@dataclass(frozen=True, slots=True)
class Scene:
    """What stays the same from record to record. All opaque names; "" where there is none.

    user     the agent
    station  the machine
    service  the recording service (a host name)
    run      this run of MaskBar
    boot     this start of the machine: what `monotonic` counts from
    version  MaskBar's
    """

    user: str = ""
    station: str = ""
    service: str = ""
    run: str = ""
    boot: str = ""
    version: str = ""


class Head(NamedTuple):
    """The last record of a journal: exported and kept elsewhere, it tells a journal that was cut off behind it."""

    sequence: int
    mac: bytes

    def __str__(self) -> str:
        return f"{self.sequence}-{letters(self.mac)}"

    @classmethod
    def parse(cls, text: str) -> "Head":
        """Raises ValueError with what is expected."""
        number, dash, rest = text.strip().partition("-")
        if not (dash and re.fullmatch("[0-9]{1,18}", number) and re.fullmatch("[a-p]{64}", rest)):
            raise ValueError(
                "expected a head as `maskbar audit head` prints it: a number, -, 64 letters a to p"
            )
        return cls(int(number), from_letters(rest))


@dataclass(frozen=True, slots=True)
class Entry:
    """One record before it is written; the sequence is the journal's to give.

    operation     the wish that it is about
    correlation   the id that the attempt carried
    status        HTTP status
    duration      ms
    server_time   the server's Date, seconds since 1970
    phase         what is known of the recording after this record
    masked_since  seconds since 1970
    contact       the call, where it is known
    setting       the name of the setting that changed (`section.key`), never its value
    span          the time window of an incident, seconds since 1970
    cut           retention: the last record that was cut
    amount        a number whose meaning the kind gives: rung of a reminder, ms of a clock step (signed) or of a
                  suspend, records cut by a retention, records lost by a fault
    """

    kind: Kind
    at: Moment
    scene: Scene
    outcome: Outcome = Outcome.SUCCESS
    origin: Origin = Origin.PROGRAM
    resource: Resource = Resource.RECORDING
    operation: Wish | None = None
    ticket: int | None = None
    correlation: str = ""
    status: int | None = None
    failure: Failure | None = None
    duration: int | None = None
    server_time: float | None = None
    phase: Phase | None = None
    masked_since: float | None = None
    contact: str = ""
    setting: str = ""
    fault: Fault | None = None
    span: tuple[float, float] | None = None
    cut: Head | None = None
    amount: int | None = None


FIELDS = (
    "at",
    "monotonic_ms",
    "boot",
    "run",
    "kind",
    "outcome",
    "origin",
    "resource",
    "user",
    "station",
    "service",
    "version",
    "operation",
    "ticket",
    "correlation",
    "status",
    "failure",
    "duration_ms",
    "server_time",
    "phase",
    "masked_since",
    "contact",
    "setting",
    "fault",
    "span_from",
    "span_to",
    "cut",
    "amount",
    "removed",
)
"""All that a record can have, in the order of an export's columns. Times are UTC, ISO 8601."""

# What no record holds.

LONGEST = 96
"""Characters of an opaque name: longer than any id that is known, shorter than a token."""
MOST_SPACES = 3
"""Spaces in an opaque name, as in a person's. More is a sentence."""
_CARD = re.compile(r"\d(?:[\s\-‐-―−._/·]*\d){12,}")
"""13 digits or more, in any script, also when spaces, dashes or points stand between them."""
_TOKEN = re.compile(r"(?i)\bbearer\b|\beyJ[\w-]|://[^/\s]*@")
_SETTING = re.compile(r"[a-z][a-z_]{0,40}(\.[a-z][a-z_]{0,40})?")
_MOST = 10**12 - 1
"""Twelve digits: no number in a record can be a card's."""


def card_like(text: str) -> bool:
    """Whether a card number could stand in the text. Ids of ours are drawn anew until it says no."""
    return _CARD.search(text) is not None


def clean(text: str) -> tuple[str, bool]:
    """The name as it may be written, and whether it was replaced. The whole of it goes: half a card is a card's half."""
    if len(text) > LONGEST:
        return "[removed: long]", True
    if any(unicodedata.category(sign)[0] in "CZ" and sign != " " for sign in text):
        return "[removed: control]", True
    if card_like(text):
        return "[removed: digits]", True
    if text.count(" ") > MOST_SPACES:
        return "[removed: text]", True
    if _TOKEN.search(text):
        return "[removed: token]", True
    return text, False


class _Writer:
    """Collects the fields of one record, and counts what was removed."""

    def __init__(self) -> None:
        self.fields: dict[str, str | int] = {}
        self.removed = 0

    def name(self, field: str, text: str) -> None:
        if text:
            self.fields[field], removed = clean(text)
            self.removed += removed

    def number(self, field: str, number: int | None) -> None:
        if number is not None:
            self.removed += abs(number) > _MOST
            self.fields[field] = max(-_MOST, min(int(number), _MOST))

    def time(self, field: str, seconds: float | None) -> None:
        if seconds is not None:
            good = math.isfinite(seconds) and 0 <= seconds < 253_402_300_799
            self.removed += not good
            when = datetime.fromtimestamp(round(seconds, 3) if good else 0.0, UTC)
            self.fields[field] = when.isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def word(self, field: str, word: Enum | None) -> None:
        if word is not None:
            self.fields[field] = word.name if isinstance(word, Failure) else str(word.value)


def body(entry: Entry) -> bytes:
    """The record's canonical bytes: JSON in ASCII, keys in order, no spaces. Never fails on what a name holds."""
    to = _Writer()
    to.time("at", entry.at.wall)
    mono = entry.at.monotonic
    to.number("monotonic_ms", int(mono * 1000) if abs(mono) < _MOST else _MOST + 1)  # also what is no number
    for field in ("user", "station", "service", "run", "boot", "version"):
        to.name(field, getattr(entry.scene, field))
    for field in ("kind", "outcome", "origin", "resource", "operation", "failure", "phase"):
        to.word(field, getattr(entry, field))
    to.name("correlation", entry.correlation)
    to.name("contact", entry.contact)
    if entry.setting:
        good = _SETTING.fullmatch(entry.setting) is not None
        to.fields["setting"] = entry.setting if good else "[removed: setting]"
        to.removed += not good
    if entry.fault is not None:
        to.fields["fault"] = entry.fault.word
    if entry.cut is not None:
        to.fields["cut"] = str(entry.cut)
    to.number("ticket", entry.ticket)
    to.number("status", entry.status)
    to.number("duration_ms", entry.duration)
    to.number("amount", entry.amount)
    to.time("server_time", entry.server_time)
    to.time("masked_since", entry.masked_since)
    if entry.span is not None:
        to.time("span_from", entry.span[0])
        to.time("span_to", entry.span[1])
    if to.removed:
        to.fields["removed"] = to.removed
    return json.dumps(to.fields, sort_keys=True, separators=(",", ":")).encode("ascii")


def fields(data: bytes) -> dict[str, str | int]:
    """What the record's bytes say. ValueError when they are not a record's."""
    read: Any = json.loads(data)
    if not isinstance(read, dict) or not all(isinstance(value, str | int) for value in read.values()):
        raise ValueError("not a record")
    return read


def seconds(text: str) -> float:
    """Seconds since 1970 of a time in a record. ValueError when it is none."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC).timestamp()


# The chain.

_TO_LETTERS = str.maketrans("0123456789abcdef", "abcdefghijklmnop")
_FROM_LETTERS = str.maketrans("abcdefghijklmnop", "0123456789abcdef")


def letters(data: bytes) -> str:
    """Bytes as letters a to p, two for each: hexadecimal without digits, so that no digest looks like a card number."""
    return data.hex().translate(_TO_LETTERS)


def from_letters(text: str) -> bytes:
    """Raises ValueError when they are none."""
    if not re.fullmatch("([a-p]{2})*", text):
        raise ValueError("expected letters a to p, two for each byte")
    return bytes.fromhex(text.translate(_FROM_LETTERS))


MAC_SIZE = hashlib.sha256().digest_size
GENESIS = Head(0, bytes(MAC_SIZE))
"""What the first record follows."""


def link(key: bytes, before: bytes, sequence: int, data: bytes) -> bytes:
    """The mac of a record: HMAC-SHA-256 over the mac before it, its sequence number and its bytes."""
    return hmac.digest(key, b"maskbar journal 1\0" + before + sequence.to_bytes(8, "big") + data, "sha256")


class Why(Enum):
    """What is wrong with the first bad record."""

    EDITED = "it is not what was written"
    MISSING = "it is missing"
    OUT_OF_ORDER = "it stands in the wrong place"
    CUT_OFF = "it and all after it are missing: the journal ends before the head"
    OTHER_HEAD = "it is not the record of the head"
    UNVOUCHED = "the records from here are missing, and no retention record says so"


@dataclass(frozen=True, slots=True)
class Verdict:
    """`last` is the last good record, `count` how many were good; `bad` the first bad sequence number and `why`.

    head_seen: the given head was met; None when none was given. False with `bad` None: retention has cut it.
    """

    last: Head
    count: int
    bad: int | None = None
    why: Why | None = None
    head_seen: bool | None = None


def verify(
    rows: Iterable[tuple[Any, Any, Any]], key: bytes, anchor: Head = GENESIS, head: Head | None = None
) -> Verdict:
    """Walk (sequence, bytes, mac) in the order of the sequence, with one record in memory.

    `anchor` is the last record that retention cut (any value may be claimed: a retention record of the chain has
    to vouch for it). `head` was exported earlier.
    """
    last, count = anchor, 0
    vouched = anchor == GENESIS
    seen = None if head is None else head == anchor
    for sequence, data, mac in rows:
        wanted = last.sequence + 1
        if sequence != wanted:
            later = isinstance(sequence, int) and sequence > wanted
            return Verdict(last, count, wanted, Why.MISSING if later else Why.OUT_OF_ORDER, seen)
        if not isinstance(data, bytes) or not isinstance(mac, bytes):
            return Verdict(last, count, wanted, Why.EDITED, seen)
        if not hmac.compare_digest(link(key, last.mac, wanted, data), mac):
            return Verdict(last, count, wanted, Why.EDITED, seen)
        if head is not None and head.sequence == wanted:
            if head.mac != mac:
                return Verdict(last, count, wanted, Why.OTHER_HEAD, False)
            seen = True
        if not vouched and b'"cut":' in data:
            vouched = fields(data).get("cut") == str(anchor)
        last, count = Head(wanted, mac), count + 1
    if not vouched:
        return Verdict(last, count, 1, Why.UNVOUCHED, seen)
    if head is not None and head.sequence > last.sequence:
        return Verdict(last, count, last.sequence + 1, Why.CUT_OFF, False)
    if head is not None and head.sequence == anchor.sequence and head != anchor:
        return Verdict(last, count, anchor.sequence, Why.OTHER_HEAD, False)
    return Verdict(last, count, head_seen=seen)
