"""scikit-learn models in skops files: data and names of types, built only from types on a fixed list of ours."""

from __future__ import annotations

import zipfile
from typing import Any

from skops.io import get_untrusted_types, load
from skops.io.exceptions import UntrustedTypesFoundException

from audits.checks._trees import check_trees
from audits.checks.base import EvidenceError
from audits.evidence import ModelEvidence

#: Types beyond those skops trusts by itself. Never the answer of `get_untrusted_types`: that would be the file
#: vouching for itself. The two tree types are safe only together with `check_trees`.
ALLOWED_TYPES = (
    "numpy.dtype",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.tree._tree.Tree",
)
_BROKEN = (ValueError, TypeError, KeyError, AttributeError, ImportError, RecursionError, zipfile.BadZipFile, EOFError)
_MOST_NAMED = 20


def read(model: ModelEvidence) -> Any:
    """The estimator. Raises EvidenceError, which lists every type that an administrator would have to review."""
    try:
        loaded = load(model.path, trusted=list(ALLOWED_TYPES))
    except UntrustedTypesFoundException as error:
        raise EvidenceError("model", _refused(model)) from error
    except _BROKEN as error:
        raise EvidenceError("model", f"the skops file cannot be loaded: {error}") from error
    if not hasattr(loaded, "predict"):
        raise EvidenceError("model", f"{type(loaded).__name__} has no predict")
    check_trees(loaded)
    return loaded


def unknown_types(model: ModelEvidence) -> tuple[str, ...]:
    """The types in the file that neither skops nor we allow, sorted; nothing is built. Raises EvidenceError."""
    try:
        return tuple(sorted(set(get_untrusted_types(file=model.path)) - set(ALLOWED_TYPES)))
    except _BROKEN as error:
        raise EvidenceError("model", f"the skops file cannot be read: {error}") from error


def _refused(model: ModelEvidence) -> str:
    names = unknown_types(model)
    listed = ", ".join(names[:_MOST_NAMED]) + (
        f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    )
    return (
        f"holds types that are not allowed here: {listed}. An administrator can have them reviewed; a type is allowed "
        "only by a release of this service"
    )
