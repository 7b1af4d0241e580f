"""A world with a clock in hand, and one served simulator for all tests of this folder, as new for each."""

from __future__ import annotations

import ssl
from collections.abc import Iterator

import httpx
import pytest

from app.simulator import tenant
from app.simulator.server import Simulator, serve_in_thread
from app.simulator.service import ACCESS_KEY_TOKEN, INTERACTIONS
from app.simulator.world import World

AGENT = "12345"
OTHER = "67890"

# Loading the system's certificates takes longer than most of these tests, which speak plain HTTP.
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Stage:
    """A world with a clock in hand."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.world = World(self.clock)

    def ask(self, op: str, agent: str = AGENT) -> int:
        request = self.world.arrive(op, agent, {})
        reply = self.world.ask(request)
        self.world.answered(request, reply.status)
        return reply.status

    def wait(self, seconds: float) -> None:
        self.clock.now += seconds

    def segments(self, agent: str = AGENT) -> list[tuple[str, float, float | None]]:
        call = self.world.truth(agent)["call"]
        return [(s["what"], s["start"], s["end"]) for s in call["segments"]]

    def log(self) -> list[dict[str, object]]:
        requests: list[dict[str, object]] = self.world.truth(AGENT)["requests"]
        return requests


class Caller:
    """A plain client of the vendor's API, signed in; not MaskBar's."""

    def __init__(self, sim: Simulator, http: httpx.Client) -> None:
        self.sim = sim
        self.http = http

    def ask(
        self, op: str, user_id: str = tenant.USER_ID, *, wait: float = 5.0, **headers: str
    ) -> httpx.Response:
        return self.http.post(
            f"{INTERACTIONS}/{op}", params={"userId": user_id}, timeout=wait, headers=headers
        )

    def read_back(self, user_id: str = tenant.USER_ID) -> httpx.Response:
        return self.http.get(f"{INTERACTIONS}/get-recording-status", params={"userId": user_id})

    def sim_post(self, path: str, /, **body: object) -> httpx.Response:
        return self.http.post(f"/_sim/{path}", json=body)


@pytest.fixture(scope="session")
def _served() -> Iterator[Simulator]:
    with serve_in_thread() as sim:
        yield sim


@pytest.fixture
def sim(_served: Simulator) -> Simulator:
    _served.world.reset()
    return _served


@pytest.fixture
def caller(sim: Simulator) -> Iterator[Caller]:
    """Signed in, and its agent is on a recorded call."""
    with httpx.Client(base_url=sim.url, trust_env=False, verify=NO_TLS) as http:
        key = {"accessKeyId": tenant.ACCESS_KEY_ID, "accessKeySecret": tenant.ACCESS_KEY_SECRET}
        token = http.post(ACCESS_KEY_TOKEN, json=key).json()["access_token"]
        http.headers["Authorization"] = f"Bearer {token}"
        sim.world.start_call()
        yield Caller(sim, http)


@pytest.fixture
def stage() -> Stage:
    return Stage()
