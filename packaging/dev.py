"""Set up, run and test MaskBar from a source tree, on any machine that has Python >= 3.11.

Standard library only, because it runs before anything is installed. Its rule: each step says in one line what it
does; what can be expected to go wrong (no network, a full disk, a missing library, an old Python) ends in one line
and the next step, never in a traceback.

Longer than 300 lines on purpose: a fresh machine needs this one file and nothing it could import.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import importlib.util
import os
import platform
import select
import shlex
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
LOCK = ROOT / "packaging" / "requirements.lock"
OUT = ROOT / "out"
PYTHON = VENV / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
OLDEST = (3, 11)
ON_LINUX = sys.platform == "linux"

# Debian's names for what PySide6-Essentials loads from the system, by what it is needed for.
WINDOW = (
    *("libgl1", "libegl1", "libxkbcommon0", "libdbus-1-3", "libfontconfig1", "libglib2.0-0"),  # Qt itself
    *("libgssapi-krb5-2", "libbrotli1"),  # QtNetwork, when Python is not Debian's own
    *("libxcb-cursor0", "libxcb-icccm4", "libxcb-keysyms1", "libxcb-shape0", "libxkbcommon-x11-0"),  # X11
    *("libwayland-client0", "libwayland-cursor0"),  # Wayland
)
NO_DISPLAY = ("xvfb", "xauth")
END_TO_END = (
    *("openbox", "xdotool", "x11-utils"),  # a window manager, real keys and clicks, a look from outside
    "trayer",  # a tray of the older kind (XEmbed)
    *("dbus", "gnome-keyring"),  # a session bus and a Secret Service of the test's own
    *("at-spi2-core", "gir1.2-atspi-2.0", "python3-gi"),  # what a screen reader hears
    "fonts-noto-core",  # the same letters in the pictures of every machine
)


class DevError(Exception):
    """Expected trouble: what happened, and what to do next."""

    def __init__(self, what: str, then: str) -> None:
        super().__init__(f"{what}\ndev: next: {then}")


def say(text: str) -> None:
    print(f"dev: {text}", flush=True)


# ------------------------------------------------------------------------------------------- processes


def stop(process: subprocess.Popen[str], first: signal.Signals = signal.SIGTERM) -> None:
    """End a child and whatever it started: politely, and after 5 s for certain."""
    if sys.platform == "win32":
        process.terminate()
        process.wait()
    else:
        for end in (first, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS: not permitted on the dead
                os.killpg(process.pid, end)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(5)
            for _ in range(25):  # half a second for what the child itself left behind
                try:
                    os.killpg(process.pid, 0)
                except (ProcessLookupError, PermissionError):
                    return
                time.sleep(0.02)


def run(
    command: Sequence[str | Path], *, env: dict[str, str] | None = None, show: bool = False
) -> tuple[int, str]:
    """Run a child in a process group of its own to its end; its exit status and, unless shown, its output."""
    process = subprocess.Popen(
        command,
        env=env,
        stdout=None if show else subprocess.PIPE,
        stderr=None if show else subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
        start_new_session=True,
    )
    try:
        output = process.communicate()[0] or ""
    except KeyboardInterrupt:
        stop(process, signal.SIGINT)  # as the terminal would: pytest tears its fixtures down
        raise
    finally:
        stop(process)
    return process.returncode, output


def environment(**more: str) -> dict[str, str]:
    """The caller's environment without what would lead our interpreter to other people's modules."""
    return {k: v for k, v in os.environ.items() if k not in {"PYTHONHOME", "PYTHONPATH"}} | more


def last_error(output: str) -> str:
    """The line of a tool's output that says best what went wrong."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if line.lower().startswith(("error", "e:"))]
    return (errors or lines or ["no output"])[-1]


# -------------------------------------------------------------------------------------- system packages


def missing_packages(wanted: Sequence[str], installed: str) -> list[str]:
    """Which of the wanted packages `dpkg-query` does not list as installed.

    A package also counts under the names that it provides: libglib2.0-0 is libglib2.0-0t64 from Ubuntu 24.04
    and Debian 13 on.
    """
    have: set[str] = set()
    for line in installed.splitlines():
        status, _, rest = line.partition("\t")
        if status.strip() == "ii":
            name, _, provides = rest.partition("\t")
            have |= {name, *(entry.split("(")[0].strip() for entry in provides.split(","))}
    return [package for package in dict.fromkeys(wanted) if package not in have]


