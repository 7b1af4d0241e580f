"""The picture before anything is known."""

from app.core.picture import STARTING
from app.core.states import Phase


def test_it_promises_nothing_and_offers_nothing() -> None:
    assert STARTING.phase is Phase.UNKNOWN
    assert STARTING.starting
    assert not STARTING.card
    assert not STARTING.button.enabled
    assert STARTING.second is None
    assert STARTING.spoken == "STARTING…. Wait, do not take card details."
