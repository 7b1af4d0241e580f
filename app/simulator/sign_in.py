"""Who may come in: keys, clients and the tokens they are given.

The one rule: a token is good when it was issued here and has not run out. Its text proves nothing (it is unsigned).
Time is an argument, in monotonic seconds.
"""

from __future__ import annotations

import base64
import json
import secrets
from typing import Any

from app.simulator import tenant

MOST_TOKENS = 10_000


def _jwt_shaped(claims: dict[str, Any]) -> str:
    """An unsigned token that looks like the vendor's: clients read its claims."""

    def part(value: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    return f"{part({'alg': 'none', 'typ': 'JWT'})}.{part(claims)}."


class SignIn:
    def __init__(self) -> None:
        self._access: dict[str, float] = {}  # token -> when it runs out
        self._refresh: set[str] = set()
        self.issued = 0

    def key_fits(self, key_id: object, secret: object) -> bool:
        return key_id == tenant.ACCESS_KEY_ID and secret == tenant.ACCESS_KEY_SECRET

    def client_fits(self, client_id: str, secret: str) -> bool:
        return client_id == tenant.CLIENT_ID and secret == tenant.CLIENT_SECRET

    def refresh_fits(self, token: str) -> bool:
        return token in self._refresh

    def issue(self, now: float, life: float, issuer: str) -> dict[str, Any]:
        """The JSON of a token answer; the token runs out `life` seconds from now."""
        self.issued += 1
        claims = {
            "iss": issuer,
            "sub": "user:" + tenant.USER_ID,  # five characters before the id, as the vendor's SDK expects
            "userId": tenant.USER_ID,
            "tenantId": tenant.TENANT_ID,
            "area": tenant.AREA,
            "jti": secrets.token_hex(8),
        }
        access = _jwt_shaped(claims)
        refresh = "simulated-refresh-" + secrets.token_urlsafe(16)
        if len(self._access) >= MOST_TOKENS:
            self._access.pop(next(iter(self._access)))
        if len(self._refresh) >= MOST_TOKENS:
            self._refresh.clear()
        self._access[access] = now + life
        self._refresh.add(refresh)
        return {
            "access_token": access,
            "refresh_token": refresh,
            "id_token": _jwt_shaped({**claims, "jti": secrets.token_hex(8)}),
            "token_type": "Bearer",
            "expires_in": int(life) if life == int(life) else life,
        }

    def refusal(self, authorization: str, now: float) -> str | None:
        """Why this Authorization header lets nobody in; None when it does."""
        kind, _, token = authorization.partition(" ")
        if kind.lower() != "bearer" or not token.strip():
            return "The bearer token is missing."
        runs_out = self._access.get(token.strip())
        if runs_out is None:
            return "The bearer token is not known."
        if now >= runs_out:
            return "The bearer token has expired."
        return None

    def expire(self) -> None:
        """Every access token issued so far has run out; refresh tokens stay good."""
        self._access = dict.fromkeys(self._access, float("-inf"))

    def forget(self) -> None:
        self._access.clear()
        self._refresh.clear()