def apt_command(packages: Sequence[str], *, root: bool) -> list[list[str]]:
    """The two commands that install the packages."""
    quiet = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq", "-o", "DPkg::Lock::Timeout=120"]
    become = [] if root else ["sudo", "-n"]
    return [
        [*become, *quiet, "update"],
        [*become, *quiet, "install", "-y", "--no-install-recommends", *packages],
    ]


def system_packages(wanted: Sequence[str]) -> None:
    """Install what Debian or Ubuntu lacks of the wanted packages; elsewhere do nothing."""
    if not (Path("/etc/debian_version").exists() and shutil.which("dpkg-query") and shutil.which("apt-get")):
        return
    _, installed = run(["dpkg-query", "-W", "-f", "${db:Status-Abbrev}\t${Package}\t${Provides}\n"])
    missing = missing_packages(wanted, installed)
    if not missing:
        return
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    may = root or (shutil.which("sudo") and run(["sudo", "-n", "true"])[0] == 0)
    if not may:
        by_hand = f"sudo apt-get update && sudo apt-get install --no-install-recommends {shlex.join(missing)}"
        raise DevError("system packages are missing, and installing them needs root", by_hand)
    say(f"installing system packages with apt-get: {' '.join(missing)}")
    update, install = apt_command(missing, root=root)
    _, updated = run(update)  # an index that cannot be refreshed may still hold all that is needed
    status, output = run(install)
    if status:
        print(updated + output, file=sys.stderr)
        raise DevError(
            f"apt-get failed: {last_error(output)}", f"make this work, then run again: {shlex.join(install)}"
        )


# ------------------------------------------------------------------------------------------------- venv


def fingerprint() -> str:
    """Changes whenever the virtual environment must be made anew.

    3.11.2 and 3.11.7 share an environment, 3.11 and 3.12 do not: `python3.12 packaging/dev.py test` tests on 3.12.
    """
    python = f"{sys.implementation.cache_tag} {sysconfig.get_platform()}"
    parts = [LOCK.read_text(encoding="utf-8"), python, str(VENV)]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def site_packages(venv: Path) -> Path:
    return Path(sysconfig.get_path("purelib", "venv", {"base": str(venv), "platbase": str(venv)}))


def write_stamp(venv: Path, mark: str) -> None:
    """Say last, and only when all went well, what the environment was made from and what it holds."""
    held = sorted(path.name for path in site_packages(venv).glob("*.dist-info"))
    (venv / "maskbar.stamp").write_text("\n".join([mark, *held]), encoding="utf-8")


def is_whole(venv: Path, mark: str) -> bool:
    """Whether the environment is there, finished, made from this lock and not damaged since: a few stat calls."""
    try:
        made_from, *held = (venv / "maskbar.stamp").read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError):
        return False
    site = site_packages(venv)
    interpreter = venv / PYTHON.relative_to(VENV)
    return (
        made_from == mark and interpreter.exists() and all((site / name / "RECORD").exists() for name in held)
    )


@contextlib.contextmanager
def one_at_a_time() -> Iterator[None]:
    """Two set-ups in one tree wait for each other; the operating system lets go when a process dies."""
    with (ROOT / ".venv.lock").open("a+") as file:
        if sys.platform == "win32":
            import msvcrt

            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def make_venv(venv: Path) -> Path:
    """An empty virtual environment with pip, made by the interpreter below any environment we run in; its python."""
    base: str = getattr(sys, "_base_executable", sys.executable)
    status, output = run([base, "-m", "venv", "--clear", venv], env=environment())
    if status:
        then = "mend that (a full disk? a Python without its ensurepip module?), then run the same again"
        raise DevError(f"{base} -m venv failed: {last_error(output)}", then)
    return venv / PYTHON.relative_to(VENV)


def pip_install(python: Path) -> list[str | Path]:
    return [python, "-m", "pip", "--disable-pip-version-check", "install"]


