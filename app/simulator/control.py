"""The control path `/_sim/…`: begins and ends calls, turns the knobs, tells the truth. JSON, no sign-in.

The one rule: a wrong request changes nothing and is answered 400 with one sentence.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from app.simulator import tenant
from app.simulator.behaviour import ControlError, one_of, read_fields, text, yes_or_no
from app.simulator.knobs import OPS
from app.simulator.scenarios import SCENARIOS
from app.simulator.service import read_body
from app.simulator.world import World

LONGEST_CONTROL = 1_000_000  # bytes
MOST_RETURNED = 500  # requests of the log in one answer, the latest; `since` pages on

Handler = Callable[[Request], Awaitable[Response]]


def _answering(handler: Handler) -> Handler:
    async def guarded(request: Request) -> Response:
        try:
            return await handler(request)
        except ControlError as error:
            return JSONResponse({"error": str(error)}, 400)

    return guarded


async def _json(request: Request) -> Any:
    body = await read_body(request, LONGEST_CONTROL)
    if len(body) > LONGEST_CONTROL:
        raise ControlError(f"the body is longer than {LONGEST_CONTROL} bytes")
    if not body.strip():
        return {}
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise ControlError("the body is not JSON") from None


def _id(value: Any) -> str:
    if not text(value):
        raise ControlError("a text that is not empty is expected")
    return str(value)


def _id_or_none(value: Any) -> str | None:
    return None if value is None else _id(value)


def _ops(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not value:
        raise ControlError(f"a list of some of {', '.join(OPS)} is expected")
    return tuple(one_of(*OPS)(op) for op in value)


class Control:
    def __init__(self, world: World) -> None:
        self._world = world

    def routes(self) -> list[Route]:
        posts = {
            "call": self._call,
            "end": self._end,
            "recording": self._recording,
            "somebody-else": self._somebody_else,
            "knobs": self._turn,
            "scenario": self._play,
            "expire-tokens": self._expire_tokens,
            "reset": self._reset,
        }
        gets = {"truth": self._truth, "knobs": self._knobs, "scenarios": self._scenarios}
        return [
            *(Route(f"/_sim/{name}", _answering(f), methods=["POST"]) for name, f in posts.items()),
            *(Route(f"/_sim/{name}", _answering(f), methods=["GET"]) for name, f in gets.items()),
        ]

    async def _given(self, request: Request, known: Mapping[str, Callable[[Any], Any]]) -> dict[str, Any]:
        given: dict[str, Any] = {"userId": tenant.USER_ID, "call": None}
        readers = {"userId": _id, "call": _id_or_none, **known}
        return given | read_fields(await _json(request), readers, "the body")

    def _told(self, user_id: str, **more: Any) -> Response:
        """Every change answers with what is now true for the agent."""
        return JSONResponse({**more, "recording": self._world.recording(user_id)})

    async def _call(self, request: Request) -> Response:
        given = await self._given(request, {"recorded": yes_or_no, "internal": yes_or_no})
        call_id = self._world.start_call(
            given["userId"],
            recorded=given.get("recorded", True),
            internal=given.get("internal", False),
            call_id=given["call"],
        )
        return self._told(given["userId"], call=call_id)

    async def _end(self, request: Request) -> Response:
        given = await self._given(request, {"all": yes_or_no})
        ended = self._world.end_call(given["userId"], given["call"], all_calls=given.get("all", False))
        return self._told(given["userId"], ended=ended)

    async def _recording(self, request: Request) -> Response:
        given = await self._given(request, {"recorded": yes_or_no})
        if "recorded" not in given:
            raise ControlError("the body needs the key 'recorded'")
        changed = self._world.set_recorded(given["recorded"], given["userId"], given["call"])
        return self._told(given["userId"], changed=changed)

    async def _somebody_else(self, request: Request) -> Response:
        given = await self._given(request, {"op": one_of("mask", "unmask")})
        if "op" not in given:
            raise ControlError("the body needs the key 'op'")
        changed = self._world.somebody_else(given["op"], given["userId"], given["call"])
        return self._told(given["userId"], changed=changed)

    async def _turn(self, request: Request) -> Response:
        self._world.turn(await _json(request))
        return JSONResponse(self._world.knobs.as_json())

    async def _play(self, request: Request) -> Response:
        given = await _json(request)
        if not isinstance(given, dict) or "name" not in given:
            raise ControlError("the body must be a JSON object with the key 'name'")
        ops = _ops(given.pop("ops")) if "ops" in given else ("mask", "unmask")
        self._world.play(given.pop("name"), ops, given)
        return JSONResponse(self._world.knobs.as_json())

    async def _expire_tokens(self, _request: Request) -> Response:
        with self._world.lock:
            self._world.sign_in.expire()
        return JSONResponse({})

    async def _reset(self, request: Request) -> Response:
        given = read_fields(await _json(request), {"keep_tokens": yes_or_no}, "the body")
        self._world.reset(given.get("keep_tokens", True))
        return JSONResponse({})

    async def _truth(self, request: Request) -> Response:
        since = request.query_params.get("since", "0")
        if not (since.isascii() and since.isdigit() and len(since) < 16):
            raise ControlError("since must be the number of a request")
        truth = self._world.truth(request.query_params.get("userId") or tenant.USER_ID, int(since))
        del truth["requests"][:-MOST_RETURNED]
        return JSONResponse(truth)

    async def _knobs(self, _request: Request) -> Response:
        return JSONResponse(self._world.knobs.as_json())

    async def _scenarios(self, _request: Request) -> Response:
        return JSONResponse({name: each.says for name, each in SCENARIOS.items()})
