"""The parser: every request comes back as it was meant, and nothing else is one, whatever the bytes."""

import json
import random
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.adapters.instance_words import (
    LONGEST_REQUEST,
    LONGEST_WAIT,
    OPS,
    VERSION,
    WISHES,
    NotARequestError,
    Request,
    heard,
    line,
    parse,
)
from tests.instance.window import believes_anything

Parser = Callable[[bytes], Request]

waits = st.none() | st.floats(0, LONGEST_WAIT) | st.integers(0, int(LONGEST_WAIT))
requests = st.builds(Request, st.sampled_from(sorted(OPS - WISHES))) | st.builds(
    Request, st.sampled_from(sorted(WISHES)), waits
)


@given(requests)
def test_a_request_comes_back_as_it_was_meant(request_: Request) -> None:
    raw = request_.line()
    assert raw.endswith(b"\n")
    assert len(raw) <= LONGEST_REQUEST
    again = parse(raw[:-1])
    assert again == request_
    assert hash(again) == hash(request_)
    assert request_.op in repr(again)


def test_a_wait_need_not_be_said() -> None:
    assert parse(b'{"maskbar": 1, "op": "mask"}') == Request("mask", None)


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"", "JSON"),
        (b"mask", "JSON"),
        (b'"mask"', "object"),
        (b'["mask"]', "object"),
        (b"{}", "version"),
        (b'{"op":"mask"}', "version"),
        (b'{"maskbar":2,"op":"mask"}', "version"),
        (b'{"maskbar":true,"op":"mask"}', "version"),
        (b'{"maskbar":1.0,"op":"mask"}', "version"),
        (b'{"maskbar":"1","op":"mask"}', "version"),
        (b'{"maskbar":1}', "op"),
        (b'{"maskbar":1,"op":null}', "op"),
        (b'{"maskbar":1,"op":["mask"]}', "op"),
        (b'{"maskbar":1,"op":"Mask"}', "op"),
        (b'{"maskbar":1,"op":"mask "}', "op"),
        (b'{"maskbar":1,"op":"mask\\u0000"}', "op"),
        (b'{"maskbar":1,"op":"unmask-all"}', "op"),
        (b'{"maskbar":1,"op":"status","op":"mask"}', "twice"),
        (b'{"maskbar":1,"op":"mask","wait":1,"wait":2}', "twice"),
        (b'{"maskbar":1,"op":"mask","agent":"7"}', "nothing but"),
        (b'{"maskbar":1,"op":"status","wait":1}', "nothing but"),
        (b'{"maskbar":1,"op":"mask","wait":-1}', "wait"),
        (b'{"maskbar":1,"op":"mask","wait":3601}', "wait"),
        (b'{"maskbar":1,"op":"mask","wait":true}', "wait"),
        (b'{"maskbar":1,"op":"mask","wait":"1"}', "wait"),
        (b'{"maskbar":1,"op":"mask","wait":NaN}', "JSON"),
        (b'{"maskbar":1,"op":"mask","wait":-Infinity}', "JSON"),
        (b'{"maskbar":1,"op":"mask","wait":1e999}', "wait"),
        (b'{"maskbar":1,"op":"mask","wait":' + b"9" * 900 + b"}", "wait"),
        (b'{"maskbar":1,"op":"mask"} ', None),
        (b'{"maskbar":1,"op":"mask"}{"maskbar":1,"op":"quit"}', "JSON"),
        (b'\xef\xbb\xbf{"maskbar":1,"op":"mask"}', "JSON"),
        (b'{"maskbar":1,"op":"mask\xff"}', "JSON"),
        ('{"maskbar":1,"op":"mask"}'.encode("utf-16"), "JSON"),
        (b"[" * 1000, "JSON"),
        (b'{"a":' * 200, "JSON"),
        (b'{"maskbar":1,"op":"mask"' + b" " * LONGEST_REQUEST + b"}", "longer"),
    ],
)
def test_nothing_else_is_a_request(raw: bytes, why: str | None) -> None:
    if why is None:
        parse(raw)
        return
    with pytest.raises(NotARequestError, match=why):
        parse(raw)


# 10,000 messages that somebody's bug or ill will could send.


