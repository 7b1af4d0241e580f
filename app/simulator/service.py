"""The vendor's API as api.md has it, in front of the world.

The one rule: this is our own reading of the API; nothing is shared with the client, so that a mistake there is seen.
"""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, unquote_plus

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from app.simulator import requests, tenant
from app.simulator.answers import Answer, Cut
from app.simulator.world import Reply, World

INTERACTIONS = "/interaction-recording-management-service/v1/interactions"
ACCESS_KEY_TOKEN = "/authentication/v1/token/access-key"
OPENID_TOKEN = "/auth/token"
LONGEST_BODY = 100_000  # bytes taken of any request

_ERROR_CODES = {401: "Unauthorized", 403: "Forbidden", 404: "NotFound", 422: "Unprocessable", 425: "TooEarly"}


async def read_body(request: Request, longest: int = LONGEST_BODY) -> bytes:
    """The body; what goes beyond `longest` is read and forgotten, so that an answer can still be given."""
    body = bytearray()
    async for piece in request.stream():
        if len(body) <= longest:
            body += piece
    return bytes(body[: longest + 1])


def _own_url(request: Request) -> str:
    return str(request.base_url).rstrip("/")


class Service:
    """`cut` resets the connection of a request; `connected` tells whether a peer (host:port) still holds its own."""

    def __init__(self, world: World, cut: Cut, connected: Callable[[str], bool]) -> None:
        self._world = world
        self._cut = cut
        self._connected = connected

    def routes(self) -> list[Route]:
        return [
            Route("/", self._keep_warm, methods=["GET", "HEAD"]),
            Route(INTERACTIONS + "/mask", self._mask, methods=["POST"]),
            Route(INTERACTIONS + "/unmask", self._unmask, methods=["POST"]),
            Route(INTERACTIONS + "/get-recording-status", self._read_back, methods=["GET"]),
            Route(ACCESS_KEY_TOKEN, self._access_key, methods=["POST"]),
            Route(OPENID_TOKEN, self._openid_token, methods=["POST"]),
            Route("/.well-known/openid-configuration", self._openid, methods=["GET"]),
            Route("/.well-known/cxone-configuration", self._discovery, methods=["GET"]),
        ]

    async def _keep_warm(self, _request: Request) -> Response:
        with self._world.lock:
            self._world.log.keep_warm += 1
        return Response(b"")

    # Recording

    async def _mask(self, request: Request) -> Response:
        return self._recording(request, "mask")

    async def _unmask(self, request: Request) -> Response:
        return self._recording(request, "unmask")

    def _arrive(self, request: Request, op: str, user_id: str) -> requests.Request:
        peer = f"{request.client.host}:{request.client.port}" if request.client else ""
        return self._world.arrive(op, user_id, request.headers, peer, self._connected)

    def _refusal(self, request: Request, user_id: str) -> Reply | None:
        with self._world.lock:
            why = self._world.sign_in.refusal(request.headers.get("authorization", ""), self._world.clock())
            if why is not None:
                return Reply(401, why)
            if not self._world.knobs.permission:
                return Reply(403, "The caller is not authorised: " + tenant.PERMISSION)
        if not user_id:
            return Reply(400, "The query parameter userId is missing.")
        return None

    def _recording(self, request: Request, op: str) -> Answer:
        user_id = request.query_params.get("userId", "")
        arrived = self._arrive(request, op, user_id)
        reply = self._refusal(request, user_id) or self._world.ask(arrived)
        return self._answer(arrived, reply)

    async def _read_back(self, request: Request) -> Response:
        user_id = request.query_params.get("userId", "")
        arrived = self._arrive(request, "read", user_id)
        reply = self._refusal(request, user_id)
        if reply is None and not self._world.knobs.read_back:
            reply = Reply(403, "The caller is not entitled to read the recording's status.")
        if reply is not None:
            return self._answer(arrived, reply)
        behaviour = self._world.behaviour("read", user_id)
        content: dict[str, Any] | None = self._world.read_back(user_id)
        if content is None:
            return self._answer(
                arrived, Reply(404, "There is no active interaction for this agent.", behaviour)
            )
        if behaviour.status != 200:
            content = None
        return self._answer(arrived, Reply(behaviour.status, behaviour.message, behaviour), content)

    def _answer(
        self, arrived: requests.Request, reply: Reply, content: dict[str, Any] | None = None
    ) -> Answer:
        if content is None:
            content = {"message": reply.message}
            if reply.status >= 400:
                content["code"] = _ERROR_CODES.get(reply.status, str(reply.status))
        return Answer(
            reply.status,
            content,
            reply.behaviour,
            extra={"CorrelationId": arrived.headers.get("correlationid") or str(uuid.uuid4())},
            answered=lambda: self._world.answered(arrived, reply.status),
            gone=lambda: self._world.gone(arrived),
            cut=self._cut,
            seed=arrived.seq,
        )

    # Signing in

    async def _access_key(self, request: Request) -> Response:
        arrived = self._arrive(request, "token", "")
        try:
            given = json.loads(await read_body(request))
        except (ValueError, RecursionError):
            given = None
        if not isinstance(given, dict):
            reply = Reply(400, "A JSON object with accessKeyId and accessKeySecret is expected.")
        elif not self._world.sign_in.key_fits(given.get("accessKeyId"), given.get("accessKeySecret")):
            reply = Reply(self._world.knobs.wrong_key_status, "The access key is not valid.")
        else:
            return self._tokens(request, arrived)
        return self._answer(arrived, reply)

    async def _openid_token(self, request: Request) -> Response:
        arrived = self._arrive(request, "token", "")
        body = await read_body(request)
        form = dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
        with self._world.lock:
            sign_in, knobs = self._world.sign_in, self._world.knobs
            grant = form.get("grant_type")
            if not sign_in.client_fits(*_basic(request.headers.get("authorization", ""))):
                return self._openid_error(arrived, 401, "invalid_client", "The client is not known.")
            if grant == "password":
                fits = sign_in.key_fits(form.get("username"), form.get("password"))
            elif grant == "refresh_token":
                fits = knobs.refresh and sign_in.refresh_fits(form.get("refresh_token", ""))
            else:
                return self._openid_error(
                    arrived, 400, "unsupported_grant_type", "Use password or refresh_token."
                )
            if not fits:
                return self._openid_error(
                    arrived, 400, "invalid_grant", "The key or refresh token is not valid."
                )
        return self._tokens(request, arrived)

    def _openid_error(self, arrived: requests.Request, status: int, error: str, words: str) -> Answer:
        return self._answer(arrived, Reply(status, words), {"error": error, "error_description": words})

    def _tokens(self, request: Request, arrived: requests.Request) -> Answer:
        with self._world.lock:
            behaviour = self._world.behaviour("token")
            if not 200 <= behaviour.status < 300:
                return self._answer(arrived, Reply(behaviour.status, behaviour.message, behaviour))
            life = self._world.knobs.token_life
            content = self._world.sign_in.issue(self._world.clock(), life, _own_url(request))
        return self._answer(arrived, Reply(behaviour.status, "", behaviour), content)

    async def _openid(self, request: Request) -> Response:
        own = _own_url(request)
        return JSONResponse(
            {
                "issuer": own,
                "token_endpoint": own + OPENID_TOKEN,
                "grant_types_supported": ["password", "refresh_token"],
                "token_endpoint_auth_methods_supported": ["client_secret_basic"],
            }
        )

    async def _discovery(self, request: Request) -> Response:
        if request.query_params.get("tenantId", "") != tenant.TENANT_ID:
            return JSONResponse({"message": "There is no such tenant."}, 404)
        own = _own_url(request)
        return JSONResponse(
            {
                "tenantId": tenant.TENANT_ID,
                "area": tenant.AREA,
                "domain": tenant.DOMAIN,
                "uhDomain": tenant.DOMAIN,
                "acdDomain": "nice-incontact.com",
                "api_endpoint": own,
                "auth_endpoint": own,
                "ui_endpoint": own,
            }
        )


def _basic(authorization: str) -> tuple[str, str]:
    """Client id and secret of an HTTP Basic header, each URL-decoded; two empty texts when it is none."""
    kind, _, coded = authorization.partition(" ")
    try:
        plain = base64.b64decode(coded, validate=True).decode()
    except ValueError:
        return "", ""
    client_id, colon, secret = plain.partition(":")
    if kind.lower() != "basic" or not colon:
        return "", ""
    return unquote_plus(client_id), unquote_plus(secret)
