"""Who may import whom: design.md's rules, read from the syntax of every file in app/.

The one rule: each rule here is shown to catch a file that breaks it.
"""

import ast
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

APP = Path(__file__).parents[1] / "app"
FILES = sorted(path.relative_to(APP.parent).as_posix() for path in APP.rglob("*.py"))

PURE = frozenset(
    {
        *(
            "abc",
            "base64",
            "bisect",
            "collections",
            "dataclasses",
            "datetime",
            "decimal",
            "enum",
            "functools",
        ),
        *(
            "hashlib",
            "hmac",
            "ipaddress",
            "itertools",
            "json",
            "math",
            "operator",
            "re",
            "string",
            "textwrap",
        ),
        *("types", "typing", "unicodedata", "urllib.parse"),
    }
)
"""What core may use of the standard library: nothing that waits, asks for the time, throws dice or reaches out."""
IMPURE_CALLS = frozenset({"now", "utcnow", "today", "open", "print", "input", "exec", "eval", "__import__"})
UI_SEES = frozenset(
    f"app.core.{name}" for name in ("picture", "terms", "view", "settings", "ports", "states", "reminders")
)
"""Of core, ui sees what is drawn, and the words in it."""
COMMANDS = ("app/cli.py", "app/command.py", "app/audit_command.py", "app/__main__.py")
"""The command line: `status` must not load Qt."""
ROOTS = ("app/compose.py", "app/opening.py", "app/surfaces.py", "app/parts.py", "app/tour.py")
"""They put everything together."""

PAIRS = {
    "app/adapters/loop.py": {"PySide6", "qasync"},  # the loop is where the two meet
    "app/adapters/wire.py": {"httpx", "truststore"},  # httpx is handed its trust when it is made
}
"""Adapters whose one outside thing needs two libraries."""


@dataclass(frozen=True)
class Import:
    module: str
    line: int
    inside: bool
    """In a function: loaded when it is wanted."""
    typing_only: bool

    @property
    def ours(self) -> bool:
        return self.module.split(".")[0] == "app"

    @property
    def standard(self) -> bool:
        return self.module.split(".")[0] in sys.stdlib_module_names

    def within(self, *packages: str) -> bool:
        return any(self.module == one or self.module.startswith(f"{one}.") for one in packages)


def imports_of(tree: ast.Module) -> Iterator[Import | str]:
    """Each import, or what is wrong with it."""

    def walk(node: ast.AST, inside: bool, typing_only: bool) -> Iterator[Import | str]:
        match node:
            case ast.Import(names=names):
                for name in names:
                    yield Import(name.name, node.lineno, inside, typing_only)
            case ast.ImportFrom(level=level) if level:
                yield f"line {node.lineno}: a relative import"
            case ast.ImportFrom(module=module, names=names):
                for name in names:
                    yield Import(_whole(module or "", name.name), node.lineno, inside, typing_only)
            case ast.If(test=ast.Name(id="TYPE_CHECKING"), body=body, orelse=orelse):
                for statement in body:
                    yield from walk(statement, inside, True)
                for statement in orelse:
                    yield from walk(statement, inside, typing_only)
                return
        deeper = inside or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for child in ast.iter_child_nodes(node):
            yield from walk(child, deeper, typing_only)

    yield from walk(tree, inside=False, typing_only=False)


def _whole(module: str, name: str) -> str:
    """`from app.core import masking` names a module, `from app import NAME` does not."""
    packages = (
        "app",
        "app.core",
        "app.adapters",
        "app.adapters.desktop",
        "app.ui",
        "app.simulator",
        "urllib",
    )
    is_module = module in packages and name.islower() and not name.startswith("_")
    return f"{module}.{name}" if is_module else module


def _core(_: str, one: Import) -> str | None:
    if one.ours:
        return None if one.within("app.core") else "core imports core only"
    if one.module.split(".")[0] in PURE or one.module in PURE:
        return None
    return "core imports only the pure part of the standard library"


def _controller(_: str, one: Import) -> str | None:
    if one.ours:
        return None if one.within("app.core", "app.controller") else "the controller imports core only"
    return None if one.standard else "the controller imports no library"


def _adapters(_: str, one: Import) -> str | None:
    if one.ours and not (one.module == "app" or one.within("app.core", "app.adapters")):
        return "adapters import core and adapters only"
    return None


def _ui(_: str, one: Import) -> str | None:
    if one.ours:
        allowed = one.within("app.ui") or one.module in {"app", *UI_SEES}
        return None if allowed else "ui imports of ours only core.view and the words in it"
    if one.within("PySide6", "resources") or one.standard:
        return None
    return "ui imports no library but PySide6"


def _simulator(_: str, one: Import) -> str | None:
    return "the simulator imports nothing of ours" if one.ours and not one.within("app.simulator") else None


def _command(path: str, one: Import) -> str | None:
    if one.within("app.compose") and path != "app/cli.py":
        return "only cli imports compose"
    early = not one.inside and not one.typing_only
    if early and one.ours and not (one.module == "app" or one.within("app.core", "app.adapters", "app.cli")):
        return "the command line loads the window only inside functions"
    if early and not one.ours and not one.standard:
        return "the command line loads libraries only inside functions"
    return None


def _root(_: str, one: Import) -> str | None:
    return "only cli imports compose" if one.within("app.compose") else None


def _package(_: str, one: Import) -> str | None:
    return "the package itself imports nothing" if one.ours else None


