"""The read-back of CXone: what the recorder says of one agent's present call.

The one rule: only reason `Mask` with both directions `Stopped` proves a mask; what is not known proves nothing.

Sources: the vendor's agent SDK and the clients generated from its published OpenAPI files. The vendor's own sources
spell the values in several ways, so letters only are compared, ignoring case. Voice only: the screen's recording
is not reported.
"""

import json
import logging

from app.adapters.answers import Reply
from app.adapters.cxone import CxoneRecorder
from app.core.ports import Reading, Seen

log = logging.getLogger("maskbar.readback")

RECORDING = frozenset({"recording", "poorrecordingquality"})
STOPPED = "stopped"


class CxoneReader:
    """Satisfies `Reader`; speaks over the recorder's warm connection and with its sign-in."""

    def __init__(self, recorder: CxoneRecorder) -> None:
        self._recorder = recorder
        self._granted: bool | None = None

    async def read(self, correlation_id: str, limit: float) -> Reading:
        reply = await self._recorder.read_status(correlation_id, limit)
        reading = Reading(granted=None) if reply is None else interpret(reply, self._granted)
        self._granted = reading.granted if self._granted is None else self._granted
        return reading


def interpret(reply: Reply, granted: bool | None) -> Reading:
    """What the reply says. `granted`: what is known of this sign-in from earlier replies."""
    if reply.status == 403 and not reply.is_page:
        return Reading(granted=False)
    if reply.status == 404 and not reply.is_page:
        # No call, or no such service here: where it was granted before, the call is gone.
        return Reading(granted=granted, seen=Seen.UNCLEAR if granted else None, absent=True)
    if reply.status != 200 or reply.is_page or reply.too_long:
        return Reading(granted=None)
    try:
        said = json.loads(reply.body)
    except (ValueError, RecursionError):
        return Reading(granted=None)
    if not isinstance(said, dict):
        return Reading(granted=None)
    reason = _letters(said.get("statusReason"))
    ways = [_letters(said.get(f"recordingStatus{way}Agent")) for way in ("To", "From")]
    contact = said.get("contactId")
    return Reading(
        granted=True,
        seen=_seen(reason, ways),
        contact=str(contact) if isinstance(contact, str | int) and contact != "" else None,
    )


def _seen(reason: str, ways: list[str]) -> Seen:
    if RECORDING.intersection(ways):
        return Seen.RECORDING
    return Seen.MASKED if reason == "mask" and ways == [STOPPED, STOPPED] else Seen.UNCLEAR


def _letters(value: object) -> str:
    return "".join(filter(str.isalpha, value)).lower() if isinstance(value, str) else ""
