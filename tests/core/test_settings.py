"""Every bad input is named with what is expected; nothing wrong is used or silently replaced."""

from math import inf, nan
from typing import Any

import pytest

from app.core.settings import DEFAULT_SETTLE, DEFAULTS, KEYS, Settings, SettingsError, from_data

GOOD: dict[str, Any] = {"connection": {"area": "na1", "user_id": "12345"}}


def complaints(data: dict[str, Any]) -> list[tuple[str, str]]:
    with pytest.raises(SettingsError) as caught:
        from_data(data)
    assert caught.value.complaints
    for key, expected in caught.value.complaints:
        assert f"{key}: {expected}" in str(caught.value)
    return [(one.key, one.expected) for one in caught.value.complaints]


def with_(section: str, **values: Any) -> dict[str, Any]:
    return {**GOOD, section: {**GOOD.get(section, {}), **values}}


def test_the_least_there_can_be() -> None:
    settings = from_data(GOOD)
    assert settings == Settings(area="na1", user_id="12345")
    assert settings.api_url == "https://api-na1.niceincontact.com"
    assert settings.sign_in_url == "https://na1.nice-incontact.com/authentication/v1/token/access-key"


def test_an_address_overrides_the_one_made_from_the_area() -> None:
    settings = from_data(with_("connection", base_url="https://recorder.example/api/"))
    assert settings.api_url == "https://recorder.example/api"
    assert settings.sign_in_url.startswith("https://na1.nice-incontact.com/")


def test_without_an_area_the_sign_in_is_at_the_address() -> None:
    settings = from_data({"connection": {"base_url": "http://127.0.0.1:8000/", "user_id": "u"}})
    assert settings.sign_in_url == "http://127.0.0.1:8000/authentication/v1/token/access-key"


def test_the_area_is_read_as_people_write_it() -> None:
    assert from_data({"connection": {"area": " NA1 ", "user_id": "u"}}).area == "na1"


@pytest.mark.parametrize(
    ("data", "key", "expected"),
    [
        ({}, "connection.base_url", "connection.area"),
        ({"connection": {"user_id": "u"}}, "connection.base_url", "connection.area"),
        ({"connection": {"area": "na1"}}, "connection.user_id", "the agent's user id"),
        ({"conection": {}}, "conection", "expected one of connection, reminders, masking"),
        ({"connection": 7}, "connection", "expected a section [connection]"),
        ({"connection": [GOOD]}, "connection", "expected a section [connection]"),
        (with_("connection", usr_id="u"), "connection.usr_id", "expected one of base_url, area, user_id"),
        (with_("connection", user_id=12345), "connection.user_id", "a text in quotes"),
        (with_("connection", user_id="  "), "connection.user_id", "not empty"),
        (with_("connection", user_id=["u"]), "connection.user_id", "a text in quotes"),
        (with_("connection", area="na1.evil.example/"), "connection.area", "letters and digits only"),
        (with_("connection", area="ná1"), "connection.area", "letters and digits only"),
        (with_("connection", area="-"), "connection.area", "letters and digits only"),
        (with_("connection", base_url="http://recorder.example"), "connection.base_url", "https://"),
        (with_("connection", base_url="recorder.example"), "connection.base_url", "https://"),
        (with_("connection", base_url=True), "connection.base_url", "a text in quotes"),
        (with_("masking", deadline="10"), "masking.deadline", "seconds, a number from 5 to 60"),
        (with_("masking", deadline=True), "masking.deadline", "seconds, a number from 5 to 60"),
        (with_("masking", deadline=nan), "masking.deadline", "seconds, a number from 5 to 60"),
        (with_("masking", evidence_life=inf), "masking.evidence_life", "a number from 30 to 3600"),
        (with_("masking", deadline=1.9), "masking.deadline", "seconds from 5 to 60"),
        (with_("masking", deadline=60.1), "masking.deadline", "seconds from 5 to 60"),
        (with_("masking", confirmation="yes"), "masking.confirmation", '"strict" or "accepted"'),
        (with_("masking", confirmation=[1]), "masking.confirmation", '"strict" or "accepted"'),
        (with_("masking", settle=0), "masking.settle", "seconds from 1 to 30"),
        (with_("reminders", remind_after=5), "reminders.remind_after", "seconds from 10 to 600"),
        (with_("reminders", alert_after=30), "reminders", "in this order"),
        (with_("reminders", alert_after=200, sound_after=100), "reminders", "in this order"),
        (with_("reminders", auto_unmask=60), "reminders.auto_unmask", "remind_after and countdown"),
    ],
)
def test_bad_input_is_named_with_what_is_expected(data: dict[str, Any], key: str, expected: str) -> None:
    ((found, words),) = complaints(data)
    assert found == key
    assert expected in words