def rule_for(path: str) -> Callable[[str, Import], str | None] | None:
    for folder, rule in (
        ("app/core/", _core),
        ("app/adapters/", _adapters),
        ("app/ui/", _ui),
        ("app/simulator/", _simulator),
    ):
        if path.startswith(folder):
            return rule
    if path in ("app/controller.py", "app/watcher.py"):
        return _controller
    if path in COMMANDS:
        return _command
    if path in ROOTS:
        return _root
    return _package if path == "app/__init__.py" else None


def complaints(path: str, source: str) -> list[str]:
    """What the file at `path` (from the repository's root) must not do."""
    tree = ast.parse(source)
    rule = rule_for(path)
    if rule is None:
        return ["no rule says what this file may import: give it one here"]
    found = list(imports_of(tree))
    wrong = [one for one in found if isinstance(one, str)]
    imports = [one for one in found if isinstance(one, Import)]
    wrong += [f"line {one.line}: {one.module}: {why}" for one in imports if (why := rule(path, one))]
    if path.startswith("app/core/"):
        wrong += [f"line {line}: {name}(): core asks nobody" for line, name in _impure_calls(tree)]
    if path.startswith("app/adapters/"):
        libraries = {one.module.split(".")[0] for one in imports if not one.ours and not one.standard}
        if len(libraries) > 1 and libraries != PAIRS.get(path):
            wrong.append(f"one adapter, one library, not {', '.join(sorted(libraries))}")
    return wrong


def _impure_calls(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            match node.func:
                case ast.Name(id=name) | ast.Attribute(attr=name) if name in IMPURE_CALLS:
                    yield node.lineno, name


@pytest.mark.parametrize("path", FILES)
def test_imports_keep_the_rules(path: str) -> None:
    assert complaints(path, (APP.parent / path).read_text("utf-8")) == []


def test_there_is_something_to_check() -> None:
    for wanted in ("app/core/masking.py", "app/controller.py", "app/cli.py", "app/simulator/server.py"):
        assert wanted in FILES


@pytest.mark.parametrize(
    ("path", "source", "why"),
    [
        ("app/core/x.py", "import asyncio", "pure part"),
        ("app/core/x.py", "import time", "pure part"),
        ("app/core/x.py", "from random import random", "pure part"),
        ("app/core/x.py", "def f():\n    import os", "pure part"),
        ("app/core/x.py", "from pathlib import Path", "pure part"),
        ("app/core/x.py", "import urllib.request", "pure part"),
        ("app/core/x.py", "from urllib import request", "pure part"),
        ("app/core/x.py", "import httpx", "pure part"),
        ("app/core/x.py", "from datetime import datetime\nat = datetime.now()", "asks nobody"),
        ("app/core/x.py", "text = open('x').read()", "asks nobody"),
        ("app/core/x.py", "time = __import__('time')", "asks nobody"),
        ("app/core/x.py", "from app.controller import Controller", "core imports core only"),
        ("app/core/x.py", "from app import controller", "core imports core only"),
        ("app/core/x.py", "from . import states", "relative"),
        ("app/core/x.py", "if TYPE_CHECKING:\n    from app.adapters.cxone import CxoneRecorder", "core only"),
        ("app/controller.py", "from app.adapters.clock import SystemClock", "imports core only"),
        ("app/controller.py", "from PySide6.QtCore import QTimer", "no library"),
        ("app/adapters/x.py", "from app.ui.window import Window", "core and adapters only"),
        ("app/adapters/x.py", "from app.controller import Controller", "core and adapters only"),
        ("app/adapters/x.py", "def f():\n    from app import compose", "core and adapters only"),
        ("app/adapters/x.py", "import httpx\nimport keyring", "one library"),
        ("app/ui/x.py", "from app.core.masking import step", "core.view"),
        ("app/ui/x.py", "from app.adapters.cxone import CxoneRecorder", "core.view"),
        ("app/ui/x.py", "import httpx", "no library but PySide6"),
        ("app/simulator/x.py", "from app.core.ports import Wish", "nothing of ours"),
        ("app/simulator/x.py", "from app import NAME", "nothing of ours"),
        ("app/cli.py", "from app.compose import run", "inside functions"),
        ("app/cli.py", "import PySide6", "inside functions"),
        ("app/cli.py", "from app.ui import window", "inside functions"),
        ("app/command.py", "def f():\n    from app import compose", "only cli imports compose"),
        ("app/tour.py", "from app.compose import run", "only cli imports compose"),
        ("app/__init__.py", "from app.core import masking", "the package itself"),
        ("app/new_folder/x.py", "", "no rule says"),
    ],
)
def test_a_file_that_breaks_a_rule_is_caught(path: str, source: str, why: str) -> None:
    assert any(why in one for one in complaints(path, source))


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("app/core/x.py", "from app.core import states\nfrom urllib.parse import urlsplit\nimport math"),
        ("app/core/x.py", "from datetime import UTC, datetime\nat = datetime.fromtimestamp(0, UTC)"),
        (
            "app/adapters/x.py",
            "import httpx\nfrom httpx import Response\nfrom app import APP_ID, __version__",
        ),
        ("app/ui/x.py", "from PySide6.QtCore import Qt\nfrom app.core.view import View\nimport sys"),
        ("app/cli.py", "def window():\n    from app.compose import run\n    run()"),
        ("app/cli.py", "from app.adapters.instance_line import Line"),
        (
            "app/compose.py",
            "import PySide6\nfrom app.ui.window import Window\nfrom app.controller import Controller",
        ),
    ],
)
def test_a_file_that_keeps_the_rules_is_left_alone(path: str, source: str) -> None:
    assert complaints(path, source) == []
