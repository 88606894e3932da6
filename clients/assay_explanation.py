"""The explanation of one decision to the person it concerns, as a sealed page or as its JSON.

Nobody but the service can ask the model again. What can be seen here: that the page or the JSON is what was issued,
and that its words, its reasons and its counterfactual follow from the numbers in it.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from assay_common import Outcome, TamperedError, UnverifiableError

SCHEMA = "assay.explanation/1"
EVENT = "explanation.given"
ROUNDED = 2e-5  # numbers are told with six digits


def check_given(document: Mapping[str, Any], entry: Mapping[str, Any], outcome: Outcome, sealed: str = "") -> None:
    """Raise TamperedError unless the ledger tells of this very explanation; `sealed` is the digest of its page.

    The entry names the digest of the canonical JSON, which holds texts and whole numbers only.
    """
    facts = entry.get("facts") or {}
    number = (document.get("report") or {}).get("number")
    if entry["event"] != EVENT or facts.get("number") != number:
        told = facts.get("number") or entry["event"]
        raise TamperedError(
            f"the receipt is of another entry: it tells of {told}, and this is the explanation {number}"
        )
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    if facts.get("evidence") != f"sha256:{hashlib.sha256(text.encode()).hexdigest()}":
        raise TamperedError("the ledger tells of this explanation with another digest: it was changed")
    if sealed and facts.get("file") != sealed:
        raise TamperedError("the ledger tells of this page with another digest: the file was changed")
    outcome.held.append(f"the ledger tells of this very explanation{' and of this very page' if sealed else ''}")


def check_explanation(document: Mapping[str, Any], outcome: Outcome) -> None:
    """Raise TamperedError where the explanation disagrees with itself."""
    pack = document.get("explanation")
    try:
        if not isinstance(pack, dict):
            raise TypeError("there is none")  # noqa: TRY301
        decision = pack["decision"]
        outcome.facts["decision"] = decision["label"]
        _check_decision(decision)
        _check_reasons(pack["reasons"])
        _check_change(pack["what_would_have_changed_it"], decision)
        stable = pack["reasons_stability"]
        words = [f"{percent} of the main reasons" for percent in _percents(float(stable["share"]))]
        _require(
            any(said in stable["words"] for said in words), f"the words do not say that {words[0]} stayed the same"
        )
        model, subject = pack["model"], document.get("subject") or {}
        for name, theirs in (("artifact", "artifact_digest"), ("record", "record_digest")):
            stated = subject.get(theirs, model[name])
            _require(stated == model[name], f"the {name} explained is {model[name]}, the page is about {stated}")
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise TamperedError(f"the explanation is malformed: {error!r}") from None
    outcome.held.append("the decision, its reasons and what would have changed it agree with the numbers beside them")
    outcome.skipped.append("that the model answers so: only the service can ask it again")


def read_explanation(document: Any) -> Mapping[str, Any]:
    """The JSON of an explanation: as it was issued, or as the API handed it out. Raises UnverifiableError."""
    inner = document.get("explanation") if isinstance(document, dict) else None
    if isinstance(inner, dict) and inner.get("schema") == SCHEMA:
        return inner
    if isinstance(document, dict) and document.get("schema") == SCHEMA:
        return document
    raise UnverifiableError(f"the file is not of the schema {SCHEMA}")


def _percents(share: float) -> list[str]:
    """How a share is said that was told with six digits: it lay just above or below."""
    return list(dict.fromkeys(f"{share * (1 + slack):.0%}" for slack in (0.0, ROUNDED, -ROUNDED)))


def _require(holds: bool, problem: str) -> None:  # noqa: FBT001 - reads as a sentence
    if not holds:
        raise TamperedError(problem)


def _check_decision(decision: Mapping[str, Any]) -> None:
    score, threshold = float(decision["score"]), float(decision["threshold"])
    beyond = score >= threshold or math.isclose(score, threshold, rel_tol=ROUNDED)
    short = score < threshold or math.isclose(score, threshold, rel_tol=ROUNDED)
    positive, label = decision["positive"], decision["positive_label"]
    words = f"the decision is stated as {decision['label']!r}"
    _require(beyond if positive else short, f"{words}, but the score is {score} and the threshold {threshold}")
    _require(decision["label"] == (label if positive else f"not {label}"), f"{words}, but it is about {label!r}")


def _check_reasons(reasons: Sequence[Mapping[str, Any]]) -> None:
    """Shares are in the proportion of the attributions, strongest first, and codes and words say the same."""
    before = math.inf
    whole = None
    for reason in reasons:
        feature, attribution, share = reason["feature"], float(reason["attribution"]), float(reason["share"])
        way = "raised" if attribution > 0 else "lowered" if attribution < 0 else "left"
        name = f"the reason {feature}"
        _require(reason["code"] == f"{feature}:{way}", f"{name} has the code {reason['code']}, but it {way} the score")
        said = [f"this {way} the score and made up {percent} of all influences" for percent in _percents(share)]
        _require(any(one in reason["words"] for one in said), f"{name}: the words do not say that {said[0]}")
        _require(
            0 <= share <= 1 and abs(attribution) <= before * (1 + ROUNDED), f"{name} is not in order of its strength"
        )
        before = abs(attribution)
        if share:
            own = abs(attribution) / share
            whole = own if whole is None else whole
            _require(
                math.isclose(own, whole, rel_tol=10 * ROUNDED), f"{name}: its share is not that of its attribution"
            )
    _require(
        math.fsum(float(reason["share"]) for reason in reasons) <= 1 + ROUNDED, "the reasons make up more than all"
    )


def _check_change(change: Mapping[str, Any], decision: Mapping[str, Any]) -> None:
    """The change that is told turns the decision, and the words tell that change."""
    if not change["found"]:
        _require(
            "changes" not in change and "would have turned" in change["words"], "a change is told that was not found"
        )
        return
    turned = float(change["score"]) >= float(decision["threshold"])
    close = math.isclose(float(change["score"]), float(decision["threshold"]), rel_tol=ROUNDED)
    _require(close or turned is not decision["positive"], "the change that is told would not have turned the decision")
    for step in change["changes"]:
        said = f"{step['feature']} had been {step['to']} instead of {step['from']}"
        _require(said in change["words"], f"what would have changed it: the words do not say that {said}")
