"""What a module may say, read from its source: every sentence that an expression can give."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

#: Stands in each gap whose words the source does not tell: a number, a name, an error of a library.
GAP = "7"
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True)
class Scope:
    """What the names of a function may hold, and what the functions of its module may answer."""

    names: Mapping[str, Sequence[ast.expr]] = field(default_factory=dict)
    answers: Mapping[str, Sequence[tuple[ast.expr, Scope]]] = field(default_factory=dict)


def sentences(node: ast.AST | None, scope: Scope | None = None) -> Iterator[str]:
    """The sentences an expression may give, with a number in each gap; none where the source does not tell."""
    scope = scope or Scope()
    match node:
        case ast.Constant(value=str(text)):
            yield text
        case ast.JoinedStr(values=parts):
            yield from _joined(parts, scope)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            yield from _joined((left, right), scope)
        case ast.IfExp(body=body, orelse=orelse):
            for side in (body, orelse):
                yield from [*sentences(side, scope)] or [GAP]
        case _:
            for value, inside in _sources(node, scope):
                yield from sentences(value, inside)


def _sources(node: ast.AST | None, scope: Scope) -> Iterator[tuple[ast.expr, Scope]]:
    """The expressions that a value may come from."""
    match node:
        case ast.BoolOp(values=values):
            yield from ((value, scope) for value in values)
        case ast.FormattedValue(value=value) | ast.Subscript(value=value):
            yield value, scope
        case ast.Name(id=name):
            yield from ((value, scope) for value in scope.names.get(name, ()))
        case ast.Call(func=ast.Name(id=name)):
            yield from scope.answers.get(name, ())
        case ast.Call(func=ast.Attribute(attr="get"), args=[_, default]):
            yield default, scope


def _joined(parts: Iterable[ast.expr], scope: Scope) -> Iterator[str]:
    for chosen in itertools.product(*([*sentences(part, scope)] or [GAP] for part in parts)):
        yield "".join(chosen)


def calls(source: str) -> Iterator[tuple[str, list[ast.expr], Scope]]:
    """Each call inside of a function: the last part of the called name, its arguments, and what is known there."""
    functions = [node for node in ast.walk(ast.parse(source)) if isinstance(node, _FUNCTIONS)]
    answers: dict[str, list[tuple[ast.expr, Scope]]] = {}
    scopes = [Scope(_names(function), answers) for function in functions]
    for function, scope in zip(functions, scopes, strict=True):
        found = [node.value for node in ast.walk(function) if isinstance(node, ast.Return) and node.value]
        answers[function.name] = [(value, scope) for value in found]
    for function, scope in zip(functions, scopes, strict=True):
        for node in ast.walk(function):
            if isinstance(node, ast.Call):
                yield ast.unparse(node.func).rpartition(".")[2], node.args, scope


def _names(function: ast.AST) -> dict[str, list[ast.expr]]:
    names: dict[str, list[ast.expr]] = {}
    for node in ast.walk(function):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                # A name that is made from itself would never come to an end.
                if isinstance(target, ast.Name) and target.id not in _read_in(node.value):
                    names.setdefault(target.id, []).append(node.value)
    return names


def _read_in(value: ast.expr) -> set[str]:
    return {node.id for node in ast.walk(value) if isinstance(node, ast.Name)}
