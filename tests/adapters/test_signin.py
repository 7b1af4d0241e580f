"""The access key's sign-in: when a token is renewed, when not, and what it never tells."""

import asyncio
import base64
import json
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from app.adapters import signin
from app.adapters.signin import ASSUMED_LIFE, LONGEST_LIFE, AccessKeySignIn, StaticToken, agent_id, life_of
from app.core.failures import Failure
from app.core.ports import TokenError
from tests.adapters.clients import HandClock
from tests.pages import Page, Pages, Seen

FIRST = "token-1"
KEY, SECRET = "KEYID-CANARY", "SECRET-CANARY"


def granted(token: str = FIRST, **more: Any) -> Page:
    body = {"access_token": token, "token_type": "Bearer", "expires_in": 3600, **more}
    return Page(200, json.dumps(body).encode(), (("Content-Type", "application/json"),))


class Counting:
    """Grants token-1, token-2, …"""

    def __init__(self, **more: Any) -> None:
        self.count = 0
        self.more = more

    def __call__(self, request: Seen) -> Page:
        self.count += 1
        return granted(f"token-{self.count}", **self.more)


def run(
    pages: Pages, story: Callable[[AccessKeySignIn], Awaitable[None]], clock: HandClock | None = None
) -> AccessKeySignIn:
    async def live() -> AccessKeySignIn:
        source = AccessKeySignIn(KEY, SECRET, url=pages.url + "/token", clock=clock)
        try:
            await story(source)
        finally:
            await source.close()
            assert asyncio.all_tasks() == {asyncio.current_task()}
        return source

    return asyncio.run(live())


async def failure_of(source: AccessKeySignIn, refused: str | None = None) -> TokenError:
    with pytest.raises(TokenError) as caught:
        await source.token(refused)
    return caught.value


def test_the_request_is_what_the_service_describes() -> None:
    async def story(source: AccessKeySignIn) -> None:
        assert await source.token() == "token-1"
        assert await source.token() == "token-1"

    with Pages(granted()) as pages:
        run(pages, story)
    (request,) = pages.seen
    assert (request.method, request.target) == ("POST", "/token")
    assert json.loads(request.body) == {"accessKeyId": KEY, "accessKeySecret": SECRET}
    assert request.headers["content-type"] == "application/json"
    assert request.headers["accept"] == "application/json"
    assert request.headers["user-agent"].startswith("MaskBar/")


def test_the_regions_address() -> None:
    assert "https://na1.nice-incontact.com/authentication/v1/token/access-key" in repr(
        AccessKeySignIn("a", "b", area="na1")
    )
    for area in ("", None, "na1.evil.example/", "NA1", "-", "na1#"):
        with pytest.raises(ValueError, match="area"):
            AccessKeySignIn("a", "b", area=area)
    for key, secret in (("", "b"), ("a", "")):
        with pytest.raises(ValueError, match="empty"):
            AccessKeySignIn(key, secret, area="na1")


def test_many_ask_and_one_signs_in() -> None:
    async def story(source: AccessKeySignIn) -> None:
        assert set(await asyncio.gather(*(source.token() for _ in range(20)))) == {"token-1"}

    counting = Counting()

    def slowly(request: Seen) -> Page:
        page = counting(request)
        return Page(page.status, page.body, page.headers, delay=0.05)

    with Pages(slowly) as pages:
        run(pages, story)
    assert counting.count == 1


def test_it_is_renewed_in_the_background_while_the_old_one_is_used() -> None:
    clock = HandClock()

    async def story(source: AccessKeySignIn) -> None:
        assert await source.token() == "token-1"
        clock.pass_(3600 - 601)
        assert await source.token() == "token-1"
        assert counting.count == 1
        clock.pass_(2)
        pages.arrived.clear()
        assert [await source.token() for _ in range(5)] == ["token-1"] * 5
        assert await asyncio.to_thread(pages.arrived.wait, 5)
        assert source._renewal is not None
        await source._renewal
        assert await source.token() == "token-2"
        assert counting.count == 2

    counting = Counting()
    with Pages(counting) as pages:
        run(pages, story, clock)


def test_it_is_waited_for_when_the_old_one_is_over() -> None:
    clock = HandClock()

    async def story(source: AccessKeySignIn) -> None:
        assert await source.token() == "token-1"
        clock.pass_(3595)
        assert await source.token() == "token-2"

    with Pages(Counting()) as pages:
        run(pages, story, clock)


