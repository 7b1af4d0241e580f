"""Mutation testing of the heart: each small change to it must make one of the fast exact tests fail.

The one rule: it ends with 0 only if the mutants that survive are those in `equivalent_mutants.toml`, each with the reason
why it behaves as the original does.

    python packaging/dev.py mutation [module…]      # masking transitions reminders retry recovery, or some of them

mutmut changes what is inside functions, in a copy under out/mutation. It forks after the import, so that what runs *at*
import (the functions that build the table) would never see its change: each survivor is tried once more in a process of
its own. And it leaves the tables and numbers at module level alone: those are changed here, an entry at a time.
"""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
WORK = ROOT / "out" / "mutation"
EXPLAINED = ROOT / "packaging" / "equivalent_mutants.toml"
MODULES = ("masking", "transitions", "reminders", "retry", "recovery")
TESTS = ("test_rows.py", "test_rules.py", "test_reminders.py", "test_recovery.py", "test_retry.py")
WORKERS = max(2, os.cpu_count() or 2)
LIMIT = 60.0
"""Seconds for the fast tests, which take two: what takes longer hangs, and is noticed."""
SURVIVED = (0, 5, 33)
"""mutmut's exit codes: the tests passed, or none of them came by."""

CONFIG = """
[tool.pytest.ini_options]
pythonpath = ["."]
addopts = ["--import-mode=importlib", "-p", "no:cacheprovider", "-p", "no:hypothesispytest"]
markers = ["guarantee(id): a promise", "mutant(id): a broken client"]
[tool.mutmut]
source_paths = ["app"]
also_copy = ["app"]
only_mutate = [{only}]
pytest_add_cli_args_test_selection = ["tests"]
use_git_change_detection = false
"""


@dataclass(frozen=True)
class Mutant:
    """One change: in which module and function, the lines before and after."""

    module: str
    function: str
    was: str
    became: str

    def __str__(self) -> str:
        return f"{self.module}.{self.function}\n    - {self.was or '(nothing)'}\n    + {self.became or '(nothing)'}"


@dataclass(frozen=True)
class Equivalent:
    """Replacing `was` by `became` in these functions changes no behaviour, because `why`."""

    functions: frozenset[str]
    was: str
    became: str
    why: str

    def explains(self, mutant: Mutant) -> bool:
        place = f"{mutant.module}.{mutant.function}"
        same = _squeezed(mutant.was.replace(self.was, self.became)) == _squeezed(mutant.became)
        return place in self.functions and self.was in mutant.was and same


def _squeezed(code: str) -> str:
    return re.sub(r"[\s,]+", "", code)


def explained() -> list[Equivalent]:
    found = tomllib.loads(EXPLAINED.read_text(encoding="utf-8"))["equivalent"]
    return [Equivalent(frozenset(one["in"]), one["was"], one["became"], one["why"]) for one in found]


def prepare(modules: list[str]) -> None:
    """A copy of the core and the fast tests, without conftest: it needs neither Qt nor hypothesis."""
    shutil.rmtree(WORK, ignore_errors=True)
    shutil.copytree(
        ROOT / "app" / "core", WORK / "app" / "core", ignore=shutil.ignore_patterns("__pycache__")
    )
    (WORK / "tests").mkdir()
    shutil.copy(ROOT / "app" / "__init__.py", WORK / "app")
    for name in TESTS:
        shutil.copy(ROOT / "tests" / "core" / name, WORK / "tests")
    only = ", ".join(f'"app/core/{module}.py"' for module in modules)
    (WORK / "pyproject.toml").write_text(CONFIG.format(only=only), encoding="utf-8")


