"""A call that hangs does not keep the program from ending."""

import asyncio
import subprocess
import sys

import pytest

from app.adapters.threads import DaemonThreads

PROGRAM = """
import asyncio, sys, threading
from concurrent.futures import ThreadPoolExecutor
from app.adapters.threads import DaemonThreads

async def main():
    asyncio.get_running_loop().set_default_executor({pool}())
    hanging = asyncio.ensure_future(asyncio.to_thread(threading.Event().wait, 600))
    await asyncio.sleep(0.1)
    hanging.cancel()

loop = asyncio.new_event_loop()
loop.run_until_complete(main())
loop.close()
print("over")
"""


def end(pool: str, within: float) -> tuple[int, str, str]:
    program = PROGRAM.format(pool=pool)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=within)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.guarantee("G14")
def test_a_thread_that_hangs_holds_up_no_exit() -> None:
    assert end("DaemonThreads", within=30) == (0, "over\n", "")


@pytest.mark.guarantee("G14")
def test_the_standard_librarys_pool_would_hold_it_up() -> None:
    with pytest.raises(subprocess.TimeoutExpired):
        end("ThreadPoolExecutor", within=3)


def test_results_errors_and_cancellation_come_back() -> None:
    async def story() -> None:
        asyncio.get_running_loop().set_default_executor(DaemonThreads())
        assert await asyncio.to_thread(lambda: 7) == 7
        with pytest.raises(ZeroDivisionError):
            await asyncio.to_thread(lambda: 1 // 0)

    asyncio.run(story())
