"""The named scenarios: what a trainer or a test can ask the service to be like.

The one rule: a scenario sets behaviours only. Whether there is a call, and whether it is recorded, is the truth and is
never changed by naming a scenario (`begins_with` only says which call the command line starts with).
"""

from __future__ import annotations

from dataclasses import dataclass

from app.simulator.behaviour import Behaviour, ControlError


@dataclass(frozen=True, slots=True)
class Scenario:
    says: str
    behaviour: Behaviour
    begins_with: str = (
        "recorded"  # the call that `python -m app.simulator` starts: recorded, internal or none
    )


def _all() -> dict[str, Scenario]:
    b = Behaviour
    s = Scenario
    return {
        "instant": s("200 at once", b()),
        "pending": s(
            "202, then 425 while it is processed, then 200", b(process="lock", effect_after=3.0, lock_for=3.0)
        ),
        "slow-confirm": s("202 while it is processed, then 200", b(process="accept", effect_after=3.0)),
        "accepted": s(
            "202 for ever, although it is done after a while", b(process="for-ever", effect_after=1.0)
        ),
        # On the wire these two are the same; so are they for an agent, who must be told "not confirmed" by both.
        "pending-forever": s("202 for ever: it is never done", b(process="for-ever", effect=False)),
        "dropped": s("202 each time, and silently dropped", b(process="for-ever", effect=False)),
        "locked-forever": s("202, then 425 for ever", b(process="lock", effect=False, lock_for=86_400.0)),
        "no-call": s("404: no active interaction", b(status=404, effect=False), "none"),
        "internal": s("422: an internal call", b(status=422, effect=False), "internal"),
        "signed-out": s("401: not authenticated", b(status=401, effect=False)),
        "forbidden": s("403: the permission is missing", b(status=403, effect=False)),
        "refused": s("400 with the server's words", b(status=400, effect=False)),
        "locked": s("425: locked by an earlier request, for ever", b(status=425, effect=False)),
        "throttled": s(
            "429 with Retry-After in seconds, then 200",
            b(status=429, effect=False, retry_after=2.0, holds=2.0),
        ),
        "throttled-date": s(
            "429 with Retry-After as an HTTP date, then 200",
            b(status=429, effect=False, retry_after=2.0, retry_after_form="date", holds=2.0),
        ),
        "away": s("503: the service is away", b(status=503, effect=False)),
        "error": s("500, nothing done", b(status=500, effect=False)),
        "error-done": s("500, although it was done", b(status=500)),
        "timeout": s("504, nothing done", b(status=504, effect=False)),
        "timeout-done": s("504, although it was done", b(status=504)),
        "timeout-late": s(
            "504, and it is done later, whatever was asked since", b(status=504, effect_after=3.0)
        ),
        "slow": s("200 after a while", b(delay=3.0)),
        "slow-lost": s("done, but never an answer", b(body="never")),
        "lost": s("neither done nor answered", b(body="never", effect=False)),
        "half": s("done, but half an answer, then the connection closes", b(body="half")),
        "reset": s("nothing done, the connection is reset", b(body="reset", effect=False)),
        "reset-done": s("done, but the connection is reset", b(body="reset")),
        "drip": s("done, and the answer comes one byte at a time", b(body="drip")),
        "html": s("200 with a web page", b(body="html", effect=False)),
        "redirect": s("302 to elsewhere", b(status=302, effect=False)),
        "huge": s("200 with ten megabytes", b(body="huge")),
        "binary": s("200 with random bytes under a wrong charset", b(body="binary", size=4096)),
        "no-content": s("204", b(status=204, body="empty")),
        "empty": s("200 with an empty body", b(body="empty")),
    }


SCENARIOS: dict[str, Scenario] = _all()


def scenario(name: object) -> Scenario:
    """The scenario of that name.

    Raises:
        ControlError: there is none; the sentence lists those that exist.
    """
    if not isinstance(name, str) or name not in SCENARIOS:
        raise ControlError(f"there is no scenario {name!r:.80}; known are {', '.join(SCENARIOS)}")
    return SCENARIOS[name]
