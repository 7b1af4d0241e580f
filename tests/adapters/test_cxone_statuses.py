"""Every row of the API's table of statuses, for mask and for unmask, over real HTTP."""

import logging
import time
from email.utils import formatdate

import pytest

from app import __version__
from app.core.failures import Failure, Fate
from app.core.ports import TokenError, Wish
from tests.adapters.clients import (
    AGENT,
    TOKEN,
    BelievesAny2xx,
    BelievesPages,
    FollowsRedirects,
    Tokens,
    WireOf,
    ask,
    recorder,
    run,
)
from tests.pages import Page, Pages, Seen

BOTH = pytest.mark.parametrize("wish", list(Wish))

TABLE: list[tuple[int, Failure | None]] = [
    (200, None),
    (202, None),
    (401, Failure.SIGN_IN),
    (403, Failure.NOT_ALLOWED),
    (404, Failure.NO_CALL),
    (422, Failure.INTERNAL_CALL),
    (425, Failure.LOCKED),
    (429, Failure.THROTTLED),
    (503, Failure.AWAY),
    (500, Failure.SERVER_ERROR),
    (502, Failure.SERVER_ERROR),
    (504, Failure.SERVER_TIMEOUT),
    (408, Failure.SERVER_TIMEOUT),
    (400, Failure.REFUSED),
    (405, Failure.REFUSED),
    (409, Failure.REFUSED),
    (451, Failure.REFUSED),
    (201, Failure.UNEXPECTED),
    (203, Failure.UNEXPECTED),
    (204, Failure.UNEXPECTED),
    (206, Failure.UNEXPECTED),
    (300, Failure.UNEXPECTED),
    (302, Failure.UNEXPECTED),
    (304, Failure.UNEXPECTED),
    (307, Failure.UNEXPECTED),
    (308, Failure.UNEXPECTED),
    (600, Failure.UNEXPECTED),
    (999, Failure.UNEXPECTED),
]


@BOTH
@pytest.mark.parametrize(("status", "failure"), TABLE)
def test_each_status_means_what_the_table_says(status: int, failure: Failure | None, wish: Wish) -> None:
    with Pages(Page(status, headers=(("Date", "Tue, 14 Nov 2023 22:13:20 GMT"),))) as pages:
        answer = ask(recorder(pages.url), wish)
    assert answer.failure is failure
    assert (answer.confirmed, answer.accepted) == (status == 200, status == 202)
    assert (answer.status, answer.server_time) == (status, 1_700_000_000.0)
    assert [request.target.partition("?")[0].rpartition("/")[2] for request in pages.seen] == [wish.value]


