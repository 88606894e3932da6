"""Markdown for merge requests and job summaries: the decision, the people, the findings. All given text is escaped."""

from __future__ import annotations

from audits.reports import figures
from audits.reports.document import ReportDocument
from audits.reports.pages import worst_first
from audits.reports.parts import FindingFacts
from audits.reports.text import said, visible
from audits.reports.wording import OUTCOMES, role_in_words


def render_markdown(document: ReportDocument) -> str:
    """The report in a page of Markdown."""
    subject, decision = document.subject, document.decision
    sign = "●" if decision.outcome == "open" else "◆"
    stages = f"From {said(document.request.from_stage)} to **{said(document.request.to_stage)}**"
    policy = f"policy {said(document.policy.slug)} version {document.policy.version}"
    decided = f"decided {figures.moment(decision.decided_at)}"
    lines = [
        f"# {sign} Gate {decision.outcome}: {said(subject.name)}, version {subject.version}",
        "",
        f"{stages}, {policy}, {decided}. Report {said(document.identity.number)}.",
        "",
    ]
    if document.identity.development_seal:
        lines += ["**Development seal — not for production.**", ""]
    if not decision.enforced:
        lines += ["The gate was not enforced: it reports, and holds nothing back.", ""]
    if decision.valid_until is not None:
        lines += [f"Valid until {figures.moment(decision.valid_until)}.", ""]
    return "\n".join(
        [*lines, *_blocking(document), *_people(document), *findings_table(document), _artifact(document), ""]
    )


def _blocking(document: ReportDocument) -> list[str]:
    decision = document.decision
    awaited = [f"○ awaiting {entry.count} × {said(role_in_words(entry.role))}" for entry in decision.missing_reviews]
    reasons = [f"◆ {said(reason)}" for reason in decision.blocking] + awaited
    return ["## What keeps it closed", "", *(f"- {reason}" for reason in reasons), ""] if reasons else []


def _people(document: ReportDocument) -> list[str]:
    counted = [review for review in document.reviews if review.counts]
    told = [
        f"- **{said(review.name)}**, {said(role_in_words(review.role))}: {said(review.verdict)}, "
        f"{figures.moment(review.at)}"
        for review in counted
    ]
    return ["## Reviews", "", *(told or ["Nobody has reviewed this request."]), ""]


def findings_table(document: ReportDocument) -> list[str]:
    """The judged criteria, what needs attention first."""
    if not document.findings:
        return ["## Findings", "", "Nothing has been judged.", ""]
    head = ["## Findings", "", "| Criterion | Limit | Value | Interval | Rows | Outcome |", "|---|---|--:|--:|--:|---|"]
    return [*head, *(_row(finding) for finding in worst_first(document.findings)), ""]


def _row(finding: FindingFacts) -> str:
    limits = figures.limits_of(finding.at_least, finding.at_most)
    measured = finding.measured
    interval = figures.bounds(measured.interval, *limits) if measured is not None else ""
    rows = figures.count(measured.n) if measured is not None else ""
    glyph, word = OUTCOMES[finding.outcome]
    waived = ", waived" if finding.waived else ""
    cells = (said(finding.title), said(finding.limit), figures.measured(measured, *limits), interval, rows)
    return f"| {' | '.join(cells)} | {glyph} {word}{waived} |"


def _artifact(document: ReportDocument) -> str:
    return f"Artifact `{visible(document.subject.digest).replace('`', '')}`"
