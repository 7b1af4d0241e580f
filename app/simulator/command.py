"""The command line: `python -m app.simulator`, and what `maskbar simulate` calls.

The one rule: one line on stdout when it listens, and nothing else; it ends with 0 on SIGTERM, SIGINT or, when asked to,
with its parent. What cannot be served is one sentence on stderr and exit code 2.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import ssl
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from app.simulator.scenarios import SCENARIOS
from app.simulator.server import Server, listen
from app.simulator.world import World


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="maskbar simulate", description="A simulated CXone tenant over real HTTP."
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--scenario", default="instant", metavar="NAME", help="one of --list")
    parser.add_argument(
        "--call",
        choices=("recorded", "unrecorded", "internal", "none"),
        help="the call that the agent is on at first (default: as the scenario has it, mostly recorded)",
    )
    parser.add_argument("--tls-cert", type=Path, metavar="PEM")
    parser.add_argument("--tls-key", type=Path, metavar="PEM")
    parser.add_argument(
        "--keepalive", type=float, default=75.0, metavar="SECONDS", help="an idle connection's life"
    )
    parser.add_argument("--exit-with-parent", action="store_true", help="end when stdin reaches its end")
    parser.add_argument("--list", action="store_true", help="list the scenarios and end")
    return parser


def _refuse(sentence: str) -> int:
    print(f"maskbar simulate: {sentence}", file=sys.stderr)
    return 2


def main(argv: Sequence[str] | None = None) -> int:
    """Serves until it is told to end. Returns the exit code."""
    try:
        asked = _parser().parse_args(argv)
    except SystemExit as ending:  # argparse has said why
        return ending.code if isinstance(ending.code, int) else 2
    if asked.list:
        for name, scenario in SCENARIOS.items():
            print(f"{name:16} {scenario.says}")
        return 0
    if asked.scenario not in SCENARIOS:
        return _refuse(f"there is no scenario {asked.scenario!r}; known are {', '.join(SCENARIOS)}")
    if (asked.tls_cert is None) != (asked.tls_key is None):
        return _refuse("--tls-cert and --tls-key belong together")
    if not asked.keepalive >= 0:
        return _refuse("--keepalive takes a number of seconds, 0 or more")

    world = World(time.monotonic)
    world.play(asked.scenario)
    call = asked.call or SCENARIOS[asked.scenario].begins_with
    if call != "none":
        world.start_call(recorded=call == "recorded", internal=call == "internal")

    try:
        bound = listen(asked.host, asked.port)
    except (OSError, OverflowError) as error:
        return _refuse(f"cannot listen on {asked.host}:{asked.port}: {error}")
    with bound:
        try:
            tls = (asked.tls_cert, asked.tls_key) if asked.tls_cert else None
            server = Server(world, bound, keepalive=asked.keepalive, tls=tls, on_listening=_say)
            server.config.load()
        except (OSError, ssl.SSLError) as error:
            return _refuse(
                f"cannot use the certificate {asked.tls_cert} with the key {asked.tls_key}: {error}"
            )
        _end_on_signals(server)
        if asked.exit_with_parent:
            threading.Thread(target=_end_with_parent, args=(server,), daemon=True).start()
        asyncio.run(server.serve_bound())
    return 0


def _say(url: str) -> None:
    try:
        print(f"listening {url}", flush=True)
    except BrokenPipeError:
        # Whoever started it has gone meanwhile. Python would complain at its own end, too.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _end_on_signals(server: Server) -> None:
    def end(*_: object) -> None:
        server.should_exit = True

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)


def _end_with_parent(server: Server) -> None:
    # os.read, not sys.stdin: a daemon thread that sleeps inside sys.stdin's lock makes the interpreter abort at its end.
    try:
        while os.read(0, 4096):
            pass
    except OSError:
        pass  # no stdin at all is as good as its end
    server.should_exit = True