# Refused tokens.


def test_a_refused_token_is_renewed_once() -> None:
    async def story(source: AccessKeySignIn) -> None:
        assert await source.token() == "token-1"
        assert await asyncio.gather(*(source.token(refused="token-1") for _ in range(5))) == ["token-2"] * 5
        assert await source.token(refused="token-1") == "token-2", "somebody has renewed it already"
        assert counting.count == 2
        assert await source.token(refused="token-2") == "token-3"

    counting = Counting()
    with Pages(counting) as pages:
        run(pages, story)


def test_the_same_token_again_is_no_new_one_and_no_loop() -> None:
    async def story(source: AccessKeySignIn) -> None:
        assert await source.token() == "token-1"
        for _ in range(5):
            assert (await failure_of(source, "token-1")).failure is Failure.SIGN_IN
        assert len(pages.seen) == 2
        assert await source.token() == "token-1"  # the next press may try

    with Pages(granted()) as pages:
        run(pages, story)


# What can go wrong.


@pytest.mark.parametrize(
    ("page", "failure"),
    [
        (Page(400, b'{"error_description": "no"}'), Failure.SIGN_IN),
        (Page(401, b'{"error_description": "no"}'), Failure.SIGN_IN),
        (Page(403, b'{"error_description": "no"}'), Failure.SIGN_IN),
        (Page(404), Failure.ODD_SIGN_IN),
        (Page(429), Failure.NO_TOKEN),
        (Page(500), Failure.NO_TOKEN),
        (Page(503), Failure.NO_TOKEN),
        (Page(302, headers=(("Location", "/login"),)), Failure.ODD_SIGN_IN),
        (Page(200, b"<html>Wi-Fi</html>"), Failure.ODD_SIGN_IN),
        (Page(200, b""), Failure.ODD_SIGN_IN),
        (Page(200, b"{}"), Failure.ODD_SIGN_IN),
        (Page(200, b"[]"), Failure.ODD_SIGN_IN),
        (Page(200, b"[" * 60_000), Failure.ODD_SIGN_IN),
        (Page(200, b'{"access_token": 7}'), Failure.ODD_SIGN_IN),
        (Page(200, b'{"access_token": ""}'), Failure.ODD_SIGN_IN),
        (Page(200, b'{"access_token": "two words"}'), Failure.ODD_SIGN_IN),
        (Page(200, b'{"access_token": "line\\r\\nX-Evil: 1"}'), Failure.ODD_SIGN_IN),
        (Page(200, b"x" * 10_000_000), Failure.ODD_SIGN_IN),
        (Page(200, b'{"access_token": "abc"}', cut=60), Failure.NO_TOKEN),
        (Page(raw=b"\x00\xff" * 500, cut=5000), Failure.NO_TOKEN),
    ],
)
def test_no_token_says_why(page: Page, failure: Failure) -> None:
    async def story(source: AccessKeySignIn) -> None:
        error = await failure_of(source)
        assert error.failure is failure
        if failure is Failure.SIGN_IN:
            assert error.words == "no"

    with Pages(page) as pages:
        run(pages, story)


def test_nobody_there() -> None:
    async def story(source: AccessKeySignIn) -> None:
        assert (await failure_of(source)).failure is Failure.NO_TOKEN

    with Pages() as pages:
        pass
    run(pages, story)


def test_a_service_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(source: AccessKeySignIn) -> None:
        assert (await failure_of(source)).failure is Failure.NO_TOKEN

    monkeypatch.setattr(signin, "RENEWAL_LIMIT", 0.2)
    with Pages(Page(hang=True)) as pages:
        run(pages, story)


def test_a_failed_background_renewal_pauses_but_a_press_does_not() -> None:
    clock = HandClock()

    async def story(source: AccessKeySignIn) -> None:
        assert await source.token() == "token-1"
        pages.answer = Page(503)
        clock.pass_(3100)
        for _ in range(20):
            assert await source.token() == "token-1"
            await asyncio.sleep(0.01)
        assert len(pages.seen) == 2
        clock.pass_(6)
        for _ in range(20):
            assert await source.token() == "token-1"
            await asyncio.sleep(0.01)
        assert len(pages.seen) == 3
        clock.pass_(500)  # now it is over: each that waits is a try
        assert (await failure_of(source)).failure is Failure.NO_TOKEN
        assert (await failure_of(source)).failure is Failure.NO_TOKEN
        assert len(pages.seen) == 5
        pages.answer = granted("token-9")
        assert await source.token() == "token-9"

    with Pages(granted()) as pages:
        run(pages, story, clock)


