"""Threads for what blocks: looking up a name, loading certificates, a keyring that prompts.

The one rule: none of them can keep the program from ending. The standard library's pool waits for its threads when
the interpreter exits, and a name server that does not answer takes half a minute.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class DaemonThreads(ThreadPoolExecutor):
    """A thread for each call: there are few, and an idle program keeps none.

    A pool by name only, because asyncio takes nothing else: it starts none of a pool's threads.
    """

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        future: Future[T] = Future()
        threading.Thread(target=_work, args=(future, fn, args, kwargs), daemon=True).start()
        return future


def _work(future: Future[Any], fn: Callable[..., Any], args: Any, kwargs: Any) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        result = fn(*args, **kwargs)
    except BaseException as error:  # noqa: BLE001  whoever waits for it gets it
        future.set_exception(error)
    else:
        future.set_result(result)