def passes(folder: Path, **more: str) -> bool:
    """Whether the fast tests pass in a process of their own."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "tests"]
    env = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"} | more
    try:
        return (
            subprocess.run(
                command, cwd=folder, env=env, capture_output=True, timeout=LIMIT, check=False
            ).returncode
            == 0
        )
    except subprocess.TimeoutExpired:
        return False


# Inside functions: mutmut.


def run_mutmut() -> dict[str, int | None]:
    """The exit code of the tests for each mutant."""
    with (WORK / "mutmut.log").open("wb") as log:
        command = [sys.executable, "-m", "mutmut", "run", "--max-children", str(WORKERS)]
        status = subprocess.run(command, cwd=WORK, stdout=log, stderr=log, check=False).returncode
    codes: dict[str, int | None] = {}
    for meta in sorted((WORK / "mutants" / "app" / "core").glob("*.meta")):
        codes |= json.loads(meta.read_text(encoding="utf-8"))["exit_code_by_key"]
    if status or not codes or None in codes.values():
        sys.exit(f"mutation: mutmut did not come to its end: see {WORK / 'mutmut.log'}")
    return codes


def described(name: str) -> Mutant:
    """The mutant with mutmut's name app.core.MODULE.x_FUNCTION__mutmut_N."""
    command = [sys.executable, "-m", "mutmut", "show", name]
    shown = subprocess.run(command, cwd=WORK, capture_output=True, text=True, check=True).stdout
    lines = [line for line in shown.splitlines() if not line.startswith(("---", "+++"))]
    was, became = (" ".join(line[1:].strip() for line in lines if line.startswith(sign)) for sign in "-+")
    found = re.fullmatch(r"app\.core\.(\w+)\.x_(\w+)__mutmut_\d+", name)
    module, function = found.groups() if found else ("?", name)
    return Mutant(module, function, was, became)


def in_functions() -> tuple[dict[str, int], list[Mutant]]:
    """How many mutants each module has, and those that survive."""
    codes = run_mutmut()
    mutants = WORK / "mutants"
    doubtful = [name for name, code in codes.items() if code in SURVIVED]
    with ThreadPoolExecutor(WORKERS) as pool:
        passed = list(pool.map(lambda name: passes(mutants, MUTANT_UNDER_TEST=name), doubtful))
        survivors = list(pool.map(described, [name for name, p in zip(doubtful, passed, strict=True) if p]))
    return _counted(name.split(".")[2] for name in codes), survivors


# At module level: here.


def in_tables(modules: list[str]) -> tuple[dict[str, int], list[Mutant]]:
    """The same for each entry of a table, each member of a set and each number outside functions."""
    todo = [
        (module, *change) for module in modules for change in changes(WORK / "app" / "core" / f"{module}.py")
    ]

    def survives(one: tuple[str, str, str]) -> Mutant | None:
        module, what, code = one
        with tempfile.TemporaryDirectory(prefix="maskbar-mutant-") as folder:
            shutil.copytree(
                WORK, folder, ignore=shutil.ignore_patterns("mutants", "*.log"), dirs_exist_ok=True
            )
            (Path(folder) / "app" / "core" / f"{module}.py").write_text(code, encoding="utf-8")
            return Mutant(module, "(table)", what, "") if passes(Path(folder)) else None

    with ThreadPoolExecutor(WORKERS) as pool:
        survivors = [mutant for mutant in pool.map(survives, todo) if mutant]
    return _counted(module for module, _, _ in todo), survivors


