"""Combinations: what is read, how it is written, what is refused and in which words."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.shortcut import (
    FUNCTION_KEYS,
    KEYS,
    LETTERS,
    Action,
    Modifier,
    RefusedError,
    Shortcut,
    Spelling,
    parse,
)

CTRL, ALT, SHIFT, META = Modifier


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("Ctrl+Alt+M", "Ctrl+Alt+M"),
        ("alt + CONTROL + m", "Ctrl+Alt+M"),
        ("Shift+Super+F13", "Shift+Meta+F13"),
        ("win+ctrl+1", "Ctrl+Meta+1"),
        ("Windows+alt+pgup", "Alt+Meta+PageUp"),
        ("Cmd+Shift+pgdown", "Shift+Meta+PageDown"),
        ("Command+Option+ins", "Alt+Meta+Insert"),
        ("Meta+Space", "Meta+Space"),
        ("Ctrl+Shift+C", "Ctrl+Shift+C"),
        ("Ctrl+1", "Ctrl+1"),
        ("Ctrl+Alt+Shift+F5", "Ctrl+Alt+Shift+F5"),
        ("Ctrl+Alt+F13", "Ctrl+Alt+F13"),
        ("Alt+M", "Alt+M"),
    ],
)
def test_what_is_read_and_how_it_is_written(text: str, canonical: str) -> None:
    assert str(parse(text)) == canonical


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "Name a combination"),
        (" + ", "Name a combination"),
        ("M", "M alone would be taken from every program"),
        ("F13", "F13 alone"),
        ("Shift+M", "Shift+M is needed for typing"),
        ("Ctrl+Alt", "has no key"),
        ("Ctrl+Alt+M+N", "more than one key"),
        ("Ctrl+Alt++", "more than one key"),
        ("Ctrl+control+M", "“control” is in “Ctrl+control+M” twice"),
        ("Ctrl+Alt+Delete", "“Delete” is no key for a hotkey"),
        ("Ctrl+Alt+Tab", "“Tab” is no key"),
        ("Hyper+M", "more than one key"),
        ("Ctrl+Alt+Ä", "“Ä” is no key"),
        ("Ctrl+F25", "“F25” is no key"),
        ("Ctrl+C", "Ctrl+C is a command of most programs"),
        ("Alt+F4", "Alt+F4 closes windows"),
        ("Win+L", "Meta+L locks the screen"),
        ("Ctrl+Alt+F2", "leaves the desktop on Linux"),
    ],
)
def test_what_is_refused_and_why(text: str, words: str) -> None:
    with pytest.raises(RefusedError, match=re.escape(words)):
        parse(text)


def test_a_refusal_is_one_sentence_that_says_what_to_do() -> None:
    for text in ("M", "Shift+M", "Ctrl+C", "Alt+F4", "Ctrl+Alt+F2", "Ctrl+Alt+Ä", "Ctrl"):
        with pytest.raises(RefusedError) as refused:
            parse(text)
        assert str(refused.value).endswith(".")
        assert ":" in str(refused.value)


@given(st.sets(st.sampled_from(Modifier)), st.sampled_from(sorted(KEYS)))
def test_every_combination_is_refused_or_read_as_it_was_written(held: set[Modifier], key: str) -> None:
    try:
        shortcut = Shortcut(frozenset(held), key)
    except RefusedError:
        return
    assert shortcut.modifiers - {SHIFT}
    assert parse(str(shortcut)) == shortcut
    for spelling in Spelling:
        assert parse(shortcut.spell(spelling)) == shortcut


@given(st.text(max_size=30))
def test_no_text_does_anything_but_name_a_combination_or_be_refused(text: str) -> None:
    try:
        shortcut = parse(text)
    except RefusedError:
        return
    assert shortcut.modifiers & {CTRL, ALT, META}


def test_each_system_has_its_own_names() -> None:
    shortcut = parse("Alt+Shift+Meta+M")
    assert shortcut.spell(Spelling.LINUX) == "Alt+Shift+Super+M"
    assert shortcut.spell(Spelling.WINDOWS) == "Alt+Shift+Win+M"
    assert shortcut.spell(Spelling.MACOS) == "Option+Shift+Command+M"


def test_the_agent_is_warned_of_altgr() -> None:
    assert "AltGr+Q" in parse("Ctrl+Alt+Q").caution
    assert not parse("Ctrl+Alt+Shift+Q").caution
    assert not parse("Ctrl+Alt+Pause").caution


def test_each_action_has_words_and_a_name_of_its_own() -> None:
    assert [action.value for action in Action] == ["mask", "unmask", "toggle", "show"]
    assert len({action.words for action in Action}) == len(Action)


def test_the_closed_list() -> None:
    assert len(FUNCTION_KEYS) == 24
    assert len(LETTERS) == 26
    assert not {"Tab", "Escape", "Return", "Delete", "Backspace"} & KEYS
