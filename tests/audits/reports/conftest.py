"""A realistic report document: the care-programme model of the demo, reviewed by two people, with everything in it."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from audits.criteria import Outcome
from audits.measurements import Interval, MetricValue, ObservationStatus, Table
from audits.reports.document import ReportDocument
from audits.reports.parts import (
    CheckFacts,
    ChoiceFacts,
    Claim,
    Comparison,
    ControlFacts,
    Decision,
    FindingFacts,
    Identity,
    LedgerEntryFacts,
    LedgerFacts,
    Lineage,
    LineageNode,
    MissingReview,
    OpenPoint,
    PolicyFacts,
    Request,
    ReviewFacts,
    Subject,
    Verdict,
    WaiverFacts,
)
from registry.canonical import canonical_json, digest

NOON = datetime(2026, 11, 20, 12, 0, 0, tzinfo=UTC)
CELLS = {  # feature: group: (tp, fp, fn, tn)
    "sex": {"female": (38, 14, 9, 83), "male": (51, 11, 12, 92)},
    "age_band": {"19 to 39": (17, 4, 7, 61), "40 to 54": (33, 11, 8, 72), "55 to 79": (39, 10, 6, 42)},
}


CHOICE = ChoiceFacts(
    answers=(
        ("What do people act on?", "a decision, yes or no", "Each patient is called in or not."),
        ("Who is harmed by a wrong decision?", "the people wrongly passed over", "A patient in need is left alone."),
    ),
    led_to="Equal opportunity",
    why="People who qualify must be found alike in every group.",
    measures=("equal opportunity difference",),
    departure="The rate is limited in the next version, when enough patients have been seen.",
)


def _wilson(hits: int, n: int) -> Interval:
    z, share = 1.959964, hits / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return Interval(middle - half, middle + half, 0.95, "wilson")


def _rate(metric: str, feature: str, group: str, hits: int, n: int) -> MetricValue:
    return MetricValue(metric=metric, value=hits / n, n=n, feature=feature, group=group, interval=_wilson(hits, n))


def _gap(metric: str, feature: str, values: list[MetricValue], half: float) -> MetricValue:
    shares = [value.value or 0.0 for value in values]
    gap = max(shares) - min(shares)
    interval = Interval(max(gap - half, 0.0), gap + half, 0.95, "newcombe")
    return MetricValue(metric=metric, value=gap, n=sum(v.n for v in values), feature=feature, interval=interval)


def _fairness() -> CheckFacts:
    rates, gaps, rows = [], [], []
    for feature, groups in CELLS.items():
        selected = [
            _rate("selection_rate", feature, g, tp + fp, tp + fp + fn + tn) for g, (tp, fp, fn, tn) in groups.items()
        ]
        true_rates = [_rate("true_positive_rate", feature, g, tp, tp + fn) for g, (tp, _, fn, _) in groups.items()]
        rates += [*selected, *true_rates]
        gaps.append(_gap("demographic_parity_difference", feature, selected, 0.062))
        gaps.append(_gap("equal_opportunity_difference", feature, true_rates, 0.122))
        rows += [(feature, group, *cells, sum(cells)) for group, cells in groups.items()]
    return CheckFacts(
        check="fairness.group_metrics",
        version="1",
        title="Group fairness",
        status=ObservationStatus.MEASURED,
        parameters={"minimum_n": 30, "confidence_level": 0.95, "sensitive": ["sex", "age_band"]},
        duration_seconds=0.416,
        seed=20261120,
        libraries={"fairlearn": "0.15.0", "numpy": "2.4.6"},
        inputs={"evaluation": digest(b"evaluation"), "model": digest(b"model")},
        notes=("Rows without a known age were counted under their own group.",),
        values=(*gaps, *rates),
        tables={"cells": Table(("feature", "group", "tp", "fp", "fn", "tn", "n"), tuple(rows))},
        metrics={"selection_rate": "Share of people in the group whom the model selects."},
        digest=digest(b"observation fairness"),
    )


def _explainability() -> CheckFacts:
    shares = {"bmi": 0.264, "s5": 0.231, "bp": 0.118, "s3": 0.087, "sex": 0.071, "s6": 0.064, "age": 0.058, "s1": 0.041}
    values = tuple(
        MetricValue(
            metric="importance_share",
            value=share,
            n=310,
            feature=feature,
            interval=Interval(share - 0.009, share + 0.009, 0.95, "normal"),
        )
        for feature, share in shares.items()
    )
    gap = MetricValue(metric="additivity_gap", value=3.2e-9, n=310)
    return CheckFacts(
        check="explainability.shap",
        version="1",
        title="Explanation of the model’s output",
        status=ObservationStatus.MEASURED,
        parameters={"background_rows": 200},
        duration_seconds=2.731,
        seed=20261120,
        libraries={"shap": "0.51.0", "scikit-learn": "1.9.1"},
        inputs={"evaluation": digest(b"evaluation"), "model": digest(b"model")},
        values=(gap, *values),
        digest=digest(b"observation shap"),
    )


def _others() -> tuple[CheckFacts, ...]:
    auc = MetricValue(metric="roc_auc", value=0.8347, n=310, interval=Interval(0.7891, 0.8803, 0.95, "delong"))
    brier = MetricValue(metric="brier_score", value=0.1522, n=310)
    tiny = MetricValue(
        metric="roc_auc", value=None, n=4, feature="sex", group="not stated", not_estimable="one outcome only"
    )
    return (
        CheckFacts(
            check="performance.metrics", version="2", title="Performance", status=ObservationStatus.MEASURED,
            duration_seconds=0.212,
            inputs={"evaluation": digest(b"evaluation")}, values=(auc, brier, tiny), digest=digest(b"observation perf"),
        ),
        CheckFacts(
            check="lineage.completeness", version="1", title="Completeness of lineage",
            status=ObservationStatus.MEASURED,
            duration_seconds=0.018, values=(MetricValue(metric="complete_share", value=1.0, n=9),),
        ),
        CheckFacts(
            check="data_quality.columns", version="1", title="Data quality", status=ObservationStatus.TIMED_OUT,
            problem="The check did not end within its 120 seconds.",
        ),
    )  # fmt: skip


def _findings(fairness: CheckFacts, auc: MetricValue) -> tuple[FindingFacts, ...]:
    by = {(value.metric, value.feature): value for value in fairness.values if not value.group}
    common: dict[str, Any] = {"check": "fairness.group_metrics", "set_by": "Rosa Ricci, risk officer"}
    return (
        FindingFacts(
            criterion="selection-rate-sex", title="Selection rates of women and men",
            metric="demographic_parity_difference",
            outcome=Outcome.SATISFIED, limit="at most 0.20", at_most="0.20",
            reason="a larger gap would need a medical reason.",
            measured=by["demographic_parity_difference", "sex"],
            explanation="The whole interval lies within the limit.", controls=("aia-10-2-f",), **common,
        ),
        FindingFacts(
            criterion="selection-rate-age", title="Selection rates of age bands",
            metric="demographic_parity_difference",
            outcome=Outcome.NOT_SATISFIED, limit="at most 0.20", at_most="0.20",
            reason="a larger gap would need a medical reason.",
            measured=by["demographic_parity_difference", "age_band"], waived=True,
            explanation="Older people are selected more often, and the whole interval lies outside of the limit.",
            controls=("aia-10-2-f", "gdpr-5-1-a"), **common,
        ),
        FindingFacts(
            criterion="equal-opportunity", title="People in need are found alike",
            metric="equal_opportunity_difference",
            outcome=Outcome.INCONCLUSIVE, limit="at most 0.15", at_most="0.15", reason="missed patients come to harm.",
            measured=by["equal_opportunity_difference", "age_band"], rows_needed=1480,
            explanation="The interval crosses the limit: the rows do not settle the question.",
            controls=("aia-15-1",), **common,
        ),
        FindingFacts(
            criterion="auc", title="Discrimination", check="performance.metrics", metric="roc_auc",
            outcome=Outcome.SATISFIED,
            limit="at least 0.75", at_least="0.75", reason="below it the nurses’ own list was better in the pilot.",
            set_by="Vera Vogt, model validator", measured=auc, explanation="The whole interval lies within the limit.",
        ),
        FindingFacts(
            criterion="missing-values", title="Missing values", check="data_quality.columns", metric="missing_share",
            outcome=Outcome.TIMED_OUT, limit="at most 0.05", at_most="0.05", reason="imputation was never validated.",
            set_by="Vera Vogt, model validator", explanation="Nothing was measured: the check timed out.",
        ),
    )  # fmt: skip


def _controls() -> tuple[ControlFacts, ...]:
    upcoming = "upcoming, applies from 2 December 2027 (Annex III)"
    return (
        ControlFacts(
            id="aia-10-2-f", framework="EU AI Act", reference="Art. 10(2)(f)", title="Data and data governance",
            duty="Examine the data for possible biases.", effective=upcoming, verdict=Verdict.DOES_NOT_SUPPORT,
            findings=("selection-rate-age",),
        ),
        ControlFacts(
            id="aia-15-1", framework="EU AI Act", reference="Art. 15(1)",
            title="Accuracy, robustness and cybersecurity",
            duty="Reach an appropriate level of accuracy.", effective=upcoming, verdict=Verdict.SUPPORTS,
            findings=("auc",),
        ),
        ControlFacts(
            id="aia-14-1", framework="EU AI Act", reference="Art. 14(1)", title="Human oversight",
            duty="Let people oversee the system effectively.", effective=upcoming, verdict=Verdict.AWAITING_A_PERSON,
            why="the model owner has to attest it", claim=Claim.HUMAN_JUDGEMENT,
        ),
        ControlFacts(
            id="gdpr-5-1-a", framework="GDPR", reference="Art. 5(1)(a)", title="Principles relating to processing",
            duty="Process personal data lawfully, fairly and in a transparent manner.", effective="binding",
            verdict=Verdict.DOES_NOT_SUPPORT, findings=("selection-rate-age",),
        ),
        ControlFacts(
            id="gdpr-44", framework="GDPR", reference="Art. 44", title="General principle for transfers",
            duty="Transfer data to third countries only under the conditions of the chapter.", effective="binding",
            verdict=Verdict.NOT_APPLICABLE, why="no data leaves the Union",
        ),
    )  # fmt: skip


def _lineage() -> Lineage:
    nodes = (
        ("dataset:registry/2", "dataset", "Diabetes registry", "version 2", ""),
        ("dataset:census/1", "dataset", "Age bands of the census", "version 1", "licence not recorded"),
        ("job:ingest", "job", "ingest", "2026-11-02", ""),
        ("dataset:cohort/4", "dataset", "Cohort", "442 rows", ""),
        ("job:split", "job", "split", "seed 7", ""),
        ("dataset:train/4", "dataset", "Training", "132 rows", ""),
        ("dataset:evaluation/4", "dataset", "Evaluation", "310 rows", ""),
        ("job:train", "job", "train", "c0ffee1", ""),
        ("model:care-programme/3", "model", "Care programme", "version 3", ""),
    )
    edges = (
        ("dataset:registry/2", "job:ingest"), ("dataset:census/1", "job:ingest"), ("job:ingest", "dataset:cohort/4"),
        ("dataset:cohort/4", "job:split"), ("job:split", "dataset:train/4"), ("job:split", "dataset:evaluation/4"),
        ("dataset:train/4", "job:train"), ("job:train", "model:care-programme/3"),
        ("dataset:evaluation/4", "model:care-programme/3"),
    )  # fmt: skip
    return Lineage(
        nodes=tuple(LineageNode(id=i, kind=k, label=n, detail=d, problem=p) for i, k, n, d, p in nodes), edges=edges
    )


def _ledger() -> LedgerFacts:
    entries = tuple(
        LedgerEntryFacts(
            index=index,
            body=canonical_json({"event": event, "index": index}),
            proof=tuple(digest(f"{index}{level}".encode()).removeprefix("sha256:") for level in range(6)),
            title=event,
            leaf_hash=digest(event.encode()),
        )
        for index, event in ((41, "version.registered"), (42, "promotion.requested"), (47, "gate.decided"))
    )
    return LedgerFacts(
        checkpoint="assay.example/ledger\n48\nq1c2U0m9bXl0cmVlcm9vdGhhc2g=\n\n— assay Zm9vYmFy", entries=entries
    )


def _reviews() -> tuple[ReviewFacts, ...]:
    meaning = "I have read the findings of this run and answer for my judgement of this version."
    bound = digest(b"subject of round 2")
    return (
        ReviewFacts(
            name="Victor Valenti", role="model_validator", verdict="approve", meaning=meaning,
            reason="Age drives the true risk here; the waiver and its control are sound. Numbers recomputed by hand.",
            method="password and one-time code", at=NOON - timedelta(hours=3), subject_digest=bound,
        ),
        ReviewFacts(
            name="Dora Dahl", role="data_protection_officer", verdict="reject", meaning=meaning,
            reason="The purpose statement does not name the second hospital.", method="security key",
            at=NOON - timedelta(days=2), subject_digest=digest(b"subject of round 1"), counts=False,
            why_not="given in round 1, on other evidence",
        ),
    )  # fmt: skip


@pytest.fixture(scope="session")
def closed_document() -> ReportDocument:
    """A closed gate with everything in it: failures, doubts, a waiver, break-glass, a review that no longer counts."""
    fairness, others = _fairness(), _others()
    return ReportDocument(
        identity=Identity(
            number="R-2026-0007", generated_at=NOON + timedelta(minutes=1), as_of=date(2026, 11, 20),
            product_version="0.1.0", seal_name="Assay DEV seal", development_seal=True,
        ),
        subject=Subject(
            model="care-programme", name="Care-programme prioritisation",
            purpose="Rank people with diabetes for a place in a coaching programme; a nurse decides.",
            risk_class="high",
            role="provider", affected_persons="Patients aged 19 to 79 of two hospitals", owner="Olga Oberg", version=3,
            digest=digest(b"model"), format="skops", framework="scikit-learn 1.9.1", code_revision="c0ffee1d2e3f",
            author="Milan Marek", registered_at=NOON - timedelta(days=3),
        ),
        request=Request(
            id="8f14e45f-ceea-467f-a9a1-3d1f6b1c0f2a", from_stage="staging", to_stage="production", round=2,
            reason="Replaces version 2 before the winter intake.", requested_by="Maya Moreau",
            requested_at=NOON - timedelta(days=2, hours=4),
        ),
        policy=PolicyFacts(slug="high_risk", version=5, digest=digest(b"policy"), title="High-risk models",
        gate="to-production", choice=CHOICE),
        decision=Decision(
            outcome="closed", decided_at=NOON, valid_until=None, digest=digest(b"decision"), enforced=True,
            blocking=("equal-opportunity: inconclusive, the interval crosses 0.15", "missing-values: timed out"),
            met=("selection-rate-sex", "auc", "selection-rate-age (waived)"),
            missing_reviews=(MissingReview(role="risk_officer"),),
        ),
        reviews=_reviews(),
        waivers=(
            WaiverFacts(
                criterion="selection-rate-age", requested_by="Maya Moreau", decided_by="Rosa Ricci",
                justification="Progression rises with age; the gap mirrors need.",
                compensating_control="A nurse reviews each refusal under 40 every week.",
                expires=NOON + timedelta(days=60), live=True,
            ),
            WaiverFacts(
                criterion="missing-values", requested_by="Maya Moreau", decided_by="", break_glass=True,
                justification="The intake starts on Monday.", compensating_control="", expires=NOON + timedelta(days=1),
                live=False,
            ),
        ),
        checks=(fairness, _explainability(), *others),
        findings=_findings(fairness, others[0].values[0]),
        controls=_controls(),
        lineage=_lineage(),
        ledger=_ledger(),
        open_points=(
            OpenPoint(what="Run the data-quality check again with more time", owner="Milan Marek",
            due=date(2026, 11, 24)),
            OpenPoint(what="Review by a risk officer", owner="Rosa Ricci"),
        ),
        comparison=Comparison(
            version=2, digest=digest(b"model 2"),
            rows=(("ROC AUC", 0.8121, 0.8347), ("Selection-rate gap, sex", 0.0417, None)),
        ),
    )  # fmt: skip


@pytest.fixture(scope="session")
def open_document(closed_document: ReportDocument) -> ReportDocument:
    """The same version with an open gate: what is satisfied, and two people who approved."""
    approvals = (
        closed_document.reviews[0],
        dataclasses.replace(
            closed_document.reviews[0], name="Rosa Ricci", role="risk_officer",
            reason="The risk is within our appetite.",
            at=NOON - timedelta(hours=1),
        ),
    )  # fmt: skip
    decision = Decision(
        outcome="open", decided_at=NOON, valid_until=NOON + timedelta(days=90), digest=digest(b"decision"),
        enforced=True, met=("selection-rate-sex", "auc", "model_validator (1 of 1)", "risk_officer (1 of 1)"),
    )  # fmt: skip
    return dataclasses.replace(
        closed_document,
        identity=dataclasses.replace(closed_document.identity, development_seal=False, seal_name="Northern Hospitals"),
        decision=decision, reviews=approvals, waivers=(), open_points=(),
        findings=tuple(f for f in closed_document.findings if f.outcome is Outcome.SATISFIED),
        checks=closed_document.checks[:4],
    )  # fmt: skip


@pytest.fixture(scope="session")
def bare() -> Callable[..., ReportDocument]:
    """Build a document with nothing in it but what must be there; keywords replace its parts."""

    def build(**parts: Any) -> ReportDocument:
        given: dict[str, Any] = {
            "identity": Identity(number="R-1", generated_at=NOON, as_of=date(2026, 11, 20), product_version="0.1.0"),
            "subject": Subject(
                model="m", name="M", purpose="", risk_class="", role="", affected_persons="", owner="", version=1,
                digest=digest(b""), format="", framework="", code_revision="", author="Maya Moreau",
            ),
            "request": Request(
                id="1", from_stage="development", to_stage="staging", round=1, reason="", requested_by="Maya Moreau",
                requested_at=NOON,
            ),
            "policy": PolicyFacts(slug="baseline", version=1, digest=digest(b""), title="Baseline"),
            "decision": Decision(outcome="closed", decided_at=NOON, valid_until=None, digest=digest(b""),
            enforced=True),
        }  # fmt: skip
        return ReportDocument(**{**given, **parts})

    return build