def set_up(wanted: Sequence[str]) -> None:
    """Bring the system packages and the virtual environment to what the lock file says."""
    if importlib.util.find_spec("ensurepip") is None and ON_LINUX:  # Debian splits it off
        wanted = (*wanted, f"python3.{sys.version_info.minor}-venv")
    system_packages(wanted)
    if is_whole(VENV, fingerprint()):
        return
    with one_at_a_time():
        if is_whole(VENV, fingerprint()):
            return  # another set-up has just finished
        began = time.monotonic()
        say(f"making .venv with Python {platform.python_version()}")
        if VENV.is_symlink():
            VENV.unlink()
        elif VENV.exists():
            shutil.rmtree(VENV)
        make_venv(VENV)
        say("installing the packages of packaging/requirements.lock")
        strictly = ["--require-hashes", "--no-deps", "--only-binary", ":all:", "--no-input"]
        status, output = run([*pip_install(PYTHON), *strictly, "-r", LOCK], env=environment())
        if status:
            OUT.mkdir(exist_ok=True)
            (OUT / "pip.log").write_text(output, encoding="utf-8")
            raise DevError(
                f"pip failed: {last_error(output)} (all of it: {OUT / 'pip.log'})",
                "check the network (pip's own settings for index and proxy apply), then run the same again",
            )
        # `python -m app` from any folder, always from these sources
        (site_packages(VENV) / "maskbar.pth").write_text(f"{ROOT}\n", encoding="utf-8")
        write_stamp(VENV, fingerprint())
        say(f"set up in {time.monotonic() - began:.0f} s")


# ---------------------------------------------------------------------------------------------- display


def has_display() -> bool:
    return not ON_LINUX or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


@contextlib.contextmanager
def screen() -> Iterator[dict[str, str]]:
    """An environment with a display nobody sees, a window manager on it, and no way to the caller's own desktop.

    Only Linux needs one; elsewhere it is the caller's environment as it is.
    """
    if not ON_LINUX:
        yield environment()
        return
    if not shutil.which("Xvfb"):
        raise DevError("there is no Xvfb on this machine", "install it with your system's package manager")
    with contextlib.ExitStack() as stack:
        private = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="maskbar-")))
        env = environment(
            QT_QPA_PLATFORM="xcb",
            XDG_RUNTIME_DIR=str(private),
            DBUS_SESSION_BUS_ADDRESS=f"unix:path={private}/no-bus",  # tests that want a bus start their own
            LC_ALL="C.UTF-8",  # Qt warns about any locale that is not UTF-8
        )
        env.pop("WAYLAND_DISPLAY", None)
        reading, writing = os.pipe()
        stack.callback(os.close, reading)
        log = stack.enter_context((private / "display.log").open("w+", encoding="utf-8"))

        def start(*command: str, pass_fds: tuple[int, ...] = ()) -> None:
            process = subprocess.Popen(
                command, env=env, stdout=log, stderr=log, text=True, start_new_session=True, pass_fds=pass_fds
            )
            stack.callback(stop, process)

        server = [
            "Xvfb",
            "-displayfd",
            str(writing),
            "-screen",
            "0",
            "1280x800x24",
            "-nolisten",
            "tcp",
            "-noreset",
        ]
        start(*server, pass_fds=(writing,))
        os.close(writing)
        number = os.read(reading, 16).decode().strip() if select.select([reading], [], [], 30)[0] else ""
        if not number:
            log.seek(0)
            raise DevError(f"Xvfb did not start: {last_error(log.read())}", "try `Xvfb :99` by hand")
        env["DISPLAY"] = f":{number}"
        if shutil.which("openbox"):
            start("openbox", "--sm-disable")
            deadline = time.monotonic() + 5
            while shutil.which("xprop") and time.monotonic() < deadline:
                if "window id" in run(["xprop", "-root", "_NET_SUPPORTING_WM_CHECK"], env=env)[1]:
                    break
                time.sleep(0.05)
        yield env


# ------------------------------------------------------------------------------------------------ verbs


def verb_setup(_args: list[str]) -> int:
    say(f"ready: {PYTHON}")
    return 0


