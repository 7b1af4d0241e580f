"""The closed tree of what can go wrong: what became of the request, and what to tell the agent.

The one rule: a failure that *may* have reached the recorder is never told as if it had not.

Sources: the vendor's public description of the Mask and Unmask APIs (statuses 401 to 504) and HTTP itself
(RFC 9110) for the statuses that the description leaves out.
"""

from dataclasses import dataclass
from enum import Enum, auto


class Fate(Enum):
    """What became of the request, as far as anybody can know."""

    NOT_SENT = auto()
    """Nothing left this machine. Asking again is harmless."""
    NOT_DONE = auto()
    """The service answered that it did nothing, and will not."""
    NO_CALL = auto()
    """The service answered that there is no call: nothing is masked, nothing is left to unmask."""
    INTERNAL = auto()
    """The service answered that the current call is an internal one."""
    BUSY = auto()
    """The service did not take this request now. Asking again is what it wants."""
    PERHAPS = auto()
    """It may have been done, or be done later. Asking again is the only way to find out."""
    UNEXPECTED = auto()
    """Something answered that does not speak this API. It may have been done."""
    DOUBT = auto()
    """No request failed: what was known of the call is no longer certain."""


@dataclass(frozen=True, slots=True)
class Words:
    """What happened, and what the agent does next; whole sentences in plain English."""

    happened: str
    todo: str


class Failure(Enum):
    """Everything that can go wrong, and nothing else."""

    # The request never left.
    NOT_REACHED = (
        Fate.NOT_SENT,
        "The recording service cannot be reached.",
        "Check the network, then try again.",
    )
    BAD_CERTIFICATE = (
        Fate.NOT_SENT,
        "The recording service could not prove who it is.",
        "Tell your administrator: the service’s certificate is not trusted.",
    )
    NO_TOKEN = (
        Fate.NOT_SENT,
        "The sign-in service is not available.",
        "Check the network, then try again.",
    )
    ODD_SIGN_IN = (
        Fate.NOT_SENT,
        "Something other than the sign-in service answered.",
        "Check the network (a sign-in page or a proxy may be in between), then try again.",
    )
    # The service said no.
    SIGN_IN = (
        Fate.NOT_DONE,
        "The service does not accept the sign-in.",
        "Sign in again, or ask your administrator for a valid access key.",
    )
    NOT_ALLOWED = (
        Fate.NOT_DONE,
        "This sign-in is not allowed to mask calls.",
        "Ask your administrator for the permission “Interactions Hub > APIs > Multi-ACD Masking API”.",
    )
    REFUSED = (
        Fate.NOT_DONE,
        "The recording service refused the request.",
        "Try once more. If it is refused again, tell your team lead.",
    )
    NO_CALL = (
        Fate.NO_CALL,
        "There is no active call.",
        "Press Mask when the customer is on the line.",
    )
    INTERNAL_CALL = (
        Fate.INTERNAL,
        "This is an internal call. Internal calls cannot be masked.",
        "Press Mask when you are back with the customer.",
    )
    # The service is busy.
    LOCKED = (
        Fate.BUSY,
        "The recorder is still busy with an earlier request.",
        "Wait a moment, then try again.",
    )
    THROTTLED = (
        Fate.BUSY,
        "The recording service gets too many requests.",
        "Wait a moment, then try again.",
    )
    AWAY = (
        Fate.BUSY,
        "The recording service is away for the moment.",
        "Wait a moment, then try again.",
    )
    # Nobody can know.
    NO_ANSWER = (
        Fate.PERHAPS,
        "The recording service did not answer.",
        "Check the network, then try again.",
    )
    SERVER_ERROR = (
        Fate.PERHAPS,
        "The recording service had an error.",
        "Try again. If it stays, tell your team lead.",
    )
    SERVER_TIMEOUT = (
        Fate.PERHAPS,
        "The recording service ran out of time.",
        "Try again. If it stays, tell your team lead.",
    )
    NOT_CONFIRMED = (
        Fate.PERHAPS,
        "The recorder accepted the request but never confirmed it.",
        "Try again. If it stays, tell your team lead.",
    )
    UNEXPECTED = (
        Fate.UNEXPECTED,
        "Something other than the recording service answered.",
        "Check the network (a sign-in page or a proxy may be in between), then try again.",
    )
    # What was known is no longer certain.
    EVIDENCE_OLD = (
        Fate.DOUBT,
        "The mask was confirmed too long ago to be sure of it.",
        "Press Mask to confirm it again, or Unmask when you are done.",
    )
    SUSPENDED = (
        Fate.DOUBT,
        "The computer was asleep.",
        "Press Mask to confirm the mask again, or Unmask when you are done.",
    )
    CALL_CHANGED = (
        Fate.DOUBT,
        "The call changed.",
        "Press Mask before you take a card on this call, or Unmask when you are done.",
    )
    USER_CHANGED = (
        Fate.DOUBT,
        "The sign-in changed.",
        "Press Mask to confirm the mask again, or Unmask when you are done.",
    )
    ENDED_MASKED = (
        Fate.DOUBT,
        "MaskBar ended while the call may have been masked.",
        "If it is still that call: press Unmask when the card is done, or Mask to mask it again.",
    )
    RECORDING_AGAIN = (
        Fate.DOUBT,
        "RECORDING AGAIN: the recorder says that this call is being recorded.",
        "Stop taking the card. Press Mask to mask the call again.",
    )
    NOT_PROVEN = (
        Fate.DOUBT,
        "The recorder no longer says that this call is masked.",
        "Stop taking the card. Press Mask to mask the call again.",
    )

    def __init__(self, fate: Fate, happened: str, todo: str) -> None:
        self.fate = fate
        self.words = Words(happened, todo)
