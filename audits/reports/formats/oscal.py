"""OSCAL assessment results: what was assessed, by which observations, with which finding for each control.

OSCAL findings know satisfied and not satisfied only. So everything that is not supported by evidence is not-satisfied
with the reason `other`, the report's own verdict stands in a property, and the decision of the gate in the properties
of the result. `satisfied` means that evidence supports the control, not that a duty is fulfilled.
"""

from __future__ import annotations

import json
from typing import Any

from audits.criteria import Outcome
from audits.frameworks.catalogue import Catalogue
from audits.frameworks.oscal import identifiers, statement_of
from audits.oscal import VERSION, dangling, identify, line, prop, token
from audits.reports import figures
from audits.reports.document import ReportDocument, plain
from audits.reports.parts import CheckFacts, ControlFacts, FindingFacts, ReviewFacts, Verdict, WaiverFacts
from audits.reports.text import visible
from audits.reports.wording import role_in_words

REMARK = "Satisfied means that the evidence supports the control. It is no statement that a duty is fulfilled."


class DanglingReferenceError(ValueError):
    """The document would refer to something that is not in it or in its catalog; nothing is written."""

    code = "oscal-dangling"


def render_oscal(document: ReportDocument) -> str:
    """The report as OSCAL assessment results. Raises DanglingReferenceError."""
    made = _Results(document).written()
    lost = dangling(made, identifiers(Catalogue.load(), document.identity.as_of))
    if lost:
        raise DanglingReferenceError(f"{len(lost)} references lead nowhere, the first: {lost[0]}")
    return json.dumps(made, ensure_ascii=False, indent=1) + "\n"


def _filled(part: dict[str, Any]) -> dict[str, Any]:
    """`part` without what is empty: OSCAL wants lists and texts absent rather than empty."""
    return {key: value for key, value in part.items() if value not in ([], "", None)}


