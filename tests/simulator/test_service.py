"""Signing in, permission and read-back over HTTP, as api.md has them."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from app.simulator import tenant
from app.simulator.service import ACCESS_KEY_TOKEN, INTERACTIONS
from tests.simulator.conftest import Caller

KEY = {"accessKeyId": tenant.ACCESS_KEY_ID, "accessKeySecret": tenant.ACCESS_KEY_SECRET}


def claims(token: str) -> Any:
    head, body, signature = token.split(".")
    assert (bool(head), signature) == (True, "")
    return json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))


def openid(caller: Caller, secret: str = tenant.CLIENT_SECRET, **form: str) -> httpx.Response:
    configuration = caller.http.get("/.well-known/openid-configuration").json()
    assert configuration["issuer"] == caller.sim.url
    basic = f"{quote(tenant.CLIENT_ID, safe='')}:{quote(secret, safe='')}"
    headers = {"Authorization": "Basic " + base64.b64encode(basic.encode()).decode()}
    return caller.http.post(configuration["token_endpoint"], data=form, headers=headers)


def test_the_access_key_gives_a_token_that_names_its_agent(caller: Caller) -> None:
    answer = caller.http.post(ACCESS_KEY_TOKEN, json=KEY).json()
    assert (answer["token_type"], answer["expires_in"]) == ("Bearer", 3600)
    named = claims(answer["id_token"])
    assert named["userId"] == tenant.USER_ID
    assert named["sub"][5:] == tenant.USER_ID


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"\xff", b'{"accessKeyId": 1}', b'{"accessKeyId": {}}', b"[" * 5000]
)
def test_a_wrong_access_key_gives_none(caller: Caller, body: bytes) -> None:
    assert caller.http.post(ACCESS_KEY_TOKEN, content=body).status_code in (400, 401)
    caller.sim.world.turn({"wrong_key_status": 400})
    assert caller.http.post(ACCESS_KEY_TOKEN, json={**KEY, "accessKeySecret": "no"}).status_code == 400


def test_openid_password_and_refresh(caller: Caller) -> None:
    user = {"username": tenant.ACCESS_KEY_ID, "password": tenant.ACCESS_KEY_SECRET}
    first = openid(caller, grant_type="password", **user)
    assert first.status_code == 200
    refresh = {
        "grant_type": "refresh_token",
        "scope": "openid",
        "refresh_token": first.json()["refresh_token"],
    }
    second = openid(caller, **refresh)
    assert second.json()["access_token"] != first.json()["access_token"]
    caller.sim.world.turn({"refresh": False})
    refused = openid(caller, **refresh)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")
    assert openid(caller, "no", grant_type="password", **user).json()["error"] == "invalid_client"
    assert openid(caller, grant_type="magic").json()["error"] == "unsupported_grant_type"
    assert openid(caller, grant_type="password", username="x").json()["error"] == "invalid_grant"


@pytest.mark.parametrize(
    "header", ["", "Basic", "Basic !!!", "Basic " + base64.b64encode(b"\xff").decode(), "Bearer x"]
)
def test_a_broken_basic_header_is_no_client(caller: Caller, header: str) -> None:
    answer = caller.http.post("/auth/token", headers={"Authorization": header})
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_discovery(caller: Caller) -> None:
    found = caller.http.get("/.well-known/cxone-configuration", params={"tenantId": tenant.TENANT_ID}).json()
    assert (found["area"], found["api_endpoint"], found["auth_endpoint"]) == (
        "na1",
        caller.sim.url,
        caller.sim.url,
    )
    assert caller.http.get("/.well-known/cxone-configuration").status_code == 404


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer nonsense", "Basic abc"])
def test_without_a_good_token_it_is_401_and_nothing_is_masked(caller: Caller, header: str) -> None:
    assert caller.ask("mask", authorization=header).status_code == 401
    assert caller.sim.world.recording() == "recorded"


def test_tokens_run_out(caller: Caller) -> None:
    caller.sim.world.turn({"token_life": 0})
    answer = caller.http.post(ACCESS_KEY_TOKEN, json=KEY).json()
    assert answer["expires_in"] == 0
    refused = caller.ask("mask", authorization="Bearer " + answer["access_token"])
    assert (refused.status_code, refused.json()["message"]) == (401, "The bearer token has expired.")
    assert caller.ask("mask").status_code == 200  # the one from before lives on
    caller.sim_post("expire-tokens")
    assert caller.ask("mask").status_code == 401


def test_without_the_permission_it_is_403(caller: Caller) -> None:
    caller.sim.world.turn({"permission": False})
    refused = caller.ask("mask")
    assert refused.status_code == 403
    assert tenant.PERMISSION in refused.json()["message"]


def test_the_agent_must_be_named_and_may_be_called_anything(caller: Caller) -> None:
    assert caller.http.post(f"{INTERACTIONS}/mask").status_code == 400
    odd = "ä/..?&=%20 +"
    caller.sim.world.start_call(odd)
    assert caller.ask("mask", odd).status_code == 200
    assert caller.sim.world.recording(odd) == "masked"


def test_only_post_masks(caller: Caller) -> None:
    assert caller.http.get(f"{INTERACTIONS}/mask?userId={tenant.USER_ID}").status_code == 405


def test_the_read_back_must_be_granted(caller: Caller) -> None:
    assert caller.read_back().status_code == 403
    caller.sim.world.turn({"read_back": True})
    caller.ask("mask")
    answer = caller.read_back().json()
    assert (answer["statusReason"], answer["recordingStatusToAgent"]) == ("Mask", "Stopped")
    assert answer["contactId"] == caller.sim.world.truth()["call"]["call"]
    caller.sim.world.turn({"read": "error"})
    assert caller.read_back().status_code == 500
    caller.sim.world.turn({"read": "instant"})
    caller.sim.world.end_call()
    assert caller.read_back().status_code == 404


def test_signing_in_can_fail_too(caller: Caller) -> None:
    caller.sim.world.turn({"token": "away"})
    assert caller.http.post(ACCESS_KEY_TOKEN, json=KEY).status_code == 503
    caller.sim.world.turn({"token": "half"})
    with pytest.raises(httpx.RemoteProtocolError):
        caller.http.post(ACCESS_KEY_TOKEN, json=KEY)
