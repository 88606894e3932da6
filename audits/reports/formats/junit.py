"""JUnit XML: one suite per check, one case per criterion, and one for the gate, which is red unless the gate is open.

Inconclusive is a failure and nothing measured is an error, because both keep a gate closed.
"""

from __future__ import annotations

from xml.sax.saxutils import escape, quoteattr

from audits.criteria import Outcome
from audits.measurements import ObservationStatus
from audits.reports.document import ReportDocument
from audits.reports.parts import CheckFacts, FindingFacts
from audits.reports.text import visible
from audits.reports.wording import role_in_words


def render_junit(document: ReportDocument) -> str:
    """The report for a pipeline's test view."""
    suites = [_suite(check.check, _cases(document, check)) for check in document.checks]
    known = {check.check for check in document.checks}
    orphans = [_case(finding) for finding in document.findings if finding.check not in known]
    if orphans:
        suites.append(_suite("not run", orphans))
    suites.append(_suite("gate", [_gate(document)]))
    name = f"{document.subject.model}/{document.subject.version} to {document.request.to_stage}"
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name={_quoted(name)}>\n{"".join(suites)}</testsuites>\n'
    )


def _suite(name: str, cases: list[str]) -> str:
    counts = {mark: sum(f"<{mark}" in case for case in cases) for mark in ("failure", "error", "skipped")}
    return (
        f'<testsuite name={_quoted(name)} tests="{len(cases)}" failures="{counts["failure"]}" '
        f'errors="{counts["error"]}" skipped="{counts["skipped"]}">\n{"".join(cases)}</testsuite>\n'
    )


def _cases(document: ReportDocument, check: CheckFacts) -> list[str]:
    cases = [_case(finding) for finding in document.findings_of(check.check)]
    if check.status is not ObservationStatus.MEASURED:
        cases.append(_made("measured", check.check, "error", check.status, check.problem or "Nothing was measured."))
    return cases


def _case(finding: FindingFacts) -> str:
    told = f"{finding.limit}: {finding.explanation}"
    if finding.outcome is Outcome.SATISFIED:
        return _made(finding.criterion, finding.check, "", "", told)
    if finding.waived:
        return _made(
            finding.criterion, finding.check, "skipped", "waived", f"waived although {finding.outcome}; {told}"
        )
    failed = finding.outcome in {Outcome.NOT_SATISFIED, Outcome.INCONCLUSIVE}
    return _made(finding.criterion, finding.check, "failure" if failed else "error", finding.outcome, told)


def _gate(document: ReportDocument) -> str:
    decision = document.decision
    missing = (f"awaiting {entry.count} x {role_in_words(entry.role)}" for entry in decision.missing_reviews)
    reasons = "; ".join([*decision.blocking, *missing]) or "no reason was recorded"
    state = "" if decision.outcome == "open" else "failure"
    return _made("decision", "gate", state, "closed", reasons)


def _made(name: str, owner: str, state: str, kind: str, message: str) -> str:
    """One case; `state` is empty for a pass, else failure, error or skipped."""
    opened = f"<testcase name={_quoted(name)} classname={_quoted(owner)}"
    if not state:
        return f"{opened}/>\n"
    typed = "" if state == "skipped" else f" type={_quoted(kind)}"
    return f"{opened}><{state}{typed} message={_quoted(message)}>{escape(visible(message))}</{state}></testcase>\n"


def _quoted(text: str) -> str:
    return quoteattr(visible(text))
