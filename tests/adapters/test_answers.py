"""How the service's own words, dates and delays are read."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.adapters.answers import LONGEST_WAIT, Reply, clean, http_date, read, retry_after, words_of


def said(body: bytes | object, headers: dict[str, str] | None = None) -> str:
    return words_of(Reply(400, headers or {}, body if isinstance(body, bytes) else json.dumps(body).encode()))


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"message": "No active interaction"}, "No active interaction"),
        ({"description": "d", "code": 7}, "d"),
        ({"error": "invalid_grant", "error_description": "locked"}, "locked"),
        ({"error": "invalid_grant", "errorDescription": "locked"}, "locked"),
        ({"error": {"code": "E17", "message": "inner"}}, "inner"),
        ({"details": [{"message": "first"}, {"message": "second"}]}, "first"),
        ({"code": "InvalidUser"}, "InvalidUser"),
        ({"code": 4711}, "4711"),
        ({"message": "", "code": "E1"}, "E1"),
        ({"message": None, "error": True}, ""),
        ({"else": "x"}, ""),
        ("just text", "just text"),
        ([], ""),
        (b"plain text", "plain text"),
        (b"two\r\nlines\t and   spaces", "two lines and spaces"),
        ({"message": "a\u202eb\u200bc\u0000d\u2028e"}, "abc d e"),
        (json.dumps({"message": "hällo"}).encode("utf-16"), "hällo"),
        (b"\xff\xfe\x00\x01", ""),
        (b"<html>no</html>", ""),
        (b"[" * 50_000, "[" * 199 + "…"),
        (b'{"message": ' + b"[" * 50_000, '{"message": ' + "[" * 187 + "…"),
        (b'{"code": ' + b"9" * 5000 + b"}", '{"code": [digits]'),
    ],
)
def test_words_are_found(body: object, words: str) -> None:
    assert said(body) == words


def test_the_header_speaks_when_the_body_does_not() -> None:
    assert said(b"", {"icstatusdescription": "Agent not found"}) == "Agent not found"
    assert said(b"<html>", {"icstatusdescription": "Agent not found"}) == "Agent not found"
    assert said({"message": "body"}, {"icstatusdescription": "header"}) == "body"


@pytest.mark.guarantee("G22")
@pytest.mark.parametrize(
    "card",
    [
        "4111111111111111",
        "4111 1111 1111 1111",
        "4111-1111-1111-1111",
        "4111 - 1111 - 1111 - 1111",
        "3782 822463 10005",
        "6304000000000000009",
        "4222222222222",
        "4\u200b111111111111111",
        "4111.1111.1111.1111",
        "4111\u00a01111\u20111111\u20131111",
        "٤١١١١١١١١١١١١١١١",
        "41111111111111111111111111111111",
    ],
)
def test_a_cards_digits_are_not_repeated(card: str) -> None:
    assert clean(f"PAN {card} is bad") == "PAN [digits] is bad"


@pytest.mark.parametrize("text", ["contact 123456789012", "2026-11-24 10:15:30", "error 500, code 17"])
def test_other_numbers_stay(text: str) -> None:
    assert clean(text) == text


@pytest.mark.guarantee("G22")
def test_secrets_are_not_repeated() -> None:
    assert clean("key ABC123 is unknown", hide=["ABC123"]) == "key [secret] is unknown"
    assert clean("Bearer " + "eyJhbGciOi.J9" * 20 + " expired") == "Bearer [secret] expired"


@pytest.mark.guarantee("G22")
@given(st.text() | st.text(st.sampled_from("0123456789 -\u200b\n")))
def test_words_are_one_short_line_without_cards(text: str) -> None:
    line = clean(text)
    assert len(line) <= 200
    assert line.isprintable()
    assert not re.search(r"\d{13}", re.sub(r"[ -]", "", line))


@given(
    st.integers(100, 999),
    st.binary(max_size=200),
    st.dictionaries(st.text(max_size=20), st.text(max_size=40)),
)
def test_no_answer_is_too_odd_to_be_read(status: int, body: bytes, headers: dict[str, str]) -> None:
    answer = read(Reply(status, headers, body), now=0.0)
    assert answer.status == status
    assert answer.confirmed <= (status == 200)


NOW = 1_700_000_000.0  # Tue, 14 Nov 2023 22:13:20 GMT


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (None, None),
        ("0", 0),
        (" 7 ", 7),
        ("1.5", 1.5),
        ("999999999", LONGEST_WAIT),
        ("9" * 400, None),
        ("-5", None),
        ("٧", None),
        ("1e3", None),
        ("nan", None),
        ("soon", None),
        ("", None),
        ("Tue, 14 Nov 2023 22:13:50 GMT", 30),
        ("Tuesday, 14-Nov-23 22:13:50 GMT", 30),
        ("Tue Nov 14 22:13:50 2023", 30),
        ("Tue, 14 Nov 2023 22:13:50 -0000", 30),
        ("Tue, 14 Nov 2023 22:13:00 GMT", 0),
        ("Tue, 14 Nov 2099 22:13:00 GMT", LONGEST_WAIT),
        ("Tue, 14 Nov 99999 22:13:00 GMT", None),
        ("Tue, 99 Nov 2023 22:13:00 GMT", None),
    ],
)
def test_retry_after(text: str | None, seconds: float | None) -> None:
    assert retry_after(text, NOW) == seconds


@given(st.text())
def test_garbage_is_no_date(text: str) -> None:
    found = http_date(text)
    assert found is None or isinstance(found, float)
    wait = retry_after(text, NOW)
    assert wait is None or 0 <= wait <= LONGEST_WAIT