class _Results:
    """One document on its way; identifiers are made from the number of the report, so they do not change."""

    def __init__(self, document: ReportDocument) -> None:
        self.document = document
        self.number = document.identity.number
        self.subject = self._id("subject")
        # A control that was not law on the day is not in the catalog of that day, so nothing can be said of it.
        held = identifiers(Catalogue.load(), document.identity.as_of)
        self.controls = tuple(control for control in document.controls if control.id in held)

    def _id(self, *names: object) -> str:
        return identify("report", self.number, *names)

    def written(self) -> dict[str, Any]:
        """The whole OSCAL document."""
        identity, request, policy = self.document.identity, self.document.request, self.document.policy
        plan = {
            "uuid": self._id("plan"),
            "title": line(visible(f"Gate {policy.gate} of policy {policy.title}, version {policy.version}")),
            "description": "The audit plan is part of the pinned policy version.",
            "props": [prop("digest", policy.digest)],
        }
        evidence = {
            "uuid": self._id("evidence"),
            "title": "Evidence of the report",
            "description": "Every measured value and table, embedded in the sealed report and beside it in the bundle.",
            "rlinks": [{"href": "evidence.json", "media-type": "application/json"}],
        }
        return {
            "assessment-results": {
                "uuid": self._id("results"),
                "metadata": self._metadata(),
                "import-ap": {"href": f"#{plan['uuid']}"},
                "results": [self._result(plain(request.requested_at), plain(identity.generated_at))],
                "back-matter": {"resources": [plan, evidence]},
            }
        }

    def _metadata(self) -> dict[str, Any]:
        roles = {token(review.role): role_in_words(visible(review.role)) for review in self._counted()}
        people = dict.fromkeys(review.name for review in self._counted())
        seal = self.document.identity.seal_name or "The service"
        parties = [{"uuid": self._id("seal"), "type": "organization", "name": line(visible(seal))}]
        parties += [{"uuid": self._id("person", n), "type": "person", "name": line(visible(n))} for n in people]
        return _filled(
            {
                "title": line(visible(f"{self.document.identity.title} {self.number}: {self.document.subject.name}")),
                "last-modified": plain(self.document.identity.generated_at),
                "version": line(visible(self.number)),
                "oscal-version": VERSION,
                "props": [prop("law-as-of", self.document.identity.as_of.isoformat())],
                "roles": [{"id": name, "title": line(title)} for name, title in roles.items()],
                "parties": parties,
                "remarks": REMARK,
            }
        )

    def _counted(self) -> tuple[ReviewFacts, ...]:
        return tuple(review for review in self.document.reviews if review.counts)

    def _result(self, start: Any, end: Any) -> dict[str, Any]:
        document, decision = self.document, self.document.decision
        props = [
            prop("gate-decision", decision.outcome),
            prop("gate-enforced", str(decision.enforced).lower()),
            prop("decision-digest", decision.digest),
            prop("to-stage", visible(document.request.to_stage)),
            *(prop("blocking", visible(reason)) for reason in decision.blocking),
            *(prop("missing-review", f"{entry.count} {visible(entry.role)}") for entry in decision.missing_reviews),
        ]
        if decision.valid_until is not None:
            props.append(prop("valid-until", plain(decision.valid_until)))
        told = f"Gate {decision.outcome}: {document.subject.name}, version {document.subject.version}"
        return _filled(
            {
                "uuid": self._id("result"),
                "title": line(visible(told)),
                "description": line(visible(document.request.reason)),
                "start": start,
                "end": end,
                "props": props,
                "local-definitions": {"components": [self._component()]},
                "reviewed-controls": self._reviewed(),
                "attestations": [self._attestation(review) for review in self._counted()],
                "observations": [
                    *(self._observation(check) for check in document.checks),
                    *(self._judgement(finding) for finding in document.findings),
                ],
                "risks": [self._risk(index, waiver) for index, waiver in enumerate(document.waivers)],
                "findings": [
                    self._finding(control) for control in self.controls if control.verdict is not Verdict.NOT_APPLICABLE
                ],
            }
        )

    def _component(self) -> dict[str, Any]:
        subject = self.document.subject
        return {
            "uuid": self.subject,
            "type": "software",
            "title": line(visible(f"{subject.model}, version {subject.version}")),
            "description": line(visible(subject.purpose)),
            "props": [prop("artifact-digest", subject.digest), prop("risk-class", visible(subject.risk_class))],
            "status": {"state": "other", "remarks": "May go to its stage only while its gate is open."},
        }

    def _reviewed(self) -> dict[str, Any]:
        included = [{"control-id": c.id} for c in self.controls if c.verdict is not Verdict.NOT_APPLICABLE]
        excluded = [{"control-id": c.id} for c in self.controls if c.verdict is Verdict.NOT_APPLICABLE]
        if included:
            return {"control-selections": [_filled({"include-controls": included, "exclude-controls": excluded})]}
        # OSCAL cannot say "none" in another way than "all but these".
        as_of = self.document.identity.as_of
        every = [{"control-id": control.id} for control in Catalogue.load().all() if control.version(as_of)]
        told = "The policy names no control that applies on this day."
        return {"control-selections": [{"description": told, "include-all": {}, "exclude-controls": every}]}

    def _attestation(self, review: ReviewFacts) -> dict[str, Any]:
        said = {"name": "review", "title": line(visible(review.verdict)), "prose": line(visible(review.meaning))}
        reason = {"name": "reason", "prose": line(visible(review.reason))}
        proof = [prop("at", plain(review.at)), prop("method", visible(review.method))]
        if review.subject_digest:
            proof.append(prop("subject-digest", visible(review.subject_digest)))
        return {
            "responsible-parties": [{"role-id": token(review.role), "party-uuids": [self._id("person", review.name)]}],
            "parts": [{**said, "props": proof}, reason],
        }

    def _observation(self, check: CheckFacts) -> dict[str, Any]:
        problem = f" {visible(check.problem)}" if check.problem else ""
        return _filled(
            {
                "uuid": self._id("check", check.check),
                "title": line(visible(f"{check.title} ({check.check} {check.version})")),
                "description": f"{len(check.values)} values; status {check.status.value}.{problem}",
                "props": [
                    prop("status", check.status.value),
                    *([prop("digest", check.digest)] if check.digest else []),
                    *(prop(f"input-{name}", found) for name, found in check.inputs.items()),
                ],
                "methods": ["TEST"],
                "subjects": [{"subject-uuid": self.subject, "type": "component"}],
                "relevant-evidence": [
                    {"href": f"#{self._id('evidence')}", "description": "The values and tables of this check."}
                ],
                "collected": plain(self.document.decision.decided_at),
            }
        )

    def _judgement(self, finding: FindingFacts) -> dict[str, Any]:
        measured = finding.measured
        props = [
            prop("outcome", finding.outcome.value),
            prop("check", visible(finding.check)),
            prop("metric", visible(finding.metric)),
            prop("limit", visible(finding.limit)),
            prop("limit-set-by", visible(finding.set_by)),
            prop("waived", str(finding.waived).lower()),
        ]
        if measured is not None:
            props += [prop("value", figures.measured(measured)), prop("n", measured.n)]
            if measured.interval is not None:
                props.append(prop("interval", figures.bounds(measured.interval)))
        return {
            "uuid": self._id("criterion", finding.criterion),
            "title": line(visible(finding.title)),
            "description": line(visible(finding.explanation)),
            "props": props,
            "methods": ["TEST"],
            "types": ["finding"],
            "subjects": [{"subject-uuid": self.subject, "type": "component"}],
            "collected": plain(self.document.decision.decided_at),
        }

    def _risk(self, index: int, waiver: WaiverFacts) -> dict[str, Any]:
        judged = [f for f in self.document.findings if f.criterion == waiver.criterion]
        return _filled(
            {
                "uuid": self._id("waiver", index),
                "title": line(visible(f"Waiver of {waiver.criterion}")),
                "description": line(visible(waiver.justification)),
                "statement": line(visible(waiver.compensating_control)),
                "props": [prop("break-glass", str(waiver.break_glass).lower())],
                "status": "deviation-approved" if waiver.live else "deviation-requested",
                "deadline": plain(waiver.expires),
                "related-observations": [
                    {"observation-uuid": self._id("criterion", finding.criterion)} for finding in judged
                ],
            }
        )

    def _finding(self, control: ControlFacts) -> dict[str, Any]:
        supported = control.verdict is Verdict.SUPPORTS
        known = {finding.criterion: finding.outcome for finding in self.document.findings}
        reason = "pass" if supported else "fail" if control.verdict is Verdict.DOES_NOT_SUPPORT else "other"
        return _filled(
            {
                "uuid": self._id("control", control.id),
                "title": line(visible(f"{control.framework} {control.reference}")),
                "description": line(visible(control.why)) if control.why else f"The {control.verdict.value}.",
                "props": [
                    prop("verdict", control.verdict.value),
                    prop("claim", control.claim.value),
                    prop("effect", visible(control.effective)),
                    *(prop("open", name) for name in control.findings if known.get(name) is not Outcome.SATISFIED),
                ],
                "target": {
                    "type": "statement-id",
                    "target-id": statement_of(control.id),
                    "status": {
                        "state": "satisfied" if supported else "not-satisfied",
                        "reason": reason,
                        "remarks": REMARK,
                    },
                },
                "related-observations": [
                    {"observation-uuid": self._id("criterion", name)} for name in control.findings if name in known
                ],
            }
        )
