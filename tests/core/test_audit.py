"""What a record says and never says, and that the chain finds what was changed. No file, no clock."""

import json
import random
import string
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.audit import (
    FIELDS,
    GENESIS,
    LONGEST,
    Entry,
    Fault,
    Head,
    Kind,
    Moment,
    Origin,
    Outcome,
    Resource,
    Scene,
    Verdict,
    Why,
    body,
    card_like,
    clean,
    fields,
    from_letters,
    letters,
    link,
    seconds,
    verify,
)
from app.core.failures import Failure
from app.core.ports import Wish
from app.core.states import Phase

KEY = bytes(range(32))
SCENE = Scene("agent-7", "desk-12", "api-na1.example.com", "run-a", "boot-a", "0.1.0")
AT = Moment(1_753_452_123.4567, 86_400.25)
FULL = Entry(
    Kind.ATTEMPT,
    AT,
    SCENE,
    Outcome.FAILURE,
    Origin.HOTKEY,
    Resource.RECORDING,
    operation=Wish.MASK,
    ticket=7,
    correlation="corr-7",
    status=504,
    failure=Failure.SERVER_TIMEOUT,
    duration=812,
    server_time=1_753_452_123.0,
    phase=Phase.UNKNOWN,
    masked_since=1_753_452_000.0,
    contact="contact-9",
    setting="masking.deadline",
    fault=Fault.SLOW,
    span=(1_753_452_000.0, 1_753_452_100.0),
    cut=Head(3, bytes(32)),
    amount=-5,
)

Row = tuple[int, bytes, bytes]
CARDS = [
    "4111111111111111",
    "4111 1111 1111 1111",
    "3782-822463-10005",
    "4222222222222",
    "6304000000000000000",
]


def chained(count: int, key: bytes = KEY, before: Head = GENESIS) -> list[Row]:
    rows: list[Row] = []
    for number in range(count):
        sequence = before.sequence + 1
        data = body(replace(FULL, cut=None, ticket=number))
        before = Head(sequence, link(key, before.mac, sequence, data))
        rows.append((sequence, data, before.mac))
    return rows


# What it says.


def test_the_bytes_of_a_record_are_these() -> None:
    """Written out: a change here makes every journal that was written before unverifiable by what follows."""
    assert body(Entry(Kind.INTENT, AT, SCENE, origin=Origin.BUTTON, operation=Wish.MASK)) == (
        b'{"at":"2025-07-25T14:02:03.457Z","boot":"boot-a","kind":"intent","monotonic_ms":86400250,'
        b'"operation":"mask","origin":"button","outcome":"success","resource":"recording","run":"run-a",'
        b'"service":"api-na1.example.com","station":"desk-12","user":"agent-7","version":"0.1.0"}'
    )


def test_a_full_record_has_every_field_and_reads_back() -> None:
    read = fields(body(FULL))
    assert sorted([*read, "removed"]) == sorted(FIELDS)
    assert read["at"] == "2025-07-25T14:02:03.457Z"
    assert read["failure"] == "SERVER_TIMEOUT"
    assert read["fault"] == "slow"
    assert read["cut"] == "3-" + "a" * 64
    assert read["amount"] == -5
    assert seconds(str(read["at"])) == pytest.approx(1_753_452_123.457)


def test_pci_10_2_2_fields_are_in_every_record() -> None:
    read = fields(body(Entry(Kind.STOP, AT, SCENE)))
    assert {"user", "kind", "at", "outcome", "origin", "resource", "station"} <= set(read)


def test_the_origins_are_those_of_the_surfaces() -> None:
    assert {"button", "hotkey", "tray", "command"} <= {origin.value for origin in Origin}


@pytest.mark.parametrize("wrong", [b"[]", b'{"a":[1]}', b'"text"', b"{", b"\xff\xfe"])
def test_what_is_no_record_is_refused(wrong: bytes) -> None:
    with pytest.raises(ValueError):
        fields(wrong)