def test_what_was_found_is_told() -> None:
    ((_, words),) = complaints(with_("masking", deadline=99))
    assert words.endswith("found 99")


def test_all_complaints_come_at_once() -> None:
    data = {"connection": {"area": 1, "user_id": ""}, "masking": {"deadline": 0, "speed": 1}, "colour": {}}
    assert [key for key, _ in complaints(data)] == [
        "connection.area",
        "connection.user_id",
        "masking.deadline",
        "masking.speed",
        "colour",
    ]


@pytest.mark.parametrize("section", KEYS)
@pytest.mark.parametrize("value", [None, object(), {}, b"x", [], "", nan])
def test_no_value_of_another_kind_gets_through(section: str, value: Any) -> None:
    for key in KEYS[section]:
        found = [name for name, _ in complaints({**GOOD, section: {**GOOD.get(section, {}), key: value}})]
        assert found == [f"{section}.{key}"]


def test_what_is_set_is_used() -> None:
    limits = from_data(with_("masking", deadline=5, evidence_life=60.5)).limits
    assert (limits.deadline, limits.evidence_life) == (5.0, 60.5)
    assert isinstance(limits.deadline, float)
    ladder = from_data(with_("reminders", remind_after=30, sound_every=20, snooze=90, countdown=40)).ladder
    assert (ladder.say, ladder.sound_every, ladder.snooze, ladder.countdown) == (30, 20, 90, 40)


def test_who_moves_one_rung_moves_those_above_it() -> None:
    ladder = from_data(with_("reminders", remind_after=300)).ladder
    assert (ladder.say, ladder.alert, ladder.sound) == (300, 360, 420)
    ladder = from_data(with_("reminders", alert_after=100, sound_after=110)).ladder
    assert (ladder.say, ladder.alert, ladder.sound) == (60, 100, 110)


@pytest.mark.parametrize("allowed", [True, False])
def test_whether_another_program_may_unmask(allowed: bool) -> None:
    assert from_data(with_("command", unmask=allowed)).command_unmask is allowed


@pytest.mark.parametrize("value", [0, 1, "true", None])
def test_a_flag_is_true_or_false_and_nothing_like_it(value: Any) -> None:
    ((key, words),) = complaints(with_("command", unmask=value))
    assert key == "command.unmask"
    assert "true or false" in words


def test_an_unmask_by_itself_is_the_organisations_choice() -> None:
    assert DEFAULTS.ladder.auto_unmask is None
    assert from_data(with_("reminders", auto_unmask=90)).ladder.auto_unmask == 90.0


@pytest.mark.parametrize("masking", [{"confirmation": "strict", "settle": 5}, {"settle": 5}])
def test_settle_without_accepted_is_no_setting(masking: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match=r"masking\.settle: expected only beside"):
        from_data(with_("masking", **masking))


def test_a_value_that_may_hold_a_password_is_not_repeated() -> None:
    with pytest.raises(SettingsError) as error:
        from_data(with_("connection", base_url="https://agent:canary@example.com"))
    assert "canary" not in str(error.value)


@pytest.mark.guarantee("G02")
@pytest.mark.parametrize(
    ("masking", "settle"),
    [
        ({}, None),
        ({"confirmation": "strict"}, None),
        ({"confirmation": "accepted"}, DEFAULT_SETTLE),
        ({"confirmation": "accepted", "settle": 5}, 5.0),
    ],
)
def test_accepted_counts_only_where_the_organisation_says_so(
    masking: dict[str, Any], settle: float | None
) -> None:
    assert from_data(with_("masking", **masking)).limits.settle == settle
