"""One window per session, and the commands that reach it.

The one rule: the lock decides which process is the session's window, and only its holder listens.

    claim = take_claim()            None: this session has its window already (then: `app.command.raise_window()`)
    with claim:
        async with serve(claim, desk) as talk:
            controller.listen(talk.show_view)
"""

import logging
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from app.adapters.instance_desk import Desk
from app.adapters.instance_lock import Claim, take_claim
from app.adapters.instance_place import PlaceError
from app.adapters.instance_talk import Talk

__all__ = ["Claim", "Desk", "PlaceError", "Talk", "serve", "take_claim"]

log = logging.getLogger("maskbar.instance")


@asynccontextmanager
async def serve(claim: Claim, desk: Desk) -> AsyncIterator[Talk]:
    """Listen to commands while the context is open; afterwards all callers are told goodbye.

    A channel that cannot be opened is logged and missed; it never keeps the window from opening.
    """
    talk = Talk(desk)
    async with AsyncExitStack() as stack:
        try:
            if sys.platform == "win32":
                from app.adapters.instance_pipe import listening
                from app.adapters.instance_windows import client_is_me, new_name

                at = listening(new_name(claim.place.pipe_name), talk, client_is_me)
            else:
                from app.adapters.instance_unix import listening

                at = listening(claim.place.socket, talk)
            await stack.enter_async_context(at)
        except OSError as error:
            log.warning("no commands from outside: %s", error)
        yield talk