def test_every_fault_has_a_sentence_and_its_own_word() -> None:
    assert len({fault.word for fault in Fault}) == len(Fault)
    assert all(fault.sentence.endswith(".") for fault in Fault)


# What it never says.


@pytest.mark.guarantee("G22")
@pytest.mark.parametrize("card", CARDS)
@pytest.mark.parametrize("where", ["user", "station", "service", "run", "boot", "version"])
def test_no_card_number_in_the_scene(where: str, card: str) -> None:
    written = body(Entry(Kind.INTENT, AT, replace(SCENE, **{where: f"x{card}y"})))
    assert not card_like(written.decode())
    assert fields(written)[where] == "[removed: digits]"
    assert fields(written)["removed"] == 1


@pytest.mark.guarantee("G22")
@pytest.mark.parametrize("card", CARDS)
def test_no_card_number_in_an_entry(card: str) -> None:
    read = fields(body(replace(FULL, correlation=card, contact=card, setting=card)))
    assert read["correlation"] == read["contact"] == "[removed: digits]"
    assert read["setting"] == "[removed: setting]"
    assert read["removed"] == 3


@pytest.mark.guarantee("G22")
@given(
    text=st.text(alphabet=st.sampled_from(string.digits + " -–.x" + "٤４"), max_size=60),
    number=st.integers(-(10**20), 10**20),
    wall=st.floats(),
)
def test_nothing_that_is_put_in_comes_out_as_a_card(text: str, number: int, wall: float) -> None:
    entry = replace(FULL, at=Moment(wall, wall), contact=text, correlation=text, setting=text, ticket=number)
    entry = replace(entry, status=number, duration=number, amount=number, server_time=wall, masked_since=wall)
    for value in fields(body(entry)).values():
        assert not card_like(str(value))


def test_a_check_for_cards_that_knows_only_plain_runs_would_fail() -> None:
    """The broken client: without the separators the same test lets a card through."""
    import re

    plain = re.compile(r"\d{13,19}")
    assert any(not plain.search(card) for card in CARDS)


@pytest.mark.guarantee("G22")
@pytest.mark.parametrize(
    ("text", "marker"),
    [
        ("a" * (LONGEST + 1), "[removed: long]"),
        ("two\nlines", "[removed: control]"),
        ("bell\x07", "[removed: control]"),
        ("turned\u202eround", "[removed: control]"),
        ("line\u2028break", "[removed: control]"),
        ("Bearer abc", "[removed: token]"),
        ("eyJhbGciOi", "[removed: token]"),
        ("https://me:secret@host", "[removed: token]"),
        ("the customer said that she", "[removed: text]"),
        ("４１１１１１１１１１１１１１１１", "[removed: digits]"),
        ("1" * 25, "[removed: digits]"),
    ],
)
def test_what_is_not_a_name_is_replaced(text: str, marker: str) -> None:
    assert clean(text) == (marker, True)


@pytest.mark.parametrize(
    "text", ["agent-7", "anna@example.com", "Smith, Anna", "123456789012", "é", "", "2025-07-25"]
)
def test_names_stay_as_they_are(text: str) -> None:
    assert clean(text) == (text, False)


def test_numbers_that_no_record_can_have_are_bounded_and_counted() -> None:
    entry = replace(FULL, ticket=10**15, at=Moment(float("nan"), float("inf")), server_time=-1.0)
    read = fields(body(entry))
    assert read["ticket"] == 10**12 - 1
    assert read["at"] == "1970-01-01T00:00:00.000Z"
    assert read["monotonic_ms"] == 10**12 - 1
    assert read["removed"] == 4


# Heads and letters.


@pytest.mark.guarantee("G22")
@given(st.binary(max_size=64))
def test_letters_never_look_like_a_card_and_come_back(data: bytes) -> None:
    assert not any(sign.isdigit() for sign in letters(data))
    assert from_letters(letters(data)) == data


@pytest.mark.parametrize("wrong", ["a", "zz", "0f", "aa "])
def test_other_letters_are_refused(wrong: str) -> None:
    with pytest.raises(ValueError):
        from_letters(wrong)


