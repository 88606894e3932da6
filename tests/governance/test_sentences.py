"""Every sentence that a gate or a refused policy can say, word by word, as people agreed on it in `sentences.txt`.

Whoever changes a sentence changes that file too, and a reviewer reads both. To write it anew:
`ASSAY_WRITE_SENTENCES=1 python -m pytest tests/governance/test_sentences.py`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from audits.criteria import Outcome, judge
from audits.measurements import Interval, Measurement, MetricValue, ObservationStatus
from governance.errors import NoPolicyError
from governance.gates import ConditionFact, Decision, Verdict
from governance.gates.quorums import is_full
from governance.policies import Exclusion, Gate, Mode, PolicyError, Quorum, WaiverRule, parse_policy, select_policy
from tests.governance.facts import (
    CIRCUMSTANCES,
    DAY,
    FINDINGS,
    NOW,
    REVIEWS,
    SUBJECT,
    criterion,
    decided,
    finding,
    gate,
    plan,
    review,
    waiver,
)
from tests.governance.gates.test_gate_exceptions import BREAKABLE, FAILED, broken, glass
from tests.governance.policies import test_policies

AGREED = Path(__file__).with_name("sentences.txt")


def _with(**facts: Any) -> Decision:
    return decided(circumstances=replace(CIRCUMSTANCES, **facts))


def _gates() -> Iterator[tuple[str, Decision]]:
    yield "all is well", decided()
    yield "nothing was measured", decided(findings=())
    yield (
        "every outcome",
        decided(
            gate(plan=plan(*(criterion(str(outcome)) for outcome in Outcome))),
            findings=tuple(finding(str(outcome), outcome) for outcome in Outcome),
        ),
    )
    yield "judged twice, and unplanned", decided(findings=(*FINDINGS, FINDINGS[0], finding("other")))
    yield (
        "old and future evidence",
        decided(findings=(finding("accuracy", measured_at=NOW - 40 * DAY), finding("gap", measured_at=NOW + DAY))),
    )
    yield (
        "circumstances",
        _with(withdrawn_inputs=("patients/1",), policy_recalled=True, incidents=("I-7",), decommissioned=True),
    )
    yield "no subject", decided(subject_digest="")
    yield "conditions", _with(conditions=(ConditionFact(text="Retrain.", due_at=NOW - DAY, met=False),))
    yield "no reviewers", decided(gate(quorum=()))
    for verdict in Verdict:
        yield (
            f"the validator says {verdict}",
            decided(reviews=(review("victor", "model_validator", verdict), REVIEWS[1])),
        )
    yield (
        "reviews that do not count",
        decided(
            gate(exclude=tuple(Exclusion)),
            reviews=(
                review("a", "model_validator", subject_digest="sha256:" + "b" * 64),
                review("b", "model_validator", eligible=False),
                review("c", "model_validator", eligible=False, ineligible_reason="the account is closed"),
                review("d", "model_validator", at=NOW + DAY),
                review("e", "model_validator", at=NOW - 91 * DAY),
                review("f", "model_validator"),
                review("f", "risk_officer", Verdict.ABSTAIN),
                review("g", "model_validator", on_behalf_of="h"),
                review("i", "model_validator", on_behalf_of="h", at=NOW),
                review("j", "risk_officer", on_behalf_of="maya"),
                *(review(name, "risk_officer") for name in ("maya", "mel", "tom")),
            ),
        ),
    )
    yield (
        "a delegate",
        decided(
            circumstances=replace(CIRCUMSTANCES, excluded=frozenset({"victor"})),
        ),
    )
    yield "a waiver", decided(findings=(FINDINGS[0], finding("gap", Outcome.INCONCLUSIVE)), waivers=(waiver(),))
    waived: tuple[tuple[str, Gate, dict[str, Any]], ...] = (
        ("of nothing", gate(), {"name": "other"}),
        ("refused", gate(), {"granted": False}),
        ("not allowed", gate(waivers=WaiverRule(allowed=False)), {}),
        ("by who asked", gate(), {"decided_by": "maya", "requested_by": "maya"}),
        ("by the author", gate(), {"decided_by": "mel"}),
        ("from the future", gate(), {"decided_at": NOW + DAY}),
        ("too long", gate(), {"expires_at": NOW + 200 * DAY}),
        ("expired", gate(), {"expires_at": NOW - timedelta(hours=1)}),
    )
    for name, of, changes in waived:
        yield f"a waiver {name}", decided(of, waivers=(waiver(**changes),))
    yield "an emergency", broken()
    emergencies: tuple[tuple[str, Any, dict[str, Any]], ...] = (
        ("not allowed", gate(), {}),
        ("too long", BREAKABLE, {"expires_at": NOW + 30 * DAY}),
        ("from the future", BREAKABLE, {"invoked_at": NOW + timedelta(minutes=1)}),
        ("objected to", BREAKABLE, {"objected_by": frozenset({"victor"})}),
        ("over", BREAKABLE, {"expires_at": NOW}),
        ("not upheld", BREAKABLE, {"review_due_at": NOW}),
    )
    for name, of, changes in emergencies:
        yield f"an emergency {name}", broken(of, glass(**changes))
    prohibited = gate(plan=plan(criterion("scores", prohibited_practice=True)), mode=Mode.WARN)
    yield "a prohibited practice", decided(prohibited, findings=(finding("scores", Outcome.NOT_SATISFIED),))
    yield "failed", decided(findings=FAILED)


def _decision_lines() -> Iterator[str]:
    for name, decision in _gates():
        document = decision.to_document()
        if name == "all is well":
            yield _canonical({**document, "met": [], "missing_reviews": []})
        yield f"# {name}: {document['decision']} at {document['gate']}, until {document['valid_until']}"
        for kind in ("met", "blocking", "waived", "disregarded", "overridden"):
            for reason in document[kind]:
                yield f"{kind} {reason['code']} [{reason['subject']}] {reason['explanation']}"


def _policy_lines() -> Iterator[str]:
    yield "# policies that are refused"
    for table in (test_policies.SHAPES, test_policies.CONTRADICTIONS, test_policies.NAMES):
        for old, new, *_ in (entry.values for entry in table):
            try:
                parse_policy(test_policies.TEXT.replace(str(old), str(new), 1), vocabulary=test_policies.VOCABULARY)
            except PolicyError as error:
                yield f"{type(error).__name__} line {error.line} {error.field}: {error.problem}"
    for title in ("7", "7.5", "true", "[a]", "{a: 1}", "null", '"' + "x" * 2001 + '"'):
        yield _refusal("title: House rules", f"title: {title}")
    yield _refusal("risk_classes: [high]", "risk_classes: [high, high]")
    yield _refusal("risk_classes: [high]", f"tags: [{', '.join(f't{n}' for n in range(201))}]")
    yield _refusal("slug: house_rules", f"slug: {'X' * 41}")
    yield _refusal("slug: house_rules", f"slug: {'X' * 40}")
    yield _refusal("    to: staging\n", "    to: staging\n    on_deadline: expire\n")
    yield _refusal("        waivable: true\n", "        waivable: true\n        prohibited_practice: true\n")
    yield _refusal("gates:\n", 'gates: "none"\nleft: \n')
    policies = [test_policies.policy(name, tags=["b", "a"]) for name in ("two", "one")]
    for entries, tags in ((policies, ["b", "a"]), ([], []), ([], ["z", "y"])):
        try:
            select_policy(entries, risk_class="high", tags=tags, model="m")
        except NoPolicyError as error:
            yield f"NoPolicyError {error.field}: {error.problem}"


def _refusal(old: str, new: str) -> str:
    try:
        parse_policy(test_policies.TEXT.replace(old, new, 1), vocabulary=test_policies.VOCABULARY)
    except PolicyError as error:
        return f"{error.code} line {error.line} {error.field}: {error.problem}"
    return f"{new} is accepted"


def _judgement_lines() -> Iterator[str]:
    yield "# judgements"
    limits = (criterion("x", minimum_n=30), criterion("x", at_most=criterion("y").at_least, at_least=None))
    for entry in limits:
        for low, value, high, count in (
            (0.8, 0.9, 0.95, 100),
            (0.6, 0.65, 0.69, 100),
            (0.6, 0.75, 0.8, 100),
            (0.8, 0.9, 0.95, 1),
        ):
            measured = MetricValue(
                metric="accuracy",
                value=value,
                n=count,
                interval=Interval(low, high, 0.95, "wilson"),
                feature="sex",
                group="f",
            )
            yield _canonical(
                judge(ObservationStatus.MEASURED, Measurement(values=(measured,), inputs={}), entry).to_document()
            )
        bare = MetricValue(metric="accuracy", value=0.9, n=100)
        yield _canonical(judge(ObservationStatus.MEASURED, Measurement(values=(bare,), inputs={}), entry).to_document())
        yield _canonical(judge(ObservationStatus.MEASURED, Measurement(values=(), inputs={}), entry).to_document())
    for status in ObservationStatus:
        for error in ("", " The check was killed. "):
            yield _canonical(judge(status, None, limits[0], error=error).to_document())


def _canonical(document: object) -> str:
    return json.dumps(document, sort_keys=True)


def test_every_sentence_is_the_one_that_was_agreed() -> None:
    lines = [*_decision_lines(), *_policy_lines(), *_judgement_lines()]
    if os.environ.get("ASSAY_WRITE_SENTENCES"):
        AGREED.write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert lines == AGREED.read_text(encoding="utf-8").splitlines()


def test_a_decision_carries_what_it_is_about() -> None:
    decision = decided()
    assert (decision.gate, decision.subject_digest, decision.decided_at) == ("to-production", SUBJECT, NOW)


def test_a_seat_for_nobody_is_never_filled() -> None:
    assert not is_full((Quorum(role="model_validator", count=0),), {"victor": {"model_validator"}})
