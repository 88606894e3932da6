"""The check protocol. A check measures one thing and never sees a limit.

A new check is one new module in this package, listed in the setting `ASSAY_CHECKS`. It runs in a child process
(`audits.sandbox`), so it may import scikit-learn or shap at module level of its own module, never of this one.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping
from typing import Any, ClassVar, Protocol

from audits.evidence import Evidence
from audits.measurements import Measurement


class ParameterError(ValueError):
    """A check parameter is unknown, missing or of the wrong type. `field` names it."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field = field


class EvidenceError(ValueError):
    """The evidence given cannot be measured (missing column, empty file, wrong type). `field` names the input."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field = field


class ReferenceDisagreementError(ArithmeticError):
    """A figure is not what an independent implementation makes of the same counts, so none is answered.

    `figure` is the label of the value.
    """

    def __init__(self, figure: str, problem: str) -> None:
        super().__init__(f"{figure}: {problem}")
        self.figure = figure


class Check(Protocol):
    """What every check offers.

    `id` is `<family>.<name>`; `version` changes whenever the same evidence may give another number; `needs` names the
    evidence that must be present ("model", "reference_model", a dataset role, "lineage"), or "content" for the lineage
    with everything upstream as it lies in the store and nothing else; `Parameters` is a frozen dataclass whose defaults
    are the defaults of the check, and has `stage` where it needs a "reference_model": the one in that stage; `metrics`
    maps each metric it can answer to one plain sentence.
    """

    id: ClassVar[str]
    version: ClassVar[str]
    title: ClassVar[str]
    needs: ClassVar[frozenset[str]]
    Parameters: ClassVar[type[Any]]
    metrics: ClassVar[Mapping[str, str]]

    def measure(self, evidence: Evidence, parameters: Any) -> Measurement:
        """Measure. Raises EvidenceError when the evidence cannot be measured; that becomes an `error` observation."""
        ...


def parse_parameters(check: type[Check] | Check, given: Mapping[str, Any]) -> Any:
    """Build the check's `Parameters` from policy data. Raises ParameterError naming the first wrong field.

    JSON lists become tuples; int is accepted for float; bool is never accepted for a number.
    """
    hints = typing.get_type_hints(check.Parameters)
    names = {field.name for field in dataclasses.fields(check.Parameters)}
    for name in given:
        if name not in names:
            raise ParameterError(
                name, f"{check.id} has no such parameter; it takes {', '.join(sorted(names)) or 'none'}"
            )
    values = {name: _coerced(name, value, hints[name]) for name, value in given.items()}
    try:
        return check.Parameters(**values)
    except ParameterError:
        raise
    except TypeError as error:
        raise ParameterError("parameters", str(error)) from None
    except ValueError as error:
        raise ParameterError("parameters", str(error)) from None


def _coerced(name: str, value: Any, hint: Any) -> Any:
    """`value` as `hint` asks, or ParameterError. Knows str, int, float, bool, tuple[X, ...] and X | None."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        if value is None and type(None) in arguments:
            return None
        remaining = [argument for argument in arguments if argument is not type(None)]
        return _coerced(name, value, remaining[0])
    if origin is tuple:
        if not isinstance(value, list | tuple):
            raise ParameterError(name, "must be a list")
        return tuple(_coerced(f"{name}[{index}]", item, arguments[0]) for index, item in enumerate(value))
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, hint) or (isinstance(value, bool) and hint is not bool):
        raise ParameterError(name, f"must be {hint.__name__}, not {type(value).__name__}")
    return value