def test_a_head_reads_back() -> None:
    head = Head(12, bytes(range(32)))
    assert Head.parse(f" {head}\n") == head


@pytest.mark.parametrize("wrong", ["", "12", "12-", "x-" + "a" * 64, "12-" + "a" * 63, "-" + "a" * 64])
def test_a_wrong_head_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="audit head"):
        Head.parse(wrong)


# The chain.

Verifier = Callable[[list[Any], bytes, Head, Head | None], Verdict]


def test_an_untouched_chain_verifies() -> None:
    rows = chained(50)
    head = Head(50, rows[-1][2])
    assert verify(rows, KEY, head=head) == Verdict(head, 50, head_seen=True)
    assert verify(rows, KEY) == Verdict(head, 50)
    assert verify([], KEY) == Verdict(GENESIS, 0)
    assert verify(rows, KEY, head=Head(20, rows[19][2])).head_seen is True


def changed(rows: list[Row], chance: random.Random) -> tuple[list[Row], int]:
    """One random change, deletion, swap, repetition or cut, and the first sequence number that it makes bad."""
    rows = list(rows)
    at = chance.randrange(len(rows))
    sequence, data, mac = rows[at]
    match chance.choice(["body", "mac", "delete", "swap", "bodies", "repeat", "cut", "number"]):
        case "body":
            place = chance.randrange(len(data))
            flipped = bytes([data[place] ^ chance.randrange(1, 256)])
            rows[at] = (sequence, data[:place] + flipped + data[place + 1 :], mac)
        case "mac":
            place = chance.randrange(len(mac))
            flipped = bytes([mac[place] ^ chance.randrange(1, 256)])
            rows[at] = (sequence, data, mac[:place] + flipped + mac[place + 1 :])
        case "delete":
            del rows[at]
        case "swap":
            other = (at + chance.randrange(1, len(rows))) % len(rows)
            rows[at], rows[other] = rows[other], rows[at]
            at = min(at, other)
        case "bodies":
            other = (at + chance.randrange(1, len(rows))) % len(rows)
            rows[at] = (sequence, rows[other][1], mac)
            rows[other] = (rows[other][0], data, rows[other][2])
            at = min(at, other)
        case "repeat":
            rows.insert(at + 1, rows[at])
            at += 1
        case "cut":
            del rows[at:]
        case "number":
            rows[at] = (sequence + chance.choice([-1, 1, 1000]), data, mac)
    return rows, at + 1


def missed(verifier: Verifier, times: int, rows: list[Row], head: Head) -> int:
    """How many of so many random changes the verifier does not find, or finds at the wrong place."""
    chance = random.Random(3)
    wrong = 0
    for _ in range(times):
        touched, first = changed(rows, chance)
        # A repetition of the last record stands behind the head, and is bad all the same.
        wrong += verifier(touched, KEY, GENESIS, head).bad != first
    return wrong


@pytest.mark.guarantee("G28")
def test_10_000_random_changes_are_found_where_they_are() -> None:
    rows = chained(60)
    assert missed(verify, 10_000, rows, Head(60, rows[-1][2])) == 0


def without_sequence(rows: list[Any], key: bytes, anchor: Head, head: Head | None) -> Verdict:
    """Broken: every record is checked by itself, wherever it stands."""
    by_number = {sequence: (sequence, data, mac) for sequence, data, mac in chained(60)}
    for row in rows:
        if by_number.get(row[0]) != row:
            return Verdict(anchor, 0, row[0], Why.EDITED)
    return Verdict(anchor, len(rows))


def without_head(rows: list[Any], key: bytes, anchor: Head, head: Head | None) -> Verdict:
    """Broken: forgets the head."""
    return verify(rows, key, anchor)


