"""The review page: everything somebody needs to decide on one promotion request, and nothing they have to trust."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from audits.criteria import Outcome
from audits.models import AuditRun, Observation
from audits.plans import AuditPlan
from audits.reports.parts import CheckFacts, FindingFacts
from audits.reports.pictures import Picture, of_check
from audits.reports.tongue import ours
from audits.reports.wording import CheckWording, wording_of
from audits.runs import known_checks
from governance import decisions, reporting
from governance.basis import basis_now
from governance.broken_glass import emergencies_of
from governance.models import Condition, PromotionRequest, Review, Waiver
from governance.pages import abilities
from governance.pages.access import person_of, strict_page, visible_request
from governance.pages.banner import banner_for, running_banner
from governance.pages.story import about
from governance.pages.words import badge
from governance.refusals import subject_id
from governance.reports import controls as report_controls
from governance.reports import facts as report_facts
from governance.reports.lineage_pictures import lineage_picture

State = PromotionRequest.State


@dataclass(frozen=True, slots=True)
class CheckSection:
    """One check on the page: what it measured, how it was judged, what that looks like, and what it means."""

    check: CheckFacts
    findings: tuple[FindingFacts, ...]
    pictures: tuple[Picture, ...]
    wording: CheckWording

    @property
    def unsettled(self) -> tuple[FindingFacts, ...]:
        """What needs a reviewer's eye."""
        return tuple(finding for finding in self.findings if finding.outcome is not Outcome.SATISFIED)

    @property
    def satisfied(self) -> tuple[FindingFacts, ...]:
        """What does not."""
        return tuple(finding for finding in self.findings if finding.outcome is Outcome.SATISFIED)


@require_safe
@strict_page
def review_page(request: HttpRequest, pk: Any) -> HttpResponse:
    """The page of one promotion request."""
    promotion = visible_request(request, pk)
    person = person_of(request)
    running = promotion.state == State.AUDITING
    verdict = None if running else decisions.evaluate(promotion, timezone.now())
    findings = report_facts.finding_facts(basis_now(promotion))
    context = {
        "promotion": promotion,
        "version": promotion.version,
        "model": promotion.version.model,
        "gate": promotion.gate,
        "banner": banner_for(promotion, verdict) if verdict else running_banner(promotion),
        "progress": progress_of(promotion.run) if running else None,
        "sections": _sections(promotion.run, findings),
        "tallies": _tallies(findings),
        "controls": report_controls.control_facts(findings, timezone.now().date()),
        "reviews": _reviews(promotion, verdict.disregarded if verdict else ()),
        "waivers": Waiver.objects.filter(request=promotion).select_related(
            "requested_by", "decision", "decision__decided_by"
        ),
        "emergencies": emergencies_of(promotion.broken_glass.all()),
        "conditions": _conditions(promotion),
        "lineage": lineage_picture(promotion.version),
        "decisions": promotion.decisions.all()[:5],
        "story": about([subject_id(promotion), f"run:{promotion.run_id}"], 60),
        "report": reporting.newest_report(promotion),
        "can": abilities.of(person, promotion),
    }
    return render(request, "pages/review.html", context)


@require_safe
@strict_page
def progress(request: HttpRequest, pk: Any) -> HttpResponse:
    """How far the checks of a request are, as JSON for the page's own script."""
    promotion = visible_request(request, pk)
    return JsonResponse({"state": promotion.state, **progress_of(promotion.run)})


def progress_of(run: AuditRun) -> dict[str, Any]:
    """Checks planned and done, in the order of the plan."""
    statuses = dict(run.observations.values_list("check_id", "status"))
    steps = []
    for planned in AuditPlan.from_document(run.plan).checks:
        check = known_checks().get(planned.check)
        status = statuses.get(planned.check)
        shown = badge("status", status) if status else None
        steps.append(
            {
                "check": planned.check,
                "title": ours(check.title) if check else planned.check,
                "shape": shown.shape if shown else "◔",
                "words": ours(shown.word) if shown else _("running"),
            }
        )
    return {"done": len(statuses), "total": len(steps), "checks": steps}


def _sections(run: AuditRun, findings: tuple[FindingFacts, ...]) -> list[CheckSection]:
    sections = []
    for observation in Observation.objects.filter(run=run).order_by("pk"):
        facts = report_facts.check_facts(observation)
        judged = tuple(finding for finding in findings if finding.check == facts.check)
        sections.append(CheckSection(facts, judged, _pictures(facts, judged), wording_of(facts.check)))
    # What needs attention comes first; otherwise the order in which it was measured.
    return sorted(sections, key=lambda section: not section.unsettled)


def _pictures(check: CheckFacts, judged: tuple[FindingFacts, ...]) -> tuple[Picture, ...]:
    """Charts of what has an interval to draw, the unsettled first; a count says more as a number."""
    drawable = [finding for finding in judged if finding.measured is not None and finding.measured.interval is not None]
    if not any(value.interval for value in check.values):
        return ()
    return of_check(check, sorted(drawable, key=lambda finding: finding.outcome is Outcome.SATISFIED))


def _tallies(findings: tuple[FindingFacts, ...]) -> list[tuple[str, int]]:
    """How many findings came out how, worst first."""
    counted = Counter(finding.outcome for finding in findings)
    order = (
        Outcome.NOT_SATISFIED,
        Outcome.ERROR,
        Outcome.TIMED_OUT,
        Outcome.NOT_RUN,
        Outcome.INCONCLUSIVE,
        Outcome.SATISFIED,
    )
    return [(outcome.value, counted[outcome]) for outcome in order if counted[outcome]]


def _reviews(promotion: PromotionRequest, disregarded: Any) -> list[tuple[Review, str]]:
    """Each review with the reason why it does not count, "" when it does."""
    reasons = {reason.subject: reason.explanation for reason in disregarded}
    return [
        (
            review,
            "given in an earlier round"
            if review.round != promotion.round
            else reasons.get(review.reviewer.pseudonym, ""),
        )
        for review in promotion.reviews.select_related("reviewer")
    ]


def _conditions(promotion: PromotionRequest) -> list[tuple[Condition, str]]:
    """What approvals of this round depend on, each with where it stands: `met`, `open` or `overdue`."""
    now = timezone.now()
    rows = Condition.objects.filter(review__request=promotion, review__round=promotion.round)
    return [
        (row, "met" if hasattr(row, "met") else "open" if row.due_at > now else "overdue")
        for row in rows.select_related("review", "met__confirmed_by")
    ]