PAGE = b"\xef\xbb\xbf \r\n<!DOCTYPE html><title>Welcome to our Wi-Fi</title>"
NOT_THIS_API = {
    "html by its type": Page(200, b"{}", (("Content-Type", "Text/HTML; charset=utf-8"),)),
    "html by its looks": Page(200, PAGE, (("Content-Type", "application/json"),)),
    "html in utf-16": Page(200, "<html>".encode("utf-16")),
    "xml": Page(200, b"<?xml version='1.0'?><ok/>"),
    "html with 202": Page(202, PAGE),
    "html with 404": Page(404, PAGE),
    "html with 422": Page(422, b"", (("Content-Type", "text/html"),)),
    "packed although nobody asked": Page(200, b"\x1f\x8b\x08\x00", (("Content-Encoding", "gzip"),)),
    "a binary body": Page(200, bytes(range(256))),
    "a binary body with 404": Page(404, bytes(range(256))),
    "another charset than it says": Page(200, b"\xe9\xff", (("Content-Type", "text/plain; charset=utf-8"),)),
    "10 MB": Page(200, b"x" * 10_000_000),
    "10 MB with 202": Page(202, b"x" * 10_000_000),
    "a redirect": Page(302, b"", (("Location", "/elsewhere"),)),
    "not modified": Page(304),
    "no content": Page(204),
    "not HTTP": Page(raw=b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n\r\n", cut=1000),
    "binary from the first byte": Page(raw=bytes(range(256)) * 20, cut=10_000),
    "a header without end": Page(raw=b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000, cut=300_000),
    "two lengths": Page(200, b"ok", (("Content-Length", "2"), ("Content-Length", "3"))),
}


@pytest.mark.guarantee("G03")
@BOTH
@pytest.mark.parametrize("page", NOT_THIS_API.values(), ids=NOT_THIS_API.keys())
def test_what_is_not_this_api_is_never_a_confirmation(page: Page, wish: Wish) -> None:
    with Pages(page) as pages:
        assert ask(recorder(pages.url), wish).failure is Failure.UNEXPECTED
    assert len(pages.seen) == 1


@pytest.mark.guarantee("G03")
@pytest.mark.guarantee("G02")
def test_the_checks_above_catch_broken_clients() -> None:
    with Pages(Page(202)) as pages:
        assert ask(recorder(pages.url, kind=BelievesAny2xx)).confirmed
        pages.answer = NOT_THIS_API["html by its looks"]
        assert ask(recorder(pages.url, kind=BelievesPages)).confirmed

    def wifi(request: Seen) -> Page:
        return Page(302, headers=(("Location", "/ok"),)) if "mask" in request.target else Page(200)

    with Pages(wifi) as pages:
        assert ask(recorder(pages.url)).failure is Failure.UNEXPECTED
        assert len(pages.seen) == 1
        assert ask(recorder(pages.url, network=WireOf(FollowsRedirects))).confirmed


PLAIN = {
    "empty": Page(200),
    "json": Page(200, b'{"status": "MASKED"}', (("Content-Type", "application/json"),)),
    "text": Page(200, b"OK", (("Content-Type", "text/plain"),)),
    "no json, although it says so": Page(200, b"{", (("Content-Type", "application/json"),)),
    "latin-1, and it says so": Page(
        200, b"fertig \xfc", (("Content-Type", "text/plain; charset=ISO-8859-1"),)
    ),
    "a charset that nobody knows": Page(200, b"ok", (("Content-Type", "text/plain; charset=klingon"),)),
    "nested deeply": Page(200, b"[" * 60_000),
    "in chunks": Page(200, headers=(("Transfer-Encoding", "chunked"),), body=b"2\r\nok\r\n0\r\n\r\n"),
    "until the end": Page(raw=b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nok", cut=1000),
    "HTTP/1.0": Page(raw=b"HTTP/1.0 200 OK\r\n\r\n", cut=1000),
    "after 100 and 103": Page(
        raw=b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
    ),
    "64 KiB": Page(200, b"x" * 65_536),
}


@BOTH
@pytest.mark.parametrize("page", PLAIN.values(), ids=PLAIN.keys())
def test_a_whole_200_is_a_confirmation_whatever_its_body(page: Page, wish: Wish) -> None:
    with Pages(page) as pages:
        assert ask(recorder(pages.url), wish).confirmed


def test_the_request_is_what_the_api_describes() -> None:
    with Pages() as pages:
        ask(recorder(pages.url + "/gateway/"), Wish.UNMASK)
    (request,) = pages.seen
    assert request.method == "POST"
    assert request.target == (
        "/gateway/interaction-recording-management-service/v1/interactions/unmask?userId=11e9-a%2Fb%20c%2B%C3%BC%25"
    )
    assert request.body == b""
    assert request.headers == {
        "host": pages.url.removeprefix("http://"),
        "content-length": "0",
        "accept-encoding": "identity",
        "user-agent": f"MaskBar/{__version__}",
        "authorization": f"Bearer {TOKEN}",
        "accept": "application/json",
        "x-request-id": "cid-1",
        "correlationid": "cid-1",
    }


def test_cookies_are_not_kept() -> None:
    with Pages(Page(200, headers=(("Set-Cookie", "who=agent; Path=/"),))) as pages:
        client = recorder(pages.url)

        async def twice(client: object) -> None:
            await recorder_.ask(Wish.MASK, "a", 5)
            await recorder_.ask(Wish.MASK, "b", 5)

        recorder_ = client
        run(client, twice)
    assert ["cookie" in request.headers for request in pages.seen] == [False, False]


def test_the_environment_names_no_proxy_and_no_password(
    monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with Pages() as pages:
        assert ask(recorder(pages.url)).confirmed


# Signing in anew.


def test_a_401_gets_one_fresh_token_and_the_same_request_again() -> None:
    def once(request: Seen) -> Page:
        return Page(200 if request.headers["authorization"] == "Bearer two" else 401)

    tokens = Tokens(["one", "two"])
    with Pages(once) as pages:
        assert ask(recorder(pages.url, tokens)).confirmed
    assert tokens.asked == [None, "one"]
    assert [r.headers["x-request-id"] for r in pages.seen] == ["cid-1", "cid-1"]


def test_a_second_401_is_the_end_of_it() -> None:
    tokens = Tokens(["one", "two", "three"])
    with Pages(Page(401, b'{"message": "expired"}')) as pages:
        answer = ask(recorder(pages.url, tokens))
    assert (answer.failure, answer.words, answer.status) == (Failure.SIGN_IN, "expired", 401)
    assert len(pages.seen) == 2
    assert tokens.asked == [None, "one"]


def test_a_401_without_another_token_keeps_the_words_of_the_service() -> None:
    with Pages(Page(401, b'{"message": "who are you?"}')) as pages:
        answer = ask(recorder(pages.url))
    assert (answer.failure, answer.words, len(pages.seen)) == (Failure.SIGN_IN, "who are you?", 1)


@pytest.mark.parametrize("failure", [Failure.NO_TOKEN, Failure.SIGN_IN, Failure.BAD_CERTIFICATE])
def test_without_a_token_nothing_is_sent(failure: Failure) -> None:
    with Pages() as pages:
        answer = ask(recorder(pages.url, Tokens([TokenError(failure, "key\x00 4111 1111 1111 1111")])))
    assert (answer.failure, answer.words) == (failure, "key [digits]")
    assert pages.connections == 0


@pytest.mark.warns("maskbar.cxone", "RuntimeError")
def test_a_token_source_that_breaks_is_no_token() -> None:
    with Pages() as pages:
        assert ask(recorder(pages.url, Tokens([RuntimeError("boom")]))).failure is Failure.NO_TOKEN
    assert pages.connections == 0


def test_the_sign_in_is_gone_after_a_401_nothing_was_done() -> None:
    with Pages(Page(401)) as pages:
        answer = ask(recorder(pages.url, Tokens(["one", TokenError(Failure.NO_TOKEN)])))
    assert answer.failure is Failure.NO_TOKEN
    assert len(pages.seen) == 1


# Waiting.


def test_retry_after_is_counted_by_the_servers_clock() -> None:
    date, later = formatdate(1_000_000, usegmt=True), formatdate(1_000_030, usegmt=True)
    with Pages(Page(503, headers=(("Date", date), ("Retry-After", later)))) as pages:
        assert ask(recorder(pages.url)).retry_after == 30
        pages.answer = Page(429, headers=(("Retry-After", "7"),))
        assert ask(recorder(pages.url)).retry_after == 7
        pages.answer = Page(425, headers=(("Retry-After", "soon"),))
        assert ask(recorder(pages.url)).retry_after is None
        pages.answer = Page(429, headers=(("Retry-After", formatdate(time.time() + 100, usegmt=True)),))
        assert ask(recorder(pages.url)).retry_after == pytest.approx(100, abs=3)


# The log.


def test_one_line_for_each_attempt_and_never_the_token(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    echo = Page(403, f'{{"message": "Bearer {TOKEN} may not"}}'.encode(), (("CorrelationId", "theirs-7"),))
    with Pages(echo) as pages:
        answer = ask(recorder(pages.url), Wish.UNMASK)
    assert answer.words == "Bearer [secret] may not"
    lines = [record.getMessage() for record in caplog.records if record.name == "maskbar.cxone"]
    assert len(lines) == 1
    assert lines[0].startswith("unmask cid-1: 403 NOT_ALLOWED, ")
    assert lines[0].endswith(" ms, new connection, theirs theirs-7")
    assert TOKEN not in caplog.text


def test_an_id_that_is_no_header_is_made_one() -> None:
    with Pages() as pages:
        client = recorder(pages.url)

        async def odd(client: object) -> None:
            assert (await recorder_.ask(Wish.MASK, "a\r\nX-Evil: 1 é", 5)).confirmed

        recorder_ = client
        run(client, odd)
    assert pages.seen[0].headers["x-request-id"] == "a--X-Evil--1--"


@pytest.mark.parametrize(
    "token",
    [
        "two\nlines",
        "\x00",
        pytest.param("accént", marks=pytest.mark.warns("maskbar.cxone", "UnicodeEncodeError")),
    ],
)
def test_a_token_that_cannot_be_sent_is_not_sent(token: str) -> None:
    with Pages() as pages:
        answer = ask(recorder(pages.url, Tokens([token])))
    assert answer.failure is not None
    assert answer.failure.fate is Fate.NOT_SENT
    assert pages.seen == []


@pytest.mark.parametrize(
    ("url", "agent"), [("http://recorder.example", AGENT), ("https://x.example", ""), ("", "a")]
)
def test_a_recorder_that_could_not_work_is_not_made(url: str, agent: str) -> None:
    from app.adapters.cxone import CxoneRecorder

    with pytest.raises(ValueError):
        CxoneRecorder(url, agent, Tokens())
    with pytest.raises(ValueError):
        CxoneRecorder("https://x.example", "\ud800", Tokens())