def without_mac(rows: list[Any], key: bytes, anchor: Head, head: Head | None) -> Verdict:
    """Broken: looks at the numbers only."""
    for wanted, row in enumerate(rows, start=1):
        if row[0] != wanted:
            return Verdict(anchor, 0, wanted, Why.MISSING)
    return Verdict(anchor, len(rows))


@pytest.mark.guarantee("G28")
@pytest.mark.parametrize("broken", [without_sequence, without_head, without_mac])
def test_broken_verifiers_are_caught_by_the_same_search(broken: Verifier) -> None:
    rows = chained(60)
    assert missed(broken, 500, rows, Head(60, rows[-1][2])) > 0


@pytest.mark.guarantee("G28")
def test_a_chain_that_an_attacker_computed_anew_is_found_for_want_of_the_key() -> None:
    forged = chained(20, key=b"a guess")
    assert verify(forged, KEY).bad == 1
    # The broken client: a chain without a key (one that everybody knows) cannot tell.
    nobodys = b""
    assert verify(chained(20, key=nobodys), nobodys).bad is None


@pytest.mark.guarantee("G28")
def test_a_rewritten_tail_is_not_the_head_that_was_exported() -> None:
    """Even whoever has the key cannot change what stands behind an exported head."""
    rows = chained(20)
    head = Head(20, rows[-1][2])
    again = [*rows[:19], (20, b"{}", link(KEY, rows[18][2], 20, b"{}"))]
    assert verify(again, KEY, head=head) == Verdict(Head(19, rows[18][2]), 19, 20, Why.OTHER_HEAD, False)


@pytest.mark.guarantee("G28")
@pytest.mark.parametrize(
    ("rows", "why"),
    [
        ([(2, b"{}", bytes(32))], Why.MISSING),
        ([(0, b"{}", bytes(32))], Why.OUT_OF_ORDER),
        ([("1", b"{}", bytes(32))], Why.OUT_OF_ORDER),
        ([(1, "{}", bytes(32))], Why.EDITED),
        ([(1, b"{}", None)], Why.EDITED),
        ([(1, b"{}", b"")], Why.EDITED),
    ],
)
def test_whatever_stands_in_the_file_is_judged(rows: list[Any], why: Why) -> None:
    verdict = verify(rows, KEY)
    assert (verdict.bad, verdict.why) == (1, why)


# Retention.


def after_a_cut(through: int, count: int) -> tuple[list[Row], Head]:
    rows = chained(count)
    cut = Head(through, rows[through - 1][2])
    said = body(replace(FULL, kind=Kind.RETENTION, cut=cut))
    rows.append((count + 1, said, link(KEY, rows[-1][2], count + 1, said)))
    return rows[through:], cut


@pytest.mark.guarantee("G28")
def test_a_cut_that_a_retention_record_vouches_for_verifies() -> None:
    rows, anchor = after_a_cut(10, 30)
    assert verify(rows, KEY, anchor).bad is None
    assert verify(rows, KEY, anchor, head=anchor).head_seen is True
    assert verify(rows, KEY, anchor, head=Head(4, bytes(32))) == Verdict(
        Head(31, rows[-1][2]), 21, head_seen=False
    )


@pytest.mark.guarantee("G28")
def test_a_cut_that_nobody_vouches_for_is_found() -> None:
    rows, anchor = after_a_cut(10, 30)
    assert verify(rows[:-1], KEY, anchor).why is Why.UNVOUCHED
    assert verify(rows[5:], KEY, Head(15, rows[4][2])).why is Why.UNVOUCHED
    assert verify(rows[1:], KEY, anchor).bad == 11
    assert verify(rows, KEY).bad == 1
    assert verify([], KEY, anchor).bad == 1


@pytest.mark.guarantee("G28")
def test_a_head_that_is_not_the_anchor_is_found() -> None:
    rows, anchor = after_a_cut(10, 30)
    assert verify(rows, KEY, anchor, head=Head(10, bytes(32))).why is Why.OTHER_HEAD


def test_the_bytes_are_json_that_others_read() -> None:
    assert json.loads(body(FULL))["kind"] == "attempt"
