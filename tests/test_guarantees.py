"""No promise without its proof: each guarantee has a test that carries its id, and each "never" a client that breaks it.

The one rule: a promise that is added to `PROMISED` makes this file red until its test is there.
"""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tests.stories.broken import BROKEN

TESTS = Path(__file__).parent

PROMISED = {f"G{number:02}" for number in (*range(1, 17), 21, 22, *range(24, 30))}
"""What MaskBar promises by now; each issue adds its own."""

NEVERS = {"G01", "G02", "G04", "G05", "G06", "G07", "G09", "G10"}
"""Those that say *never*: a check that cannot fail proves nothing."""


@cache
def named(mark: str) -> set[str]:
    """The ids that stand in `pytest.mark.<mark>(…)` anywhere in the tests."""
    return {found for path in sorted(TESTS.rglob("test_*.py")) for found in _named_in(path, mark)}


def _named_in(path: Path, mark: str) -> Iterator[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    lists = {
        target.id: _strings(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    loops = {
        node.target.id: lists.get(node.iter.id, [])
        for node in ast.walk(tree)
        if isinstance(node, ast.For) and isinstance(node.target, ast.Name) and isinstance(node.iter, ast.Name)
    }
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and ast.unparse(node.func) == f"pytest.mark.{mark}"):
            continue
        for argument in node.args:
            if isinstance(argument, ast.Constant):
                yield str(argument.value)
            elif isinstance(argument, ast.Name):
                yield from loops.get(argument.id, [])


def _strings(node: ast.expr) -> list[str]:
    return [str(item.value) for item in ast.walk(node) if isinstance(item, ast.Constant)]


def test_every_promise_has_a_test() -> None:
    missing = PROMISED - named("guarantee")
    assert not missing, f"promised and not tested: {sorted(missing)}"


def test_every_never_has_a_client_that_breaks_it_and_is_caught() -> None:
    caught = named("mutant") | {guarantee for _, guarantee in BROKEN.values()}
    missing = (NEVERS & PROMISED) - caught
    assert not missing, f"no broken client for: {sorted(missing)}"


def test_no_id_is_misspelt() -> None:
    known = {f"G{number:02}" for number in range(1, 31)}
    assert named("guarantee") | named("mutant") <= known


def test_this_search_finds_marks(tmp_path: Path) -> None:
    """Itself a check that could be blind."""
    path = tmp_path / "test_x.py"
    path.write_text(
        'IDS = ["G21", "G22"]\n@pytest.mark.guarantee("G20")\ndef test_x(): ...\n'
        "for _id in IDS:\n    T = pytest.mark.guarantee(_id)(T)\n",
        encoding="utf-8",
    )
    assert set(_named_in(path, "guarantee")) == {"G20", "G21", "G22"}
    assert not set(_named_in(path, "mutant"))
