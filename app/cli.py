"""The command line: what each verb does, and with which exit code it ends.

The one rule: nothing heavy is imported before it is known that it is wanted, and bad input is one line and exit 2.
"""

import os
import sys

from app import NAME, __version__

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from pathlib import Path

    from app.adapters.instance_lock import Claim

COMMANDS = {
    "mask": "mask the recording of the call",
    "unmask": "unmask it",
    "toggle": "do what the button in the window would do now",
    "status": "say what the window says",
    "show": "raise the window",
    "quit": "end MaskBar; while a call may be masked the window asks first",
    "incident": "put down in the journal that card data may have been recorded",
}
"""The verbs that speak to the window: other programs call them often, so they load nothing that they do not need."""

EPILOG = """\
exit codes:
  0  ended as asked
  1  the tour saw the window say something safer than the truth
  2  bad command line, settings or environment; one line on stderr says which
  3 to 7  of the verbs that speak to the window (see: maskbar mask --help)

environment:
  MASKBAR_ACCESS_KEY_ID, MASKBAR_ACCESS_KEY_SECRET  the access key, for this run only
"""


def main(argv: "Sequence[str] | None" = None) -> int:
    """Run one verb; without one, open the window."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    # These verbs are programs of their own, with a --help of their own.
    if arguments and arguments[0] in COMMANDS:
        from app.command import main as command

        return command(arguments)
    if arguments[:1] == ["simulate"]:
        from app.simulator.command import main as simulate

        return simulate(arguments[1:])
    if arguments[:1] == ["audit"]:
        from app.audit_command import main as audit

        return audit(arguments[1:])
    parser = _parser()
    asked = parser.parse_args(arguments)
    if asked.verb == "command":
        parser.error("--settings and --log are for the window, not for the verbs that speak to it")
    _log_to(asked.log)
    if problem := _no_display():
        return _refuse(problem)
    if asked.verb == "demo":
        return _tour(asked.tour) if asked.tour else _demo()
    return _window(asked.settings)


def _parser() -> "argparse.ArgumentParser":
    import argparse
    from pathlib import Path

    parser = argparse.ArgumentParser(
        prog="maskbar",
        description="Masks and unmasks the recording of a call while a card number is read out.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"{NAME} {__version__}")
    parser.add_argument(
        "--settings", type=Path, metavar="FILE", help="a TOML file instead of your own settings"
    )
    parser.add_argument("--log", type=Path, metavar="FILE", help="write what happens to this file")
    parser.set_defaults(verb="window", tour=None)
    verbs = parser.add_subparsers(prog="maskbar", title="verbs", metavar="")
    for verb, words in COMMANDS.items():
        # Here only to be listed; whoever gets here gave an option of the window's before the verb.
        command = verbs.add_parser(verb, help=words, add_help=False)
        command.set_defaults(verb="command")
    demo = verbs.add_parser("demo", help="open the window on a simulated call, without an account")
    demo.add_argument(
        "--tour",
        type=Path,
        metavar="DIR",
        help="click through every state by itself; pictures and tour.json go to DIR",
    )
    demo.set_defaults(verb="demo")
    verbs.add_parser("simulate", help="run the simulated service alone (see: maskbar simulate --help)")
    verbs.add_parser("audit", help="read and check the journal (see: maskbar audit --help)")
    return parser


def _window(settings_file: "Path | None") -> int:
    from app.adapters import settings_file as files

    try:
        settings = files.read(settings_file or files.default_path())
    except files.SettingsFileError as error:
        return _refuse(str(error))
    key_id = os.environ.get("MASKBAR_ACCESS_KEY_ID", "")
    key_secret = os.environ.get("MASKBAR_ACCESS_KEY_SECRET", "")
    if not (key_id and key_secret):
        return _refuse(
            "no access key: set MASKBAR_ACCESS_KEY_ID and MASKBAR_ACCESS_KEY_SECRET, or try `maskbar demo`"
        )
    from app.adapters.instance_lock import take_claim
    from app.adapters.instance_place import PlaceError

    try:
        claim: Claim | int | None = take_claim()
        if claim is None:
            from app.command import claim_or_raise

            claim = claim_or_raise()
    except PlaceError as error:
        return _refuse(str(error))
    if isinstance(claim, int):
        return claim
    with claim:  # held to the very end: a window that still closes is not yet gone
        from app.opening import Opening

        with Opening() as opening:
            opening.paint()
            if opening.ended:
                return 0
            from app import compose

            return compose.open_window(opening, settings, key_id, key_secret, claim)


def _demo() -> int:
    from app.adapters.training import Training

    with Training() as training:  # its process comes up while the window does
        from app.opening import Opening

        with Opening() as opening:
            opening.paint()
            if opening.ended:
                return 0
            from app import compose

            return compose.open_demo(opening, training)


def _tour(folder: "Path") -> int:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        return _refuse(f"{folder}: cannot be made a folder for the pictures ({error.strerror})")
    from app import compose

    return compose.open_tour(folder)


def _no_display() -> str:
    """Qt would end the process with a core dump; a sentence serves better."""
    if sys.platform != "linux" or os.environ.get("QT_QPA_PLATFORM"):
        return ""
    if os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"):
        return ""
    return "there is no display (neither DISPLAY nor WAYLAND_DISPLAY is set)"


def _log_to(file: "Path | None") -> None:
    import logging

    logger = logging.getLogger("maskbar")
    logger.propagate = False
    handler: logging.Handler = logging.NullHandler()
    if file:
        try:
            handler = logging.FileHandler(file, encoding="utf-8")
        except OSError as error:
            sys.exit(_refuse(f"{file}: cannot be written ({error.strerror})"))
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
        logger.setLevel(logging.INFO)
    logger.addHandler(handler)


def _refuse(sentence: str) -> int:
    print(f"maskbar: {sentence}", file=sys.stderr)
    return 2