def mutated(chance: random.Random) -> bytes:
    """A good request after one to four accidents."""
    wait = chance.choice(["null", "0", "1.5", "3600"])
    op = chance.choice(sorted(OPS))
    raw = bytearray(
        Request(op).line()[:-1] if op not in WISHES else f'{{"maskbar":1,"op":"{op}","wait":{wait}}}'.encode()
    )
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(raw) + 1)
        match chance.randrange(7):
            case 0:
                raw[at:at] = bytes([chance.randrange(256)])
            case 1:
                del raw[at : at + chance.randint(1, 8)]
            case 2 if raw:
                raw[at % len(raw)] ^= 1 << chance.randrange(8)
            case 3:
                raw[at:at] = raw[: chance.randrange(len(raw) + 1)]
            case 4:
                raw[at:at] = chance.choice(
                    [b'"', b"\\", b"{", b"}", b",", b":", b"\x00", b"\xf0\x9f", b"1e9"]
                )
            case 5:
                raw = bytearray(
                    bytes(raw).replace(b"mask", chance.choice([b"MASK", b"unmask", b"mask\\u0020"]))
                )
            case _:
                raw[at:at] = b"[" * chance.randint(1, 600)
    return bytes(raw)


def obeyed_wrongly(parser: Parser, messages: list[bytes]) -> list[bytes]:
    """The messages that the parser took for a request although they are none. An independent reading of the rules."""
    return [raw for raw in messages if (found := _try(parser, raw)) is not None and not _is_meant(raw, found)]


def _try(parser: Parser, raw: bytes) -> Request | None:
    try:
        return parser(raw)
    except NotARequestError:
        return None


def _is_meant(raw: bytes, found: Request) -> bool:
    try:
        pairs = json.loads(raw.decode(), object_pairs_hook=lambda them: them)
    except (ValueError, RecursionError):
        return False
    if not isinstance(pairs, list) or len(raw) >= 1024:
        return False
    keys = [key for key, _ in pairs]
    said = dict(pairs)
    return (
        sorted(keys) in (["maskbar", "op"], ["maskbar", "op", "wait"])
        and repr(said["maskbar"]) == "1"
        and said["op"] == found.op
        and said["op"] in {"mask", "unmask", "toggle", "show", "quit", "status", "follow", "incident"}
        and (
            "wait" not in said or (said["op"] in {"mask", "unmask", "toggle"} and said["wait"] == found.wait)
        )
    )


def messages(seed: int, many: int) -> list[bytes]:
    chance = random.Random(seed)
    noise = [chance.randbytes(chance.randrange(200)) for _ in range(many // 5)]
    return noise + [mutated(chance) for _ in range(many - len(noise))]


@pytest.mark.guarantee("G26")
def test_ten_thousand_random_and_mutated_messages() -> None:
    tried = messages(seed=26, many=10_000)
    assert obeyed_wrongly(parse, tried) == []
    assert sum(_try(parse, raw) is not None for raw in tried) > 20, (
        "some accidents change nothing that counts"
    )


@pytest.mark.guarantee("G26")
@given(
    st.binary(max_size=1100) | st.text(max_size=300).map(lambda text: text.encode("utf-8", "surrogatepass"))
)
@settings(max_examples=500)
def test_any_bytes(raw: bytes) -> None:
    assert obeyed_wrongly(parse, [raw]) == []


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@pytest.mark.guarantee("G26")
@given(
    st.dictionaries(
        st.sampled_from(["maskbar", "op", "wait", "agent", "Op"]),
        st.sampled_from([1, "mask", "quit"]) | json_values,
    )
)
@settings(max_examples=100)
def test_any_object(said: dict[str, object]) -> None:
    assert obeyed_wrongly(parse, [json.dumps(said).encode()]) == []


# Broken clients: what the check must catch.


def believes_the_last_of_two(raw: bytes) -> Request:
    """What `json.loads` does by itself."""
    try:
        said = json.loads(raw)
        return Request(said["op"], said.get("wait"))
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
        raise NotARequestError("no") from None


@pytest.mark.mutant("G26")
@pytest.mark.parametrize("parser", [believes_anything, believes_the_last_of_two])
def test_a_parser_that_believes_too_much_is_caught(parser: Parser) -> None:
    assert obeyed_wrongly(parser, messages(seed=26, many=2000))


# The other direction.


def test_what_the_window_says_is_read_as_json_reads_it() -> None:
    said = {"maskbar": VERSION, "answer": "status", "status": {"word": "MASKING…", "n": [1, 1.5, None, True]}}
    raw = line(said)
    assert raw.isascii()
    assert heard(raw[:-1]) == said == json.loads(raw)


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"[]", b"\xff", b"null", b'{"maskbar":2,"answer":"x"}', b'{"maskbar":1}', b"[" * 5000]
)
def test_another_version_of_a_window_is_not_understood(raw: bytes) -> None:
    with pytest.raises(ValueError):
        heard(raw)
