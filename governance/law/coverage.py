"""Which control of a model version is supported by what, and who owes what by when. Counts, never a percentage.

What the findings of the newest finished run say comes first; a person's signed answer speaks where no check does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from typing import TypeVar

from django.utils import timezone

from audits.frameworks.catalogue import Catalogue, Control, EffectStatus
from audits.reports.parts import Claim, ControlFacts, Verdict
from governance.basis import basis_then
from governance.law.classifications import newest_classification
from governance.models import Attestation, ControlAssignment
from governance.moments import Moment
from governance.reports import controls as report_controls
from governance.reports import facts as report_facts
from registry.models import ModelVersion

A = TypeVar("A", Attestation, ControlAssignment)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One control: what stands, what it rests on (criterion ids, `attestation:<id>`), who owes it, and by when."""

    facts: ControlFacts
    evidence: tuple[str, ...] = ()
    owner: str = ""
    due: date | None = None


def coverage(version: ModelVersion, as_of: date) -> tuple[Row, ...]:
    """Every control that the model's classification or a finding names, in the order of the catalogue.

    Law, findings, classification, answers and who owes them are those of the day; for a day to come, those known now.
    What people are called, and who owns the model, is told as it is now.
    """
    catalogue, moment = Catalogue.load(), Moment.of(as_of, now=timezone.now())
    basis = basis_then(version, moment)
    findings = report_facts.finding_facts(basis) if basis else ()
    found = {facts.id: facts for facts in report_controls.control_facts(findings, as_of)}
    classified = newest_classification(version.model, known=moment.known)
    names = {*found, *(classified.document["controls"] if classified else ())}
    signed = _newest_by_control(Attestation.objects.filter(model=version.model, signed_at__lte=moment.known))
    assigned = ControlAssignment.objects.filter(model=version.model, assigned_at__lte=moment.known)
    owed = _newest_by_control(assigned.select_related("owner"))
    return tuple(
        _row(control, found.get(control.id), signed.get(control.id), owed.get(control.id), version, as_of)
        for control in catalogue.controls(name for name in names if name in catalogue.by_id)
    )


def roll_up(rows: tuple[Row, ...]) -> dict[str, dict[Verdict, int]]:
    """For each framework, how many controls have which verdict."""
    counts: dict[str, Counter[Verdict]] = {}
    for row in rows:
        counts.setdefault(row.facts.framework, Counter())[row.facts.verdict] += 1
    return {framework: dict(found) for framework, found in counts.items()}


def _newest_by_control(rows: Iterable[A]) -> dict[str, A]:
    newest: dict[str, A] = {}
    for row in rows:
        newest.setdefault(row.control_id, row)
    return newest


def _row(
    control: Control,
    found: ControlFacts | None,
    signed: Attestation | None,
    owed: ControlAssignment | None,
    version: ModelVersion,
    as_of: date,
) -> Row:
    facts = found or _unassessed(control, as_of)
    evidence = facts.findings
    if found is None and facts.verdict is not Verdict.NOT_APPLICABLE:
        facts, evidence = _answered(facts, control, signed, as_of)
    waits = facts.verdict in (Verdict.AWAITING_A_PERSON, Verdict.DOES_NOT_SUPPORT, Verdict.NOT_ASSESSED)
    owner = (owed.owner.printed_name if owed else version.model.owner.printed_name) if waits else ""
    return Row(facts=facts, evidence=evidence, owner=owner, due=owed.due if owed and waits else None)


def _unassessed(control: Control, as_of: date) -> ControlFacts:
    effect = Catalogue.load().effective(control, as_of)
    void = effect.status in (EffectStatus.NOT_LAW, EffectStatus.REPEALED)
    text = control.version(as_of)
    return ControlFacts(
        id=control.id,
        framework=control.framework,
        reference=control.reference,
        title=control.title,
        duty=text.duty if text else control.duty,
        effective=effect.text,
        verdict=Verdict.NOT_APPLICABLE if void else Verdict.NOT_ASSESSED,
        why=effect.text if void else "no check of this version speaks to it",
    )


def _answered(
    facts: ControlFacts, control: Control, signed: Attestation | None, as_of: date
) -> tuple[ControlFacts, tuple[str, ...]]:
    """What a person's answer makes of a control that no check speaks to."""
    if signed is not None and signed.expires_on > as_of:
        why = f"{signed.printed_name} answered on {signed.signed_at.date()}, until {signed.expires_on}"
        answered = replace(facts, verdict=Verdict.SUPPORTS, why=why, claim=Claim.HUMAN_JUDGEMENT)
        return answered, (f"attestation:{signed.pk}",)
    if signed is not None:
        return replace(facts, verdict=Verdict.AWAITING_A_PERSON, why=f"the answer ended on {signed.expires_on}"), ()
    if control.automation == "attested":
        return replace(facts, verdict=Verdict.AWAITING_A_PERSON, why="only a person can answer it"), ()
    return facts, ()
