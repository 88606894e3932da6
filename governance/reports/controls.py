"""What the findings of a run say about numbered controls, with the law as it stood on a day."""

from __future__ import annotations

from datetime import date

from audits.criteria import Outcome
from audits.frameworks.catalogue import Catalogue, EffectStatus
from audits.reports import parts

#: On such a day there is nothing that evidence could support.
NO_DUTY = frozenset({EffectStatus.NOT_LAW, EffectStatus.REPEALED})


def control_facts(findings: tuple[parts.FindingFacts, ...], as_of: date) -> tuple[parts.ControlFacts, ...]:
    """Each control that a finding speaks to, with what the evidence says about it; the worst finding decides."""
    catalogue = Catalogue.load()
    by_control: dict[str, list[parts.FindingFacts]] = {}
    for finding in findings:
        for control_id in finding.controls:
            by_control.setdefault(control_id, []).append(finding)
    facts = []
    for control in catalogue.controls(by_control):
        spoken = by_control[control.id]
        text = control.version(as_of)
        effect = catalogue.effective(control, as_of)
        applies = effect.status not in NO_DUTY
        facts.append(
            parts.ControlFacts(
                id=control.id,
                framework=control.framework,
                reference=control.reference,
                title=control.title,
                duty=text.duty if text else control.duty,
                effective=effect.text,
                verdict=_verdict(spoken) if applies else parts.Verdict.NOT_APPLICABLE,
                why=_why(spoken) if applies else effect.text,
                findings=tuple(finding.criterion for finding in spoken),
            )
        )
    return tuple(facts)


def _verdict(findings: list[parts.FindingFacts]) -> parts.Verdict:
    outcomes = {finding.outcome for finding in findings}
    if Outcome.NOT_SATISFIED in outcomes:
        return parts.Verdict.DOES_NOT_SUPPORT
    if outcomes == {Outcome.SATISFIED}:
        return parts.Verdict.SUPPORTS
    return parts.Verdict.NOT_ASSESSED


def _why(findings: list[parts.FindingFacts]) -> str:
    open_findings = [finding for finding in findings if finding.outcome is not Outcome.SATISFIED]
    return "; ".join(f"{finding.criterion} is {finding.outcome}" for finding in open_findings)
