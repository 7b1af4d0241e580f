"""What is said between a window and the commands that speak to it: one line of JSON each way, versioned and short.

The one rule: a request is exactly one of the known ones, whole and in its place, or it is an error: nothing is
guessed, nothing is passed over, nothing is done for half a line.

A caller sends one request and then only listens:

    {"maskbar": 1, "op": "mask", "wait": 10}        op: one of OPS; wait (mask, unmask, toggle): seconds or null

The window answers with lines, and closes after the last:

    {"maskbar": 1, "answer": "taken", "within": 12.5}               it comes to an end within so many seconds
    {"maskbar": 1, "answer": "ended", "result": "done", "reason": "", "status": {…}}
    {"maskbar": 1, "answer": "status", "status": {…}}               one to `status`, one for each change to `follow`
    {"maskbar": 1, "answer": "error", "reason": "…"}                the request was none; nothing was done
    {"maskbar": 1, "answer": "bye", "reason": "…", "going": true}   the window goes; false: this caller has to

The document under "status" is the one of `app.core.status`; the results are its `Result`s.
Both sides load this file, the caller at each start. The package json brings re and enum with it, which take half as
long as a bare start of Python: so a caller, who believes the window, reads with that package's own scanner alone. The
window, which believes nobody, takes the whole package.
"""

from _json import make_scanner

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

VERSION = 1
LONGEST_REQUEST = 1024
"""Bytes with the end of line."""
LONGEST_ANSWER = 64 * 1024
LONGEST_WAIT = 3600.0
"""Seconds."""

WISHES = frozenset({"mask", "unmask", "toggle"})
OPS = WISHES | {"show", "quit", "status", "follow", "incident"}


class NotARequestError(ValueError):
    """The sentence says what is wrong; it repeats nothing of what was sent."""


class Request:
    """`wait`: seconds, None for as long as the wish takes."""

    __slots__ = ("op", "wait")

    def __init__(self, op: str, wait: float | None = None) -> None:
        self.op = op
        self.wait = wait

    def line(self) -> bytes:
        wait = "null" if self.wait is None else repr(float(self.wait))
        more = f',"wait":{wait}' if self.op in WISHES else ""
        return f'{{"maskbar":{VERSION},"op":"{self.op}"{more}}}\n'.encode("ascii")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Request) and (self.op, self.wait) == (other.op, other.wait)

    def __hash__(self) -> int:
        return hash((self.op, self.wait))

    def __repr__(self) -> str:
        return f"Request({self.op!r}, {self.wait!r})"


def line(said: dict[str, object]) -> bytes:
    """One line of ASCII: no console and no pipe has to know an encoding."""
    import json

    return json.dumps(said, separators=(",", ":")).encode("ascii") + b"\n"


def parse(raw: bytes) -> Request:
    """The request in one line without its end. Raises NotARequestError, and nothing else, for any bytes."""
    import json

    if len(raw) >= LONGEST_REQUEST:
        raise NotARequestError(f"longer than {LONGEST_REQUEST} bytes")
    try:
        said = json.loads(raw.decode("utf-8"), object_pairs_hook=_object, parse_constant=_no_number)
    except NotARequestError:
        raise
    except (ValueError, RecursionError):
        raise NotARequestError("not a line of JSON in UTF-8") from None
    if not isinstance(said, dict):
        raise NotARequestError("not a JSON object")
    version = said.pop("maskbar", None)
    if type(version) is not int or version != VERSION:
        raise NotARequestError(f'expected "maskbar": {VERSION}, the version that this window speaks')
    op = said.pop("op", None)
    if not isinstance(op, str) or op not in OPS:
        raise NotARequestError(f'expected "op" to be one of {", ".join(sorted(OPS))}')
    wait = _wait(said.pop("wait", None)) if op in WISHES else None
    if said:
        raise NotARequestError(f'expected nothing but "maskbar" and "op"{_or_wait(op)}')
    return Request(op, wait)


class _Plain:
    """How the scanner is to read: as `json.loads` does."""

    strict = True
    object_hook = object_pairs_hook = None
    parse_float = parse_constant = float
    parse_int = int


_scan = make_scanner(_Plain())  # type: ignore[arg-type]  # typeshed asks for another scanner here


def heard(raw: bytes) -> "dict[str, Any]":
    """What a window said in one line. Raises ValueError when it is not of this version."""
    try:
        said = _scan(raw.decode("ascii"), 0)[0]
    except (StopIteration, RecursionError):
        said = None
    if not isinstance(said, dict) or said.get("maskbar") != VERSION or "answer" not in said:
        raise ValueError("the window speaks another version")
    return said


def _or_wait(op: str) -> str:
    return ' and "wait"' if op in WISHES else ""


def _wait(wait: object) -> float | None:
    if wait is None:
        return None
    # A bool is an int to Python, and not to us. What is no number (NaN) is in no range.
    if isinstance(wait, bool) or not isinstance(wait, int | float) or not 0 <= wait <= LONGEST_WAIT:
        raise NotARequestError(f'expected "wait" to be null or seconds from 0 to {LONGEST_WAIT:g}')
    return float(wait)


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise NotARequestError("a key is there twice")
    return found


def _no_number(_: str) -> object:
    raise NotARequestError("not a line of JSON in UTF-8")
