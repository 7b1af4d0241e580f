"""Makes the way out (`wire.py`) when it is first wanted, in a thread, once for all adapters.

The one rule: making this object costs nothing and loads nothing. Loading the HTTP library and the system's root
certificates takes 100 ms and more: neither the first paint nor the loop pays for it.
"""

import asyncio
import ssl
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.adapters.wire import Wire


class Network:
    """Hands out wires that share one TLS context."""

    def __init__(self, context_factory: Callable[[], ssl.SSLContext] | None = None) -> None:
        """`context_factory` (tests bring their own root) is called in a thread, once."""
        self._factory = context_factory
        self._making: dict[bool, asyncio.Future[ssl.SSLContext]] = {}

    async def wire(self, secure: bool) -> "Wire":
        """A new wire with connections of its own. Raises what the making raises; the next call tries again."""
        making = self._making.get(secure)
        if making is None or (making.done() and (making.cancelled() or making.exception() is not None)):
            making = asyncio.get_running_loop().run_in_executor(None, self._load, secure)
            self._making[secure] = making
        # Shielded: a press that runs out of time must not undo what the next press needs.
        context = await asyncio.shield(making)
        from app.adapters.wire import Wire

        return Wire(context)

    def _load(self, secure: bool) -> ssl.SSLContext:
        from app.adapters import wire

        wire.preload()
        if not secure:
            return wire.rootless_context()
        context = (self._factory or wire.system_context)()
        # Python's own default, which some distributions leave to OpenSSL's configuration.
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        return context
