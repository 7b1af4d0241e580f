"""Which addresses MaskBar may speak to."""

import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.core.address import check_base_url, is_loopback


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://api-na1.niceincontact.com", "https://api-na1.niceincontact.com"),
        ("https://api-na1.niceincontact.com/", "https://api-na1.niceincontact.com"),
        ("HTTPS://API.example:8443/a/b//", "HTTPS://API.example:8443/a/b"),
        ("https://10.1.2.3", "https://10.1.2.3"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("http://127.9.9.9", "http://127.9.9.9"),
        ("http://localhost:1", "http://localhost:1"),
        ("http://[::1]:8000/x", "http://[::1]:8000/x"),
        ("https://[2001:db8::1]", "https://[2001:db8::1]"),
        ("https://under_score.example", "https://under_score.example"),
    ],
)
def test_good_addresses(url: str, kept: str) -> None:
    assert check_base_url(url) == kept


@pytest.mark.guarantee("G24")
@pytest.mark.parametrize(
    "url",
    [
        "",
        "api-na1.niceincontact.com",
        "https://",
        "https:///path",
        "ftp://example.com",
        "file:///etc/passwd",
        "http://example.com",
        "http://127.0.0.1.example.com",
        "http://localhost.example.com",
        "http://localhost.",
        "http://127.1",
        "http://2130706433",
        "http://0.0.0.0",
        "http://[::]",
        "http://[::ffff:10.0.0.1]",
        "http://[::1%25eth0]",
        "http://127.0.0.1@example.com",
        "http://127.0.0.1\\@example.com",
        "http://127.0.0.1%2eexample.com",
        "https://user@example.com",
        "https://user:password@example.com",
        "https://example.com?",
        "https://example.com?a=b",
        "https://example.com#",
        "https://example.com/#a",
        "https://exa mple.com",
        "https://example.com\n",
        " https://example.com",
        "https://exämple.com",
        "https://example.com:http",
        "https://example.com:99999",
        "https://-example.com",
        "https://[::1",
        "https://a..b",
    ],
)
def test_bad_addresses_get_a_sentence(url: str) -> None:
    with pytest.raises(ValueError, match="address") as caught:
        check_base_url(url)
    assert "\n" not in str(caught.value)


@pytest.mark.guarantee("G24")
@given(
    st.text(
        st.sampled_from("htps:/@\\?#[]%.:;&=1270localexm-_ \t\n\x00é"),
        max_size=30,
    ).map(lambda rest: "http://" + rest)
    | st.from_regex(r"https?://[!-~]{0,20}", fullmatch=True)
)
@example("http://127.0.0.1:80\\@evil")
def test_what_is_accepted_means_the_same_to_the_http_library(url: str) -> None:
    try:
        kept = check_base_url(url)
    except ValueError:
        return
    seen = httpx.URL(kept)
    assert seen.scheme == "https" or (seen.scheme == "http" and is_loopback(seen.host))
    assert not seen.userinfo
    assert not seen.query