def verb_demo(args: list[str]) -> int:
    command: list[str | Path] = [PYTHON, "-m", "app", "demo", *args]
    if has_display():
        return run(command, env=environment(), show=True)[0]
    pictures = OUT / "tour"
    if "--tour" not in args:
        say("no display here: the window's tour runs on a hidden one")
        command += ["--tour", pictures]
    with screen() as env:
        status, _ = run(command, env=env, show=True)
    if "--tour" not in args and pictures.is_dir():
        say(f"the pictures are in {pictures}")
    return status


def verb_run(args: list[str]) -> int:
    return run([PYTHON, "-m", "app", *args], env=environment(), show=True)[0]


def verb_test(args: list[str]) -> int:
    """Every check, each to its end even when an earlier one failed."""
    thorough = {"MASKBAR_THOROUGH": "1"} if "--thorough" in args else {}
    chosen = [arg for arg in args if arg != "--thorough"]
    # A file at a time for each of some workers: most tests wait for servers, screens and disks.
    workers = [] if chosen else ["-n", str(min(os.cpu_count() or 1, 4)), "--dist", "loadfile"]
    tests = ["pytest", "--cov", "--cov-report=", *workers, *chosen]
    core = ["coverage", "report", "--include=app/core/*", "--fail-under=100"]
    began = time.monotonic()
    failed = []
    os.chdir(ROOT)
    # A short path: a Unix socket's may have 103 bytes, and each test has its folder below it.
    with screen() as env, tempfile.TemporaryDirectory(prefix="m-") as folder:
        tests.append(f"--basetemp={folder}/t")

        def step(name: str, module: Sequence[str], *, show: bool = False, again: Sequence[str] = ()) -> None:
            start = time.monotonic()
            status, output = run([PYTHON, "-m", *module], env=env | thorough, show=show)
            if status == 1 and again:
                # Real screens, keys and deadlines: what failed beside other workers is tried once by itself, in sight.
                say(f"{name}: some failed while others ran beside them; those once more, one after the other")
                status, output = run([PYTHON, "-m", *again], env=env | thorough, show=show)
            if status:
                failed.append(name)
                print(output, end="", flush=True)
            say(f"{name:<20} {'FAILED' if status else 'ok':<7} {time.monotonic() - start:6.1f} s")

        step("ruff format", ["ruff", "format", "--check", "."])
        step("ruff check", ["ruff", "check", "."])
        step("mypy", ["mypy"])
        alone = [
            "pytest",
            "--last-failed",
            "--cov",
            "--cov-append",
            "--cov-report=",
            f"--basetemp={folder}/a",
        ]
        step("pytest", tests, show=True, again=alone if workers else ())
        if chosen:
            say("coverage of app/core is not asked of a part of the tests")
        else:
            step("coverage of app/core", core)
    say(
        f"{'FAILED: ' + ', '.join(failed) if failed else 'all checks passed'} in {time.monotonic() - began:.0f} s"
    )
    return 1 if failed else 0


def verb_bench(args: list[str]) -> int:
    with screen() as env:
        return run([PYTHON, ROOT / "tests" / "bench" / "run.py", *args], env=env, show=True)[0]


def verb_mutation(args: list[str]) -> int:
    return run([PYTHON, ROOT / "packaging" / "mutation.py", *args], env=environment(), show=True)[0]


def verb_pictures(args: list[str]) -> int:
    with screen() as env:
        return run([PYTHON, ROOT / "packaging" / "pictures.py", *args], env=env, show=True)[0]


def verb_lock(args: list[str]) -> int:
    """Pins that stand stay, unless `--upgrade` or `--upgrade-package NAME` is among the arguments for uv."""
    with tempfile.TemporaryDirectory(prefix="maskbar-lock-") as folder:
        say("installing uv into a folder of its own")
        python = make_venv(Path(folder))
        status, output = run([*pip_install(python), "uv"], env=environment())
        if status:
            raise DevError(f"pip failed: {last_error(output)}", "check the network, then run the same again")
        say("resolving for every platform and Python version")
        os.chdir(ROOT)
        where = ["--universal", "--python-version", "3.11", "--no-config", "--no-build"]
        plain = ["--no-header", "--no-annotate", "--no-emit-index-url", "--no-emit-find-links"]
        what = ["--generate-hashes", "--group", "dev", "pyproject.toml", "--output-file", str(LOCK)]
        uv: list[str | Path] = [python, "-m", "uv", "pip", "compile", "--quiet", *where, *plain, *what, *args]
        status, output = run(uv, env=environment())
    if status:
        print(output, end="", file=sys.stderr)
        raise DevError("uv found no set of versions", "mend the dependencies in pyproject.toml")
    say(f"wrote {LOCK.relative_to(ROOT)}")
    return 0


