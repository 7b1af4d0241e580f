"""A press after an idle time costs what a press on a warm connection costs: the point of the pings.

Over TLS, through a proxy that adds 40 ms each way. The hour is shortened: the service closes idle connections after
0.4 s here, and the pings come every 0.3 s.
"""

import asyncio
import time
from statistics import median

from app.adapters.cxone import CxoneRecorder
from app.adapters.network import Network
from app.adapters.signin import StaticToken
from app.core.ports import Wish
from tests.adapters.clients import TOKEN, run
from tests.adapters.test_tls import GOOD, trusting
from tests.faultproxy import FaultProxy, Faults
from tests.pages import Pages

IDLE = 1.2  # seconds: three times as long as the service keeps an idle connection


def seconds_per_press(warm_interval: float | None) -> float:
    """The median over presses after an idle time in which `warm` was called as the program calls it, or never."""

    async def keep_warm(client: CxoneRecorder) -> None:
        while True:
            await client.warm()
            await asyncio.sleep(client.warm_interval)

    async def press(client: CxoneRecorder) -> float:
        began = time.perf_counter()
        assert (await client.ask(Wish.MASK, "a", 5)).confirmed
        return time.perf_counter() - began

    async def story(client: CxoneRecorder) -> list[float]:
        await client.warm()
        pings = asyncio.create_task(keep_warm(client)) if warm_interval else None
        times = []
        for _ in range(3):
            await asyncio.sleep(IDLE)
            times.append(await press(client))
        if pings is not None:
            pings.cancel()
            await asyncio.wait([pings])
        return times

    with Pages(tls=GOOD) as pages, FaultProxy(pages.port, Faults(up=0.04, down=0.04), idle=0.4) as proxy:
        client = CxoneRecorder(
            f"https://127.0.0.1:{proxy.port}",
            "1",
            StaticToken(TOKEN),
            network=Network(trusting),
            warm_interval=warm_interval or 60,
        )
        return median(run(client, story))


def test_a_press_after_an_idle_time_is_as_fast_as_a_warm_one() -> None:
    kept, cold = seconds_per_press(0.3), seconds_per_press(None)
    print(
        f"\nover 40 ms each way: kept warm {1000 * kept:.0f} ms, cold {1000 * cold:.0f} ms (a round trip is 80 ms)"
    )
    assert kept < 1.2 * 0.08 + 0.02
    assert cold > 2 * kept
