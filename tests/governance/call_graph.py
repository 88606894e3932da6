"""Which functions of the product lead to an entry of the ledger, read from the source: who calls whom, by module."""

from __future__ import annotations

import ast
import importlib
import textwrap
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
APPS = ("registry", "audits", "governance")
APPEND = "registry.ledger.append"
#: Entries of these say nothing about what was done.
NO_DEED = {"ACTION_REFUSED", "ROW_CHANGED"}

Function = ast.FunctionDef


@cache
def modules() -> dict[str, ast.Module]:
    """Every module of the product by its dotted name."""
    found = {}
    for app in APPS:
        for path in sorted((ROOT / app).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts).removesuffix(".__init__")] = ast.parse(path.read_text())
    return found


@cache
def functions() -> dict[str, Function]:
    """Every function at the top of a module, by its whole name."""
    return {
        f"{module}.{node.name}": node
        for module, tree in modules().items()
        for node in tree.body
        if isinstance(node, Function)
    }


@cache
def aliases(module: str) -> dict[str, str]:
    """What the names that a module imports stand for. Imports inside of functions count too."""
    found = {}
    for node in ast.walk(modules()[module]):
        if isinstance(node, ast.ImportFrom) and node.module:
            found.update({name.asname or name.name: f"{node.module}.{name.name}" for name in node.names})
        elif isinstance(node, ast.Import):
            found.update({name.asname or name.name: name.name for name in node.names})
    return found


def mentioned(tree: ast.AST, module: str) -> set[str]:
    """Whole names of the product's functions that `tree` calls or passes on."""
    return {name for name in _named(tree, module) if name in functions()}


def _named(tree: ast.AST, module: str) -> Iterator[str]:
    known = aliases(module)
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            yield _final(known.get(node.id, f"{module}.{node.id}"))
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in known:
            yield _final(f"{known[node.value.id]}.{node.attr}")


def _final(name: str) -> str:
    """Follows a function that a module only passes on."""
    for _ in range(3):
        module, _, short = name.rpartition(".")
        if name in functions() or module not in modules() or short not in aliases(module):
            return name
        name = aliases(module)[short]
    return name


@cache
def calls() -> dict[str, set[str]]:
    """What each function mentions. Its decorators do not count: they tell of refusals."""
    return {
        name: set().union(*(mentioned(part, name.rpartition(".")[0]) for part in (*node.body, node.args)))
        for name, node in functions().items()
    }


def _reaching(targets: set[str]) -> set[str]:
    known = set(targets)
    while more := {name for name, called in calls().items() if called & known} - known:
        known |= more
    return known


@cache
def telling() -> set[str]:
    """Functions from which an entry that tells of a deed is reached."""
    writers = _reaching({APPEND})
    return _reaching({name for name in writers if _deeds(functions()[name])})


def _deeds(function: Function) -> set[str]:
    attributes = (node for part in function.body for node in ast.walk(part) if isinstance(node, ast.Attribute))
    named = {node.attr for node in attributes if isinstance(node.value, ast.Name) and node.value.id == "Event"}
    return named - NO_DEED


def leads_to_an_entry(source: str, module: str) -> bool:
    """Whether some code of a module reaches one."""
    importlib.import_module(module)
    return bool(mentioned(ast.parse(textwrap.dedent(source)), module) & telling())
