"""What a desktop can and cannot do, in words: each no has its sentence, and what is not known is no no."""

from typing import Any

import pytest

from app.core.capabilities import (
    Can,
    Desktop,
    Facts,
    Feature,
    capabilities,
    desktop,
    missing,
    offers_x11,
)

ALL: dict[str, Any] = dict.fromkeys(("holds_topmost", "leaves_focus", "all_desktops"), True)
REST: dict[str, Any] = dict.fromkeys(
    ("tray", "notifications", "hotkeys", "locks", "autostart", "read_back", "keyring"), True
)


@pytest.mark.parametrize("on", Desktop)
def test_each_no_has_a_sentence_and_each_yes_needs_none(on: Desktop) -> None:
    none: dict[str, Any] = dict.fromkeys(REST, False)
    nothing = Facts(on, **none)
    assert [found.feature for found in capabilities(nothing)] == list(Feature)
    assert [found.feature for found in missing(nothing)] == list(Feature)
    for found in missing(nothing):
        assert found.sentence.endswith(".")
        assert "  " not in found.sentence
    everything = Facts(on, **ALL, **REST)
    left = [found.feature for found in missing(everything)]
    assert left == ([] if on in (Desktop.WINDOWS, Desktop.MACOS) else [Feature.FULL_SCREEN])
    assert all(not found.sentence for found in capabilities(everything) if found.can is Can.YES)


def test_what_is_not_known_is_neither_yes_nor_no() -> None:
    found = {each.feature: each for each in capabilities(Facts(Desktop.X11))}
    assert found[Feature.READ_BACK].can is Can.NOT_KNOWN
    assert found[Feature.READ_BACK].sentence == ""
    assert found[Feature.TOPMOST].can is Can.NO


def test_wayland_offers_x11_from_the_next_start() -> None:
    without, beside = Facts(Desktop.WAYLAND), Facts(Desktop.WAYLAND, xwayland=True)
    assert not offers_x11(without)
    assert offers_x11(beside)
    assert not offers_x11(Facts(Desktop.X11, xwayland=True))
    plain, offered = (missing(facts)[0] for facts in (without, beside))
    assert plain.feature is offered.feature is Feature.TOPMOST
    assert plain.sentence == "Wayland does not let a program keep its window on top."
    assert offered.sentence.startswith(plain.sentence)
    assert "next start" in offered.sentence


def test_reasons_that_were_found_are_said_as_they_are() -> None:
    facts = Facts(
        Desktop.WAYLAND,
        hotkeys=False,
        hotkeys_reason="The portal is too old.",
        keyring=False,
        keyring_reason="It is locked.",
    )
    said = {each.feature: each.sentence for each in missing(facts)}
    assert said[Feature.HOTKEYS] == "The portal is too old."
    assert said[Feature.KEYRING] == "It is locked."


def test_only_what_was_run_counts_as_verified() -> None:
    on_x11 = {each.feature: each.verified for each in capabilities(Facts(Desktop.X11))}
    assert on_x11[Feature.FOCUS]
    assert not any(each.verified for each in capabilities(Facts(Desktop.WINDOWS)))
    assert not any(each.verified for each in capabilities(Facts(Desktop.MACOS)))


@pytest.mark.parametrize(
    ("platform", "on"),
    [
        ("xcb", Desktop.X11),
        ("wayland", Desktop.WAYLAND),
        ("wayland-egl", Desktop.WAYLAND),
        ("windows", Desktop.WINDOWS),
        ("cocoa", Desktop.MACOS),
        ("offscreen", Desktop.NONE),
    ],
)
def test_qt_s_names(platform: str, on: Desktop) -> None:
    assert desktop(platform) is on
