"""`maskbar audit`: export, verify, head and summary of the journal, for whoever has to answer for it.

The one rule: it reads and never writes the journal, holds one record in memory, and says in its exit code what it
found. It loads neither Qt nor the network.
"""

import argparse
import contextlib
import csv
import json
import os
import re
import sqlite3
import sys
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Any, NoReturn

from app.adapters.journal_key import key_file, read_key
from app.adapters.journal_reading import Reading, default_path
from app.adapters.journal_summary import Day, summary
from app.core.audit import FIELDS, Head, fields, letters, verify

OK, BAD, CANNOT = 0, 1, 2
EXIT_CODES = """exit codes:
  0  done, and nothing is wrong
  1  the journal does not verify, or is damaged: the first bad sequence number is said
  2  it could not be done: wrong arguments, no journal, no key, no room for the output

times are UTC: 2026-07-25 or 2026-07-25T14:02:03Z; a day given to --until is included as a whole"""


class CannotError(Exception):
    """One sentence for the person at the terminal."""


def main(argv: list[str]) -> int:
    """`argv` without the program's name and the word audit. Gives the exit code; SystemExit for --help."""
    try:
        arguments = _parser().parse_args(argv)
        done: int = arguments.do(arguments)
        sys.stdout.flush()
        return done
    except CannotError as error:
        print(f"maskbar audit: {error}", file=sys.stderr)
        return CANNOT
    except BrokenPipeError:
        # The reader went away (as in `| head`). Python would complain at its own end, too.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return CANNOT
    except KeyboardInterrupt:
        print("maskbar audit: interrupted", file=sys.stderr)
        return CANNOT


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise CannotError(f"{message} (maskbar audit --help says more)")


def _parser() -> argparse.ArgumentParser:
    raw = argparse.RawDescriptionHelpFormatter
    parser = _Parser(
        prog="maskbar audit", description="Read MaskBar's journal.", epilog=EXIT_CODES, formatter_class=raw
    )
    verbs = parser.add_subparsers(
        required=True, metavar="export | verify | head | summary", parser_class=_Parser
    )

    def verb(name: str, words: str, do: Any) -> argparse.ArgumentParser:
        made = verbs.add_parser(name, help=words, description=words, epilog=EXIT_CODES, formatter_class=raw)
        made.add_argument(
            "--journal", type=Path, metavar="FILE", help="the journal; by default that of this user's MaskBar"
        )
        made.set_defaults(do=do)
        return made

    export = verb("export", "Write the records out, oldest first.", _export)
    export.add_argument("--format", choices=("csv", "jsonl"), required=True)
    export.add_argument("--since", type=_since, metavar="TIME", help="records from then on")
    export.add_argument("--until", type=_until, metavar="TIME", help="records before then")
    export.add_argument("--out", type=Path, metavar="FILE", help="a new file; by default the standard output")
    check = verb("verify", "Check that no record was changed, removed, added or moved.", _verify)
    check.add_argument("--head", type=_head, metavar="HEAD", help="what `audit head` printed earlier")
    check.add_argument(
        "--key", type=Path, metavar="FILE", help="the journal's key; by default beside the journal"
    )
    check.add_argument("--json", action="store_true", help="one line of JSON")
    head = verb(
        "head",
        "Print the newest record's number and digest: keep it elsewhere, for verify --head.",
        _show_head,
    )
    head.add_argument("--json", action="store_true", help="one line of JSON")
    days = verb(
        "summary", "Count by day (UTC): masks, masked minutes, failures, unknowns, forgotten.", _summary
    )
    days.add_argument("--json", action="store_true", help="one line of JSON for each day")
    return parser


# Arguments.

_TIME = re.compile(r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d)?)Z?)?")


def _moment(text: str, day_is_over: bool) -> str:
    """The time as records write it. Records are compared with it as text: both are UTC and equally long."""
    parts = _TIME.fullmatch(text.strip())
    try:
        if parts is None:
            raise ValueError
        when = datetime.fromisoformat(f"{parts[1]}T{parts[2] or '00:00'}").replace(tzinfo=UTC)
        if day_is_over and parts[2] is None:
            when += timedelta(days=1)
    except (ValueError, OverflowError):
        expected = "expected a UTC time like 2026-07-25 or 2026-07-25T14:02:03Z"
        raise argparse.ArgumentTypeError(f"{expected}, found {text!r}") from None
    return when.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _since(text: str) -> str:
    return _moment(text, day_is_over=False)


def _until(text: str) -> str:
    return _moment(text, day_is_over=True)


def _head(text: str) -> Head:
    try:
        return Head.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _open(arguments: argparse.Namespace) -> Reading:
    path: Path = arguments.journal or default_path()
    try:
        return Reading(path)
    except FileNotFoundError:
        raise CannotError(f"there is no journal at {path}") from None
    except (OSError, sqlite3.Error) as error:
        raise CannotError(f"{path} cannot be read: {error}") from None


# Verbs.