def changes(path: Path) -> Iterator[tuple[str, str]]:
    """What was changed, and the module's source with the change."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in _outside_functions(tree):
        for what, do, undo in _changes(node):
            do()
            yield what, ast.unparse(tree)
            undo()


def _outside_functions(tree: ast.Module) -> Iterator[ast.AST]:
    """Not the functions, but for those that are called while the module is imported."""
    outside = [node for node in tree.body if not isinstance(node, ast.FunctionDef)]
    called = {node.func.id for one in outside for node in ast.walk(one) if _calls_by_name(node)}  # type: ignore[attr-defined]
    built = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name in called]
    for one in (*outside, *built):
        within = one.body if isinstance(one, ast.ClassDef | ast.FunctionDef) else [one]
        for part in within:
            if not isinstance(part, ast.FunctionDef):
                yield from _values(part)


def _values(node: ast.AST) -> Iterator[ast.AST]:
    """All below a node but types, and the keys of tables: an entry is taken as a whole."""
    yield node
    for name, below in ast.iter_fields(node):
        if name not in ("annotation", "keys"):
            for one in below if isinstance(below, list) else [below]:
                if isinstance(one, ast.AST):
                    yield from _values(one)


def _calls_by_name(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name)


def _changes(node: ast.AST) -> Iterator[tuple[str, Callable[[], object], Callable[[], object]]]:
    match node:
        case ast.Dict():
            for at in range(len(node.keys)):
                key, value = node.keys[at], node.values[at]
                shown = f"{ast.unparse(key)}: {ast.unparse(value)}" if key else f"**{ast.unparse(value)}"
                yield f"without {shown}", *_taking(at, node.keys, node.values)
        case ast.Set() | ast.Tuple():
            for at in range(len(node.elts)):
                yield f"without {ast.unparse(node.elts[at])} in {ast.unparse(node)}", *_taking(at, node.elts)
        case ast.Call(func=ast.Name(id="Row"), args=[_, _, say]):
            yield f"without {ast.unparse(say)} in {ast.unparse(node)}", *_taking(2, node.args)
        case ast.Constant(value=float() | int() as number) if not isinstance(number, bool):

            def put(value: float, node: ast.Constant = node) -> None:
                node.value = value

            yield f"{number} + 1", lambda: put(number + 1), lambda: put(number)


def _taking(at: int, *lists: list[Any]) -> tuple[Callable[[], object], Callable[[], object]]:
    """Take the element out of the lists, and put it back."""
    taken = [one[at] for one in lists]

    def do() -> None:
        for one in lists:
            del one[at]

    def undo() -> None:
        for one, element in zip(lists, taken, strict=True):
            one.insert(at, element)

    return do, undo


# All of it.


def _counted(modules: Iterator[str]) -> dict[str, int]:
    counts = dict.fromkeys(MODULES, 0)
    for module in modules:
        counts[module] += 1
    return counts


def main(argv: list[str]) -> int:
    modules = argv or list(MODULES)
    unknown = [module for module in modules if module not in MODULES]
    if unknown:
        print(
            f"mutation: no such module: {', '.join(unknown)}; there are {', '.join(MODULES)}", file=sys.stderr
        )
        return 2
    if sys.platform == "win32":
        print(
            "mutation: mutmut forks, which Windows cannot: run it on Linux, macOS or in WSL", file=sys.stderr
        )
        return 1
    began = time.monotonic()
    prepare(modules)
    if not passes(WORK):
        print(
            "mutation: the fast tests fail without any mutant; see `dev.py test tests/core`", file=sys.stderr
        )
        return 1
    inside, survivors = in_functions()
    outside, more = in_tables(modules)
    survivors += more
    if not passes(WORK):  # or every mutant would have been "killed" by it
        print(
            "mutation: what the tests stand on (.venv?) changed meanwhile: run the same again",
            file=sys.stderr,
        )
        return 1
    reasons = explained()
    print(f"{'module':<12} {'mutants':>8} {'killed':>8} {'explained':>10} {'survive':>8}")
    left = [mutant for mutant in survivors if not any(one.explains(mutant) for one in reasons)]
    for module in modules:
        count = inside[module] + outside[module]
        alive = sum(mutant.module == module for mutant in survivors)
        bad = sum(mutant.module == module for mutant in left)
        print(f"{module:<12} {count:>8} {count - alive:>8} {alive - bad:>10} {bad:>8}")
    for mutant in survivors:
        if mutant not in left:
            why = next(one.why for one in reasons if one.explains(mutant))
            print(f"explained: {mutant}\n    {why}")
    for mutant in left:
        print(f"SURVIVES: {mutant}")
    stale = [
        f"{place}: {one.was!r} -> {one.became!r}"
        for one in reasons
        for place in sorted(one.functions)
        if place.split(".")[0] in modules
        and not any(f"{m.module}.{m.function}" == place and one.explains(m) for m in survivors)
    ]
    for line in stale:
        print(f"EXPLAINED, BUT DOES NOT SURVIVE: {line}")
    print(f"in {time.monotonic() - began:.0f} s")
    return 1 if left or stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
