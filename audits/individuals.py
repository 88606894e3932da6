"""The explanation of one decision to the person it concerns: AI Act Art. 86, GDPR Art. 15(1)(h).

The row is used in the child process and then gone; the pack is handed out and not kept. It holds a random nonce, so
that nobody who sees its digest can find the row by trying.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from django.utils import timezone

from audits.checks.explainability_individual import IndividualExplanation
from audits.measurements import Measurement, ObservationStatus
from audits.runs import evidence_of
from audits.sandbox import measure_in_child
from registry import ledger
from registry.errors import EvidenceMissingError, InvalidInputError
from registry.models import ModelVersion

SECONDS, MEMORY_MB = 60, 2048
_SEED = 86


def explanation_pack(
    *,
    version: ModelVersion,
    row: Mapping[str, Any],
    mutable: Sequence[str] = (),
    approval: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The pack for one person as a JSON document; nothing is written anywhere.

    `row` is the person's features by name, None for what is not known; `mutable` as in `IndividualParameters`;
    `approval` what the caller knows of the version's gate decision. Raises InvalidInputError where the row does not fit
    the model; EvidenceMissingError where artifact or training data are not held here or cannot be measured.
    """
    parameters = {
        "row": [f"{name}={'' if value is None else value}" for name, value in row.items()],
        "mutable": list(mutable),
    }
    with evidence_of(version, seed=_SEED) as evidence:
        result = measure_in_child(
            IndividualExplanation(), parameters, evidence, timeout_seconds=SECONDS, memory_mb=MEMORY_MB
        )
    if result.status is not ObservationStatus.MEASURED or result.measurement is None:
        if result.code in {"evidence-invalid", "parameter-invalid"}:
            raise InvalidInputError(result.message, field="row")
        raise EvidenceMissingError(result.message, field="model")
    return _pack(version, result.measurement, dict(approval or {}))


def _pack(version: ModelVersion, answer: Measurement, approval: dict[str, Any]) -> dict[str, Any]:
    """Numbers are texts, as everywhere in signed documents."""
    values = {value.metric: value.value or 0.0 for value in answer.values if value.value is not None}
    label = version.signature.get("positive_label")
    positive = bool(values["decision"])
    return {
        "model": {
            "name": version.model.name,
            "version": str(version),
            "purpose": version.model.intended_purpose,
            "artifact": version.artifact_digest,
            "record": version.record_digest,
        },
        "approval": approval,
        "made_at": ledger.utc_text(timezone.now()),
        "nonce": secrets.token_hex(16),
        "decision": {
            "about": str(version.signature.get("target") or ""),
            "label": str(label) if positive else f"not {label}",
            "positive": positive,
            "positive_label": str(label),
            "score": _text(values["score"]),
            "threshold": _text(values["threshold"]),
        },
        "reasons": [_reason(*row) for row in answer.tables["reasons"].rows],
        "reasons_stability": {
            "share": _text(values["reasons_stability"]),
            "words": f"Held against two other groups of people, {values['reasons_stability']:.0%} of the main reasons "
            "stayed the same.",
        },
        "what_would_have_changed_it": _change(answer, values.get("counterfactual_score")),
        "inputs": dict(answer.inputs),
        "duties": ["Regulation (EU) 2024/1689, Article 86", "Regulation (EU) 2016/679, Article 15(1)(h)"],
    }


def _reason(feature: str, value: Any, attribution: float, share: float, direction: str) -> dict[str, Any]:
    told = "was not given" if value is None else f"was {value}"
    return {
        "code": f"{feature}:{direction}",
        "feature": feature,
        "attribution": _text(attribution),
        "share": _text(share),
        "words": f"{feature} {told}; this {direction} the score and made up {share:.0%} of all influences.",
    }


def _change(answer: Measurement, score: float | None) -> dict[str, Any]:
    rows = answer.tables["counterfactual"].rows
    if score is None:
        return {"found": False, "words": "No change of what could be changed would have turned the decision."}
    steps = [f"{feature} had been {after} instead of {before}" for feature, before, after in rows]
    return {
        "found": True,
        "changes": [{"feature": f, "from": str(before), "to": str(after)} for f, before, after in rows],
        "score": _text(score),
        "words": f"The decision would have been the other one if {' and '.join(steps)}.",
    }


def _text(number: float | None) -> str:
    return "" if number is None else f"{number:.6g}"