def _export(arguments: argparse.Namespace) -> int:
    with contextlib.ExitStack() as stack:
        journal = stack.enter_context(_open(arguments))
        out: IO[str] = sys.stdout
        if arguments.out is not None:
            try:
                handle = os.open(arguments.out, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
            except FileExistsError:
                raise CannotError(f"{arguments.out} is there already, and is not overwritten") from None
            except OSError as error:
                raise CannotError(f"{arguments.out} cannot be written: {error.strerror}") from None
            out = stack.enter_context(os.fdopen(handle, "w", encoding="utf-8", newline=""))
        write = _write_csv if arguments.format == "csv" else _write_jsonl
        rows = _chosen(_with_progress(journal.rows(), journal), arguments.since, arguments.until)
        try:
            write(rows, out)
            out.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            raise CannotError(f"the output cannot be written: {error.strerror}") from None
    return _damage(journal)


def _damage(journal: Reading) -> int:
    if journal.damaged_after is None:
        return OK
    print(f"maskbar audit: the journal is damaged after record {journal.damaged_after}", file=sys.stderr)
    return BAD


def _chosen(
    rows: Iterable[tuple[int, Any, Any]], since: str | None, until: str | None
) -> Iterator[tuple[int, dict[str, str | int], str]]:
    for sequence, data, mac in rows:
        try:
            record = fields(data)
        except (TypeError, ValueError):
            record = {"kind": "unreadable"}
        at = str(record.get("at", ""))
        # A record that has lost its time is never left out.
        if at and ((since and at < since) or (until and at >= until)):
            continue
        yield sequence, record, letters(mac) if isinstance(mac, bytes) else ""


def _write_jsonl(rows: Iterable[tuple[int, dict[str, str | int], str]], out: IO[str]) -> None:
    for sequence, record, mac in rows:
        line = {"sequence": sequence, **record, "mac": mac}
        out.write(json.dumps(line, separators=(",", ":")) + "\n")


def _write_csv(rows: Iterable[tuple[int, dict[str, str | int], str]], out: IO[str]) -> None:
    table = csv.writer(out)
    table.writerow(["sequence", *FIELDS, "mac"])
    for sequence, record, mac in rows:
        table.writerow([sequence, *(_cell(record.get(field, "")) for field in FIELDS), mac])


def _cell(value: str | int) -> str | int:
    """A spreadsheet takes a text that begins like a formula for one: an apostrophe keeps it a text (OWASP)."""
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%"):
        return f"'{value}"
    return value


def _verify(arguments: argparse.Namespace) -> int:
    with _open(arguments) as journal:
        where = arguments.key or key_file(journal.path)
        try:
            key = read_key(where)
        except FileNotFoundError:
            raise CannotError(f"there is no key at {where}") from None
        except (OSError, ValueError) as error:
            raise CannotError(f"the key cannot be read: {error}") from None
        verdict = verify(_with_progress(journal.rows(), journal), key, journal.anchor, arguments.head)
        bad, why = verdict.bad, verdict.why.value if verdict.why else None
        if journal.damaged_after is not None and (bad is None or bad > journal.damaged_after):
            bad, why = verdict.last.sequence + 1, "the file is damaged there"
    if arguments.json:
        said = {
            "ok": bad is None,
            "records": verdict.count,
            "head": str(verdict.last),
            "first_bad": bad,
            "why": why,
            "head_seen": verdict.head_seen,
        }
        print(json.dumps(said))
    elif bad is not None:
        print(f"bad: record {bad}: {why}")
    else:
        first = verdict.last.sequence - verdict.count + 1
        span = (
            f"{verdict.count} records, {first} to {verdict.last.sequence}" if verdict.count else "no records"
        )
        print(f"ok: {span}")
        if verdict.head_seen is False:
            print("the given head is older than the oldest record that is kept: retention has cut it")
    return OK if bad is None else BAD


def _show_head(arguments: argparse.Namespace) -> int:
    with _open(arguments) as journal:
        head = journal.head()
    if head is None:
        return _damage(journal) or _no_records(journal)
    print(json.dumps({"sequence": head.sequence, "head": str(head)}) if arguments.json else head)
    return OK


def _no_records(journal: Reading) -> NoReturn:
    raise CannotError(f"{journal.path} holds no records")


def _summary(arguments: argparse.Namespace) -> int:
    with _open(arguments) as journal:
        days = summary(_with_progress(journal.rows(), journal))
    if arguments.json:
        for day in days:
            print(json.dumps(day.as_data()))
    else:
        print(f"{'day (UTC)':<10} {Day.HEADINGS}")
        for day in days:
            print(f"{day.date:<10} {day.line()}")
    return _damage(journal)


def _with_progress(rows: Iterable[tuple[int, Any, Any]], journal: Reading) -> Iterator[tuple[int, Any, Any]]:
    """A line on a terminal's stderr, four times a second from the first second on; nothing anywhere else."""
    if not sys.stderr.isatty():
        yield from rows
        return
    total, shown, then = journal.about(), False, time.monotonic() + 1.0
    for count, row in enumerate(rows):
        if count % 1000 == 0 and time.monotonic() >= then:
            then, shown = time.monotonic() + 0.25, True
            print(f"\r{count:,} of about {total:,} records", end="", file=sys.stderr, flush=True)
        yield row
    if shown:
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)