def test_a_press_that_gives_up_does_not_stop_the_renewal() -> None:
    async def story(source: AccessKeySignIn) -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(source.token(), 0.05)
        assert await source.token() == "token-1"
        assert len(pages.seen) == 1

    with Pages(Page(200, granted().body, delay=0.2)) as pages:
        run(pages, story)


def test_close_while_somebody_waits_is_no_token_and_no_cancellation() -> None:
    async def story(source: AccessKeySignIn) -> None:
        asking = asyncio.create_task(failure_of(source))
        assert await asyncio.to_thread(pages.arrived.wait, 5)
        await source.close()
        assert (await asking).failure is Failure.NO_TOKEN

    with Pages(Page(hang=True)) as pages:
        run(pages, story)


@pytest.mark.parametrize(
    ("said", "life"),
    [
        (3600, 3600),
        (3600.5, 3600.5),
        ("3600", 3600),
        (None, ASSUMED_LIFE),
        (0, ASSUMED_LIFE),
        (-1, ASSUMED_LIFE),
        ("an hour", ASSUMED_LIFE),
        (True, ASSUMED_LIFE),
        ([], ASSUMED_LIFE),
        (float("nan"), ASSUMED_LIFE),
        (float("inf"), LONGEST_LIFE),
        (10**400, LONGEST_LIFE),
        (-(10**400), ASSUMED_LIFE),
        (10**9, LONGEST_LIFE),
        (1, 1),
    ],
)
def test_the_life_of_a_token(said: object, life: float) -> None:
    assert life_of(said) == life


# The agent's id.


def jwt(claims: object) -> str:
    part = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    return f"e30.{part}.sig"


@pytest.mark.parametrize(
    ("token", "agent"),
    [
        (jwt({"userId": "11e9-ü", "sub": "user:22"}), "11e9-ü"),
        (jwt({"userId": 12345}), "12345"),
        (jwt({"userId": "", "sub": "user:22"}), "22"),
        (jwt({"userId": True, "sub": "user:22"}), "22"),
        (jwt({"sub": "user:22e8"}), "22e8"),
        (jwt({"sub": "user:"}), None),
        (jwt({"sub": 7}), None),
        (jwt([]), None),
        (jwt({}), None),
        ("opaque", None),
        ("a.b.c", None),
        ("a.é.c", None),
        ("..", None),
    ],
)
def test_the_agents_id_in_the_claims(token: str, agent: str | None) -> None:
    assert agent_id(token) == agent


def test_the_agents_id_after_signing_in() -> None:
    async def story(source: AccessKeySignIn) -> None:
        assert source.user_id() is None
        await source.token()
        assert source.user_id() == "from-id-token"

    with Pages(granted("opaque", id_token=jwt({"userId": "from-id-token"}))) as pages:
        run(pages, story)


# Secrets.


@pytest.mark.guarantee("G22")
def test_neither_key_nor_token_is_logged_or_shown(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    shown: list[str] = []

    async def story(source: AccessKeySignIn) -> None:
        await source.token()
        shown.extend([repr(source), repr(source._held), str(vars(StaticToken("TOKEN-CANARY")).keys())])
        pages.answer = Page(401, f'{{"message": "{KEY} with {SECRET} is unknown"}}'.encode())
        error = await failure_of(source, "TOKEN-CANARY")
        shown.extend([repr(error), error.words])

    with Pages(granted("TOKEN-CANARY")) as pages:
        run(pages, story)
    everything = caplog.text + "".join(shown)
    assert "CANARY" not in everything
    assert "[secret] with [secret] is unknown" in everything


def test_a_static_token_has_no_successor() -> None:
    async def story() -> None:
        source = StaticToken("a")
        assert await source.token() == "a"
        with pytest.raises(TokenError):
            await source.token(refused="a")

    asyncio.run(story())
