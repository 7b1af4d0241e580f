"""`maskbar mask`, `unmask`, `toggle`, `status`, `show`, `quit`, `incident`: speak to the window of this session.

The one rule: what is printed are the window's own words, and without a window's answer it is never MASKED.

Loaded in every call of these verbs, which other programs make often: no Qt, no network client, no asyncio, no
argparse. (A bare start of Python takes as long as two of those.)
"""

# ruff: noqa: T201  it prints for a terminal

import os
import sys

from app import __version__
from app.adapters.instance_line import Line, NoAnswerError, NotRunningError
from app.adapters.instance_place import Place, PlaceError, here
from app.adapters.instance_words import LONGEST_WAIT, WISHES, Request
from app.cli import COMMANDS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from app.adapters.instance_lock import Claim

DONE, USAGE, PENDING, REFUSED, UNKNOWN, NOT_RUNNING, NOT_ALLOWED, INTERRUPTED = 0, 2, 3, 4, 5, 6, 7, 130
CODES = {
    "done": DONE,
    "pending": PENDING,
    "refused": REFUSED,
    "unknown": UNKNOWN,
    "not-allowed": NOT_ALLOWED,
}

USAGES = {"status": "[--json | --follow]", **dict.fromkeys(WISHES, "[--wait SECONDS]")}

WAIT_OPTION = f"""
  --wait SECONDS  wait so long for the confirmation, 0 to {LONGEST_WAIT:g}; without it, as long as MaskBar itself tries
"""
STATUS_OPTIONS = """
  --json          print one JSON document
  --follow        print one JSON document a line, now and at each change (once a second while a clock runs), until
                  the window goes; the last line then says not-running, or unknown when the window fell silent
"""
OPTIONS = {"status": STATUS_OPTIONS, **dict.fromkeys(WISHES, WAIT_OPTION)}
EXIT_CODES = """
exit codes:
  0  as wished and confirmed; status: the state is known (which it is, is printed)
  2  bad command line, or no safe place to meet the window
  3  pending: at the end of the wait the wish was still on its way; status: a wish is on its way
  4  refused: the reason is on stderr
  5  unknown: treat as recorded. Also: the window does not answer
  6  not running in this session
  7  not allowed by the organisation's policy
"""

SILENCE = 5.0
"""Seconds. A window whose clock runs speaks each second; one that stops has not proved that the call is masked."""
GOING_TIME = 5.0
"""Seconds that a window has to go."""
SLACK = 3.0
"""Seconds that an answer may come later than it was announced."""
NO_CARD = "Do not take card details."


def main(argv: list[str]) -> int:
    """`argv` begins with the verb. Gives the exit code."""
    verb, options = argv[0], argv[1:]
    if "-h" in options or "--help" in options:
        _help(verb)
        return DONE
    try:
        wait, as_json, follow = _options(verb, options)
    except ValueError as error:
        print(f"maskbar {verb}: {error} (maskbar {verb} --help says more)", file=sys.stderr)
        return USAGE
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")  # a console that has no … shows a ?
    try:
        return _run(Request("follow" if follow else verb, wait), as_json or follow)
    except PlaceError as error:
        print(f"maskbar {verb}: {error}", file=sys.stderr)
        return USAGE
    except BrokenPipeError:
        # The reader went away (as in `| head`). Python would complain at its own end, too.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return USAGE
    except KeyboardInterrupt:
        return INTERRUPTED


def claim_or_raise() -> "Claim | int":
    """The claim on this session, for a window to be opened; or the exit code of a second start, which raised the first.

    Raises PlaceError.
    """
    from app.adapters.instance_lock import take_claim

    while True:
        claim = take_claim()
        if claim is not None:
            return claim
        try:
            return _finish(Request("show"), lambda said: print(said["status"]["spoken"]))
        except NotRunningError:
            pass  # it went, or the lock was only looked at
        except NoAnswerError as error:
            print(f"maskbar: MaskBar runs in this session already. {error}", file=sys.stderr)
            return UNKNOWN


def _options(verb: str, options: list[str]) -> tuple[float | None, bool, bool]:
    wait, as_json, follow = None, False, False
    rest = iter(options)
    for option in rest:
        name, equals, value = option.partition("=")
        if name == "--wait" and verb in WISHES:
            wait = _seconds(value if equals else next(rest, ""))
        elif option == "--json" and verb == "status":
            as_json = True
        elif option == "--follow" and verb == "status":
            follow = True
        else:
            raise ValueError(f"{option!r} is not expected here")
    return wait, as_json, follow


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= LONGEST_WAIT:
        raise ValueError(f"--wait expects seconds from 0 to {LONGEST_WAIT:g}")
    return seconds


