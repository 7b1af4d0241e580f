"""Which addresses MaskBar may speak to: https anywhere, http only to this machine itself.

The one rule: an address that two parsers could read in two ways is refused. Standard library only, so that the
settings file can be checked without loading a network library.
"""

import re
from ipaddress import ip_address
from urllib.parse import urlsplit

# Printable ASCII without the characters that URL parsers are known to disagree on.
_PLAIN = re.compile(r"[!-~]+")
_DISPUTED = re.compile(r"[\\^`{|}<>\"]")
_HOST_NAME = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*")


def is_loopback(host: str) -> bool:
    """Whether `host` (a name or an address, without brackets) is this machine whatever the network says."""
    if host.lower() == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def check_base_url(url: str) -> str:
    """`url` without a slash at its end, or ValueError with a sentence that says what is expected.

    It may have a path. It must not have a user, a query or a fragment.
    """
    if not _PLAIN.fullmatch(url) or _DISPUTED.search(url):
        raise ValueError(
            "an address like https://api-na1.niceincontact.com is expected, without spaces or accents"
        )
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        _ = parts.port  # read for its check: it raises when the port is no number
    except ValueError:
        raise ValueError("an address like https://api-na1.niceincontact.com is expected") from None
    if parts.scheme not in ("https", "http"):
        raise ValueError("the address must begin with https://")
    if parts.username is not None or parts.password is not None:
        raise ValueError("the address must not contain a user name or a password")
    if parts.query or parts.fragment or url.endswith(("?", "#")):
        raise ValueError("the address must end with its host or path: no question mark, no #")
    if not (_HOST_NAME.fullmatch(host) or _is_ipv6(host)):
        raise ValueError("the address must name a host, as in https://api-na1.niceincontact.com")
    if parts.scheme == "http" and not is_loopback(host):
        raise ValueError(
            "the address must begin with https:// (http is only for this computer itself, 127.0.0.1)"
        )
    return url.rstrip("/")


def _is_ipv6(host: str) -> bool:
    try:
        return "%" not in host and ip_address(host).version == 6
    except ValueError:
        return False
