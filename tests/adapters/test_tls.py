"""Bad TLS on real sockets: nothing of a request, a token or a key ever goes to somebody who cannot prove who they are."""

import asyncio
import datetime as dt
import ssl
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import trustme

from app.adapters.cxone import CxoneRecorder
from app.adapters.network import Network
from app.adapters.signin import AccessKeySignIn, StaticToken
from app.adapters.wire import Wire, rootless_context, system_context
from app.core.failures import Failure, Fate
from app.core.ports import Answer, TokenError, Wish
from tests.adapters.clients import TOKEN, FollowsRedirects, ask, recorder, run
from tests.pages import Page, Pages, Seen

CA = trustme.CA()
STRANGER = trustme.CA()
DAY = dt.timedelta(days=1)
# Windows and macOS verify by themselves.
NATIVE = sys.platform in ("win32", "darwin")
NOW = dt.datetime.now(dt.UTC)


def served(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


def trusting() -> ssl.SSLContext:
    """What `system_context` is on a machine whose roots are the tests' own."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    CA.configure_trust(context)
    return context


def careless() -> ssl.SSLContext:
    context = trusting()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def careless_of_names() -> ssl.SSLContext:
    context = trusting()
    context.check_hostname = False
    return context


def old_tls() -> ssl.SSLContext:
    context = served(CA.issue_cert("127.0.0.1"))
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    return context


def willing() -> ssl.SSLContext:
    """A context as a machine with an old OpenSSL configuration makes it."""
    context = trusting()
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1
    return context


GOOD = served(CA.issue_cert("127.0.0.1"))
BAD = {
    "another host's": served(CA.issue_cert("recorder.example")),
    "another address's": served(CA.issue_cert("127.0.0.2")),
    "expired": served(CA.issue_cert("127.0.0.1", not_before=NOW - 9 * DAY, not_after=NOW - DAY)),
    "not valid yet": served(CA.issue_cert("127.0.0.1", not_before=NOW + DAY, not_after=NOW + 9 * DAY)),
    "from an unknown root": served(STRANGER.issue_cert("127.0.0.1")),
    "a name only in the common name": served(CA.issue_cert("recorder.example", common_name="127.0.0.1")),
}


def test_good_tls_works() -> None:
    with Pages(tls=GOOD) as pages:
        assert ask(recorder(pages.url, network=Network(trusting))).confirmed


def accepted_bad_tls(context: Callable[[], ssl.SSLContext]) -> list[str]:
    """The bad servers that got to see a request."""
    seen = []
    for name, tls in BAD.items():
        with Pages(tls=tls) as pages:
            answer = ask(recorder(pages.url, network=Network(context)))
            if pages.seen or answer.failure is not Failure.BAD_CERTIFICATE:
                seen.append(name)
    return seen


@pytest.mark.guarantee("G24")
def test_no_bad_certificate_is_accepted() -> None:
    assert accepted_bad_tls(trusting) == []


@pytest.mark.guarantee("G24")
def test_the_bad_certificates_catch_broken_clients() -> None:
    assert accepted_bad_tls(careless) == list(BAD)
    assert "another host's" in accepted_bad_tls(careless_of_names)


@pytest.mark.guarantee("G24")
def test_the_systems_roots_do_not_contain_ours() -> None:
    with Pages(tls=GOOD) as pages:
        assert ask(recorder(pages.url)).failure is Failure.BAD_CERTIFICATE
    assert pages.seen == []


@pytest.mark.guarantee("G24")
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1:DeprecationWarning")
def test_old_versions_of_tls_are_refused() -> None:
    class Willing(Network):
        async def wire(self, secure: bool) -> Wire:
            return Wire(willing())

    with Pages(tls=old_tls()) as pages:
        answer = ask(recorder(pages.url, network=Network(willing)))
        assert answer.failure is not None
        assert answer.failure.fate is Fate.NOT_SENT
        assert pages.seen == []
        assert ask(recorder(pages.url, network=Willing())).confirmed, "the check would see it"


@pytest.mark.guarantee("G24")
def test_a_server_that_does_not_speak_tls_is_not_spoken_to_without() -> None:
    with Pages(Page(raw=b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")) as pages:
        url = pages.url.replace("http://", "https://")
        answer = ask(recorder(url, network=Network(trusting)), limit=1)
    assert answer.failure is not None
    assert answer.failure in (Failure.BAD_CERTIFICATE, Failure.NOT_REACHED)
    assert pages.seen == []


@pytest.mark.guarantee("G24")
@pytest.mark.parametrize(
    "url", ["http://recorder.example", "http://10.0.0.1", "ftp://127.0.0.1", "//127.0.0.1"]
)
def test_without_tls_only_this_machine_is_spoken_to(url: str) -> None:
    with pytest.raises(ValueError, match="https://"):
        CxoneRecorder(url, "1", StaticToken(TOKEN))
    with pytest.raises(ValueError, match="https://"):
        AccessKeySignIn("id", "secret", url=url)


def leaked_by_redirect(follow: bool) -> bool:
    """Whether a redirect of any kind took a request, and its token, somewhere else."""

    class Follows(Network):
        async def wire(self, secure: bool) -> Wire:
            return FollowsRedirects(trusting())

    with Pages(tls=GOOD) as elsewhere, Pages() as plain:
        for status in (301, 302, 303, 307, 308):
            for target in (elsewhere.url, plain.url):

                def away(request: Seen, status: int = status, target: str = target) -> Page:
                    return Page(status, headers=(("Location", target + request.target),))

                with Pages(away, tls=GOOD) as pages:
                    answer = ask(recorder(pages.url, network=Follows() if follow else Network(trusting)))
                assert answer.failure is Failure.UNEXPECTED or follow
        return bool(elsewhere.seen or plain.seen)


@pytest.mark.guarantee("G24")
def test_no_redirect_is_followed() -> None:
    assert not leaked_by_redirect(follow=False)
    assert leaked_by_redirect(follow=True)


@pytest.mark.guarantee("G24")
def test_the_key_is_not_shown_to_a_bad_server() -> None:
    async def sign_in(url: str) -> Failure:
        source = AccessKeySignIn("id", "secret", url=url, network=Network(trusting))
        try:
            await source.token()
        except TokenError as error:
            return error.failure
        finally:
            await source.close()
        raise AssertionError("signed in")

    for tls in BAD.values():
        with Pages(tls=tls) as pages:
            assert asyncio.run(sign_in(pages.url)) is Failure.BAD_CERTIFICATE
        assert pages.seen == []
    with Pages(tls=GOOD) as elsewhere:
        away = Page(307, headers=(("Location", elsewhere.url),))
        with Pages(away, tls=GOOD) as pages:
            assert asyncio.run(sign_in(pages.url)) is Failure.ODD_SIGN_IN
        assert elsewhere.seen == []


def keys_written(context: Callable[[], ssl.SSLContext], to: Path, monkeypatch: pytest.MonkeyPatch) -> bool:
    monkeypatch.setenv("SSLKEYLOGFILE", str(to))
    with Pages(tls=GOOD) as pages:
        assert ask(recorder(pages.url, network=Network(context))).confirmed
    return to.exists() and to.stat().st_size > 0


@pytest.mark.guarantee("G24")
@pytest.mark.skipif(NATIVE, reason="their roots are not named by a variable")
def test_session_keys_are_never_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    roots = tmp_path / "roots.pem"
    CA.cert_pem.write_to_path(roots)
    monkeypatch.setenv("SSL_CERT_FILE", str(roots))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    assert not keys_written(system_context, tmp_path / "ours", monkeypatch)

    def usual() -> ssl.SSLContext:
        return ssl.create_default_context()

    assert keys_written(usual, tmp_path / "usual", monkeypatch), "the check would see it"


def test_the_systems_context_checks_everything() -> None:
    context = system_context()
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    if not NATIVE:
        assert not context.keylog_filename
        assert type(context) is ssl.SSLContext, (
            "truststore's own loads all roots anew for each connection, on the loop"
        )


def test_the_context_for_loopback_trusts_nobody() -> None:
    assert rootless_context().cert_store_stats() == {"x509": 0, "crl": 0, "x509_ca": 0}
    assert rootless_context().verify_mode is ssl.CERT_REQUIRED


def test_the_context_is_made_once_even_for_two_at_a_time_and_again_after_a_failure() -> None:
    made = []

    def once_broken() -> ssl.SSLContext:
        made.append(1)
        if len(made) == 1:
            raise OSError("no roots today")
        return trusting()

    async def story(client: CxoneRecorder) -> list[Answer]:
        first = await client.ask(Wish.MASK, "a", 5)
        return [first, *await asyncio.gather(*(client.ask(Wish.MASK, "b", 5) for _ in range(3)))]

    with Pages(tls=GOOD) as pages:
        first, *rest = run(recorder(pages.url, network=Network(once_broken)), story)
    assert first.failure is Failure.NOT_REACHED
    assert all(answer.confirmed for answer in rest)
    assert len(made) == 2


def test_a_line_that_breaks_in_the_handshake_is_no_bad_certificate() -> None:
    with Pages(Page(raw=b"", cut=0)) as pages:
        answer = ask(recorder(pages.url.replace("http://", "https://"), network=Network(trusting)), limit=0.5)
    assert answer.failure is Failure.NOT_REACHED
