"""Reads what the service answered into an `Answer`: its status, its words, its clock.

The one rule: only a whole, plain 200 is a confirmation. The body is never needed for anything but words; one that is
no text (binary, another charset than it says) is not this API's.

Sources: the vendor's description of the Mask and Unmask APIs for the statuses that it names; RFC 9110 for the others.
"""

import json
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC

from app.core.failures import Failure
from app.core.ports import Answer

WORDS_LIMIT = 200
"""Characters of the service's own words that are kept."""

LONGEST_WAIT = 86_400.0
"""Seconds: a Retry-After beyond a day is a day. The caller's deadline is shorter anyway."""

_FAILURES = {
    401: Failure.SIGN_IN,
    403: Failure.NOT_ALLOWED,
    404: Failure.NO_CALL,
    # A server's or a proxy's time-out. Some mean "you were too slow", some "the one behind me was": nobody can know.
    408: Failure.SERVER_TIMEOUT,
    422: Failure.INTERNAL_CALL,
    425: Failure.LOCKED,
    429: Failure.THROTTLED,
    503: Failure.AWAY,
    504: Failure.SERVER_TIMEOUT,
}

# 404 and 422 end the wish, and a 404 even ends the reminders. A web server that knows nothing of calls says 404 too,
# with a page: that must not count.
_NEVER_A_PAGE = frozenset({404, 422})

_WORD_KEYS = (
    "message",
    "description",
    "error_description",
    "errorDescription",
    "error",
    "details",
    "code",
)
_CARD_LIKE = re.compile(r"\d(?:[\s\-‐-―._/]{0,3}\d){12,}")
_TOKEN_LIKE = re.compile(r"[A-Za-z0-9_\-.~+/=]{64,}")
_CHARSET = re.compile(r"""charset\s*=\s*["']?(utf-8|utf-16(?:le|be)?|us-ascii|iso-8859-1|windows-1252)\b""")
_SECONDS = re.compile(r"[0-9]{1,9}(\.[0-9]{1,6})?")


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer that came whole, or whose body was cut off by us because it was too long.

    headers   names in lower case
    body      the first bytes of it, as they came over the wire
    too_long  there was more than we care to read
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    too_long: bool = False

    @property
    def is_page(self) -> bool:
        """Whether this is HTML (or any markup): the mark of something that is not this API."""
        kind = self.headers.get("content-type", "").lower()
        start = self.body[:64].lstrip(b"\xef\xbb\xbf\xfe\xff\x00 \t\r\n")
        return "html" in kind or start.startswith(b"<")

    @property
    def is_text(self) -> bool:
        """Whether the body is empty, or text in the charset that it claims (UTF-8 when it claims none we know)."""
        claimed = _CHARSET.search(self.headers.get("content-type", "").lower())
        try:
            return "\x00" not in self.body.decode(claimed[1] if claimed else "utf-8")
        except UnicodeDecodeError:
            return False

    @property
    def is_packed(self) -> bool:
        """Whether the body is compressed, which we ask not to be done."""
        return self.headers.get("content-encoding", "identity").strip().lower() not in ("", "identity")


def read(reply: Reply, now: float, hide: Iterable[str] = ()) -> Answer:
    """What `reply` means. `now` is this machine's wall clock, in seconds since 1970; `hide` as in `clean`."""
    server_time = http_date(reply.headers.get("date"))
    words = words_of(reply, hide)
    status = reply.status
    failure: Failure | None
    if status == 200:
        suspicious = reply.is_page or reply.too_long or not reply.is_text or (reply.is_packed and reply.body)
        failure = Failure.UNEXPECTED if suspicious else None
    elif status == 202:
        failure = Failure.UNEXPECTED if reply.is_page or reply.too_long or not reply.is_text else None
    else:
        failure = _failure_of(reply)
    if status == 200 and failure is None:
        return Answer(confirmed=True, status=status, server_time=server_time)
    wait = retry_after(reply.headers.get("retry-after"), now if server_time is None else server_time)
    return Answer(
        accepted=failure is None,
        failure=failure,
        words=words,
        retry_after=wait,
        status=status,
        server_time=server_time,
    )


def _failure_of(reply: Reply) -> Failure:
    if reply.status in _NEVER_A_PAGE and (reply.is_page or not reply.is_text):
        return Failure.UNEXPECTED
    if reply.status in _FAILURES:
        return _FAILURES[reply.status]
    if 400 <= reply.status < 500:
        return Failure.REFUSED
    if 500 <= reply.status < 600:
        return Failure.SERVER_ERROR
    return Failure.UNEXPECTED


def http_date(text: str | None) -> float | None:
    """An HTTP date as seconds since 1970; None when it is not one."""
    if text is None or len(text) > 64:
        return None
    from email.utils import parsedate_to_datetime  # 10 ms, which the first picture need not wait for

    try:
        when = parsedate_to_datetime(text)
        return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def retry_after(text: str | None, now: float) -> float | None:
    """Seconds that a Retry-After header asks to wait, 0 … a day; None when it says nothing that can be read."""
    if text is None:
        return None
    text = text.strip()
    if _SECONDS.fullmatch(text):
        return min(float(text), LONGEST_WAIT)
    when = http_date(text)
    return None if when is None else min(max(0.0, when - now), LONGEST_WAIT)


def words_of(reply: Reply, hide: Iterable[str] = ()) -> str:
    """The service's own words, cleaned; empty when it had none that an agent should see."""
    found = "" if reply.is_page or reply.is_packed else _words_in(reply.body)
    return clean(found or reply.headers.get("icstatusdescription", ""), hide)


def _words_in(body: bytes) -> str:
    try:
        return _pick(json.loads(body), depth=3)
    except (ValueError, RecursionError):  # not JSON, in whatever charset, or nested to make us fall over
        pass
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        return ""
    return "" if "\x00" in text else text


def _pick(value: object, depth: int) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value) if abs(value) < 10**9 else ""
    if depth == 0:
        return ""
    if isinstance(value, list):
        return next((found for item in value[:10] if (found := _pick(item, depth - 1))), "")
    if isinstance(value, dict):
        return next((found for key in _WORD_KEYS if (found := _pick(value.get(key), depth - 1))), "")
    return ""


def clean(text: str, hide: Iterable[str] = ()) -> str:
    """`text` as one line of at most 200 characters, without control characters and without a card's digits.

    hide: secrets that we sent, should the service repeat them. Anything as long as a token goes as well.
    """
    for secret in hide:
        text = text.replace(secret, "[secret]")
    plain = "".join(_seen(char) for char in text[: 20 * WORDS_LIMIT])
    line = _CARD_LIKE.sub("[digits]", " ".join(plain.split()))
    line = _TOKEN_LIKE.sub("[secret]", line)
    return line if len(line) <= WORDS_LIMIT else line[: WORDS_LIMIT - 1] + "…"


def _seen(char: str) -> str:
    kind = unicodedata.category(char)
    if kind in ("Cc", "Zl", "Zp"):
        return " "
    # Invisible characters and those that turn the direction of reading could hide digits, or lie to the reader.
    return "" if kind.startswith("C") else char