def _run(request: Request, as_json: bool) -> int:
    try:
        if request.op == "follow":
            return _follow(request)
        return _finish(request, _printer(request, as_json))
    except NotRunningError:
        words = f"MaskBar is not running ({here().session})."
        return _without_an_answer(as_json, "not-running", words, NOT_RUNNING)
    except NoAnswerError as error:
        return _without_an_answer(as_json, "unknown", str(error), UNKNOWN)


def _finish(request: Request, show: "Callable[[dict[str, Any]], None]", place: Place | None = None) -> int:
    """One request to its end."""
    code: int | None = None
    with Line(place or here(), request) as line:
        for said in line.answers():
            match said["answer"]:
                case "taken":
                    line.patience = said["within"] + SLACK
                case "status":
                    show(said)
                    code = _code_of(said["status"])
                case "ended":
                    show(said)
                    code = CODES[said["result"]]
                    if request.op != "quit" or code != DONE:
                        break
                    line.patience = GOING_TIME  # it has ended when the window has gone
                case "bye" if code is None and said["going"]:
                    raise NotRunningError
                case "bye" | "error" if code is None:
                    print(f"maskbar {request.op}: {said['reason']}", file=sys.stderr)
                    code = REFUSED
    if code is None:
        raise NotRunningError  # it went without a word
    return code


def _follow(request: Request) -> int:
    with Line(here(), request) as line:
        for said in line.answers():
            if said["answer"] == "status":
                status = said["status"]
                print(_json(status), flush=True)
                line.patience = SILENCE if status["pending"] or status["masked_since"] else None
            elif not said.get("going"):
                raise NoAnswerError(said["reason"])
    raise NotRunningError


def _printer(request: Request, as_json: bool) -> "Callable[[dict[str, Any]], None]":
    def show(said: "dict[str, Any]") -> None:
        status = said["status"]
        if as_json:
            print(_json(status))
            return
        print(status["spoken"])
        if request.op == "status":
            for more in (status["detail"], _sentences(status["reason"]), status["notice"], status["fault"]):
                if more:
                    print(more)
        elif said["reason"] and said["result"] == "done":
            print(said["reason"])
        elif said["reason"]:
            print(f"maskbar {request.op}: {said['reason']}", file=sys.stderr)

    return show


def _sentences(reason: "dict[str, str] | None") -> str:
    parts = [reason[key] for key in ("happened", "words", "card", "todo")] if reason else []
    return " ".join(part for part in parts if part)


def _code_of(status: "dict[str, Any]") -> int:
    if status["pending"]:
        return PENDING
    return UNKNOWN if status["state"] == "unknown" else DONE


def _without_an_answer(as_json: bool, state: str, words: str, code: int) -> int:
    print(f"maskbar: {words}", file=sys.stderr)
    if as_json:
        print(_json(_document(state, words)), flush=True)
    return code


def _document(state: str, words: str) -> "dict[str, object]":
    """The document of `app.core.status` for when no window gives one."""
    word = "UNKNOWN" if state == "unknown" else "NOT RUNNING"
    return {
        "state": state,
        "word": word,
        "guidance": NO_CARD,
        "spoken": f"{word}. {NO_CARD}",
        "card": False,
        "since": None,
        "masked_since": None,
        "clock": "",
        "wish": None,
        "pending": False,
        "known_by": None,
        "detail": "",
        "reason": {"code": state, "happened": words, "card": NO_CARD, "todo": "", "words": ""},
        "notice": "",
        "reminding": False,
        "fault": "",
        "agent": "",
        "versions": {"schema": 1, "app": __version__},
    }


def _json(status: "dict[str, Any]") -> str:
    import json  # a third of a bare start; `status` without --json has no use for it

    return json.dumps(status)


def _help(verb: str) -> None:
    usage = f"maskbar {verb} {USAGES.get(verb, '')}".rstrip()
    print(f"usage: {usage}\n\nSpeaks to the window of this session: {COMMANDS[verb]}.")
    print(f"{OPTIONS.get(verb, '')}{EXIT_CODES}")
    if verb == "status":
        from app.core import status

        print(f"{status.__doc__}".partition("\n\n")[2].partition("\n\n")[2].rstrip())
