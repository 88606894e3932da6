"""The checks that may run: the classes named by the setting `ASSAY_CHECKS`, found by their id.

This is an allow-list. A policy names a check by id; an id that is not listed here does not exist. The web process loads
it to validate policies, so a check module imports numpy, scikit-learn and the like only where it measures.
"""

from __future__ import annotations

import dataclasses
import importlib
import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from audits.checks.base import Check

_ID = re.compile(r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*", re.ASCII)


class CheckLoadError(ValueError):
    """An entry of the allow-list cannot be used. `path` is the entry."""

    code = "check-not-loadable"

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(f"{path}: {problem}")
        self.path = path


def load_checks(paths: Iterable[str]) -> Mapping[str, Check]:
    """The checks at the dotted `paths` (`package.module.Class`), by id, in the given order.

    Raises CheckLoadError: a module or name that does not exist, something that is not a check, an id given twice.
    """
    checks: dict[str, Check] = {}
    origin: dict[str, str] = {}
    for path in paths:
        check = load_check(path)
        if check.id in checks:
            raise CheckLoadError(path, f"its id {check.id} is already taken by {origin[check.id]}")
        checks[check.id] = check
        origin[check.id] = path
    return MappingProxyType(checks)


def load_check(path: str) -> Check:
    """One check, made from the class at `path`. Raises CheckLoadError."""
    module_name, _, class_name = path.rpartition(".")
    if not module_name:
        raise CheckLoadError(path, "must be a dotted path, as package.module.Class")
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        raise CheckLoadError(path, f"module cannot be imported: {error}") from error
    found = getattr(module, class_name, None)
    if not isinstance(found, type):
        raise CheckLoadError(path, f"module {module_name} has no class {class_name}")
    problem = _what_is_missing(found)
    if problem:
        raise CheckLoadError(path, f"is not a check: {problem}")
    check: Check = found()
    return check


def dotted_path(check: Check) -> str:
    """The path by which `load_check` finds this check again, in another process."""
    return f"{type(check).__module__}.{type(check).__qualname__}"


def _what_is_missing(found: type[Any]) -> str:  # noqa: PLR0911 - one line for each demand
    """Why `found` does not keep the protocol of `base.Check`, or ""."""
    if not isinstance(identifier := getattr(found, "id", None), str) or not _ID.fullmatch(identifier):
        return "id must be <family>.<name> in lower case"
    for name in ("version", "title"):
        if not isinstance(value := getattr(found, name, None), str) or not value:
            return f"{name} must be a text that is not empty"
    if not isinstance(getattr(found, "needs", None), frozenset):
        return "needs must be a frozenset"
    parameters = getattr(found, "Parameters", None)
    if not (isinstance(parameters, type) and dataclasses.is_dataclass(parameters)):
        return "Parameters must be a dataclass"
    if not isinstance(metrics := getattr(found, "metrics", None), Mapping) or not metrics:
        return "metrics must map each metric to one sentence"
    if not callable(getattr(found, "measure", None)):
        return "measure is missing"
    return ""