class Verb(NamedTuple):
    function: Callable[[list[str]], int]
    arguments: str
    what: str
    needs: Callable[[], Sequence[str]] | None  # the system packages; None: nothing is set up first


def needs_all() -> Sequence[str]:
    return (*WINDOW, *NO_DISPLAY, *END_TO_END)


VERBS = {
    "setup": Verb(verb_setup, "", "make .venv and install everything, and nothing else", needs_all),
    "demo": Verb(
        verb_demo,
        "[args]",
        "open MaskBar on its simulator; without a display, run the tour into out/tour",
        lambda: WINDOW if has_display() else (*WINDOW, *NO_DISPLAY),
    ),
    "run": Verb(verb_run, "[args]", "run `maskbar args`", lambda: WINDOW),
    "test": Verb(
        verb_test,
        "[--thorough] [pytest args]",
        "run every check and test; --thorough makes the searches long",
        needs_all,
    ),
    "pictures": Verb(
        verb_pictures,
        "",
        "draw the README's pictures from the program: the states' diagram and the window",
        lambda: (*WINDOW, *NO_DISPLAY),
    ),
    "mutation": Verb(
        verb_mutation,
        "[module…]",
        "change the core a little, thousandfold: each change must fail a test",
        lambda: (),
    ),
    "bench": Verb(verb_bench, "[args]", "measure speed and memory, beside bare programs", needs_all),
    "lock": Verb(
        verb_lock, "[uv args]", "maintainers: write packaging/requirements.lock anew (--upgrade)", None
    ),
}


def usage() -> str:
    width = max(len(f"{name} {verb.arguments}") for name, verb in VERBS.items())
    lines = [f"  {f'{name} {verb.arguments}':<{width}}  {verb.what}" for name, verb in VERBS.items()]
    return "\n".join(
        [
            "usage: dev.py VERB [arguments]     (Windows: py packaging\\dev.py VERB)",
            "",
            *lines,
            "",
            "Every verb but lock first sets up: .venv from the hashed lock file and, on Debian and Ubuntu, system",
            "packages through apt-get, as root or with sudo. A second run finds all that in place and starts at once.",
            "",
            "exit status: 0 fine | 1 a check failed or a step could not be done | 2 wrong usage | 130 interrupted",
            "             demo, run and bench end with the status of what they ran",
        ]
    )


def interrupt(_signal: int, _frame: object) -> None:
    raise KeyboardInterrupt


def main(argv: list[str]) -> int:
    if not argv or argv[0] in {"-h", "--help", "help"}:
        print(usage())
        return 0 if argv else 2
    verb = VERBS.get(argv[0])
    if verb is None:
        print(f"{usage()}\n\ndev: there is no verb {argv[0]!r}", file=sys.stderr)
        return 2
    for name in ("SIGTERM", "SIGHUP"):  # end what we started; Windows has no SIGHUP
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), interrupt)
    try:
        if sys.version_info < OLDEST:
            newer = [f"python3.{minor}" for minor in range(20, 10, -1) if shutil.which(f"python3.{minor}")]
            then = (
                f"run it with {newer[0]}" if newer else "install Python 3.11 or newer, and run it with that"
            )
            raise DevError(f"MaskBar needs Python 3.11 or newer, this is {platform.python_version()}", then)
        if verb.needs:
            set_up(verb.needs())
        return verb.function(argv[1:])
    except DevError as trouble:
        print(f"dev: {trouble}", file=sys.stderr)
    except OSError as trouble:
        then = "make room on the disk" if trouble.errno == errno.ENOSPC else "mend that, or end what holds it"
        print(f"dev: {trouble}\ndev: next: {then}, then run the same again", file=sys.stderr)
    except KeyboardInterrupt:
        say("interrupted")
        return 130
    return 1


if __name__ == "__main__":
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a console that lacks a letter is no reason to stop
    sys.exit(main(sys.argv[1:]))
