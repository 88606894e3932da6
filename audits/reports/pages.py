"""What stands on which page: the document turned into the values that the template prints.

Bulk stays out of the paper: of every table the first or worst rows are shown with a count of the rest, and all of it is
in the embedded evidence.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from audits.criteria import Outcome
from audits.measurements import MetricValue, ObservationStatus, Table
from audits.reports import pictures
from audits.reports.document import ReportDocument
from audits.reports.parts import CheckFacts, ControlFacts, FindingFacts, Verdict
from audits.reports.tongue import ours
from audits.reports.wording import CheckWording, metric_in_words, wording_of

MOST_FINDINGS, MOST_VALUES, MOST_TABLES, MOST_TABLE_ROWS, MOST_COLUMNS, MOST_CONTROLS = 40, 10, 2, 6, 8, 60
MOST_ON_ONE_PAGE = 4

_WORST_FIRST = (
    Outcome.NOT_SATISFIED,
    Outcome.ERROR,
    Outcome.TIMED_OUT,
    Outcome.NOT_RUN,
    Outcome.INCONCLUSIVE,
    Outcome.SATISFIED,
)
_VERDICTS_FIRST = (
    Verdict.DOES_NOT_SUPPORT,
    Verdict.AWAITING_A_PERSON,
    Verdict.NOT_ASSESSED,
    Verdict.SUPPORTS,
    Verdict.NOT_APPLICABLE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Excerpt:
    """The head of a table, and how many rows and columns stay in the embedded evidence.

    Each column and each cell stands with its class: numbers are set to the right, words to the left.
    """

    name: str
    columns: tuple[tuple[str, str], ...]
    rows: tuple[tuple[tuple[Any, str], ...], ...]
    total: int
    columns_left: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckSection:
    """One check as it stands on paper. `values` are those that no chart prints; `values_drawn` says that some does."""

    anchor: str
    facts: CheckFacts
    wording: CheckWording
    measured: bool
    findings: tuple[FindingFacts, ...]
    pictures: tuple[pictures.Picture, ...]
    values: tuple[MetricValue, ...]
    values_total: int
    values_drawn: bool
    tables: tuple[Excerpt, ...]
    tables_left: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameworkSection:
    """The controls of one framework, the ones that need attention first."""

    name: str
    controls: tuple[ControlFacts, ...]
    total: int
    counts: tuple[tuple[Verdict, int], ...]


def check_sections(document: ReportDocument) -> tuple[CheckSection, ...]:
    """Every check, in the order of the plan."""
    return tuple(_check(index, check, document) for index, check in enumerate(document.checks, start=1))


def _check(index: int, check: CheckFacts, document: ReportDocument) -> CheckSection:
    findings = document.findings_of(check.check)
    shown = tuple(check.tables.items())[:MOST_TABLES]
    drawn = pictures.of_check(check, findings)
    printed = {_key(value) for picture in drawn for value in picture.printed}
    # A table of numbers that stand beside the marks of a chart says nothing more, and costs more than the chart.
    beyond = [value for value in check.values if _key(value) not in printed]
    return CheckSection(
        anchor=f"check-{index}",
        facts=check,
        wording=wording_of(check.check),
        measured=check.status is ObservationStatus.MEASURED,
        findings=worst_first(findings),
        pictures=drawn,
        values=tuple(beyond[:MOST_VALUES]),
        values_total=len(beyond),
        values_drawn=bool(printed),
        tables=tuple(_excerpt(name, table) for name, table in shown),
        tables_left=len(check.tables) - len(shown),
    )


def _excerpt(name: str, table: Table) -> Excerpt:
    columns = table.columns[:MOST_COLUMNS]
    rows = [row[:MOST_COLUMNS] for row in table.rows[:MOST_TABLE_ROWS]]
    # Names of metrics stand in tables as programs write them.
    named = {at for at, column in enumerate(columns) if column == "metric"}
    classes = ["num" if _is_numeric(row[at] for row in rows) else "" for at in range(len(columns))]
    return Excerpt(
        name=name,
        columns=tuple(zip(columns, classes, strict=True)),
        rows=tuple(
            tuple(
                (ours(metric_in_words(cell)) if at in named and isinstance(cell, str) else cell, classes[at])
                for at, cell in enumerate(row)
            )
            for row in rows
        ),
        total=len(table.rows),
        columns_left=max(len(table.columns) - MOST_COLUMNS, 0),
    )


def _is_numeric(cells: Iterable[Any]) -> bool:
    """Whether every cell that is not empty is a number, and there is one."""
    told = [cell for cell in cells if cell is not None]
    return bool(told) and all(isinstance(cell, int | float) and not isinstance(cell, bool) for cell in told)


def _key(value: MetricValue) -> tuple[str, str, str]:
    return value.metric, value.feature, value.group


def worst_first(findings: Sequence[FindingFacts]) -> tuple[FindingFacts, ...]:
    """Failures before doubts before what is satisfied; the order of the policy within each."""
    return tuple(sorted(findings, key=lambda finding: _WORST_FIRST.index(finding.outcome)))


def framework_sections(document: ReportDocument) -> tuple[FrameworkSection, ...]:
    """The controls by framework, in the order in which the frameworks first appear."""
    sections = []
    for name in dict.fromkeys(control.framework for control in document.controls):
        own = [control for control in document.controls if control.framework == name]
        ordered = sorted(own, key=lambda control: _VERDICTS_FIRST.index(control.verdict))
        counts = tuple((verdict, sum(c.verdict is verdict for c in own)) for verdict in _VERDICTS_FIRST)
        sections.append(
            FrameworkSection(
                name=name,
                controls=tuple(ordered[:MOST_CONTROLS]),
                total=len(own),
                counts=tuple((verdict, number) for verdict, number in counts if number),
            )
        )
    return tuple(sections)


def context(document: ReportDocument, evidence_digest: str) -> dict[str, Any]:
    """Everything the template prints, from a document whose texts are already `printable`."""
    findings = worst_first(document.findings)
    unmeasured = sum(document.count(o) for o in (Outcome.ERROR, Outcome.TIMED_OUT, Outcome.NOT_RUN))
    live = tuple(waiver for waiver in document.waivers if waiver.live)
    return {
        "document": document,
        "evidence_digest": evidence_digest,
        "is_open": document.decision.outcome == "open",
        "waits_for_people": bool(document.decision.missing_reviews) and not document.decision.blocking,
        "deciders": tuple(review for review in document.reviews if review.counts),
        "key_numbers": (
            (_("satisfied"), document.count(Outcome.SATISFIED), "●", ""),
            (_("not satisfied"), document.count(Outcome.NOT_SATISFIED), "◆", "bad"),
            (_("inconclusive"), document.count(Outcome.INCONCLUSIVE), "○", "doubt"),
            (_("not measured"), unmeasured, "×", "bad"),
            (_("live waivers"), len(live), "!", "bad"),
        ),
        "live_waivers": live,
        "break_glass": tuple(waiver for waiver in document.waivers if waiver.break_glass),
        "findings": findings[:MOST_FINDINGS],
        "findings_total": len(findings),
        "checks": check_sections(document),
        "frameworks": framework_sections(document),
        "timeline": pictures.of_decision(document),
        "lineage_picture": pictures.of_lineage(document),
        "lineage_problems": tuple(node for node in document.lineage.nodes if node.problem)[:MOST_VALUES],
    }


def summary(document: ReportDocument, evidence_digest: str) -> dict[str, Any]:
    """What stands on the one page for management: the decision, what stands against it, the worst findings."""
    values = context(document, evidence_digest)
    troubled = [f for f in worst_first(document.findings) if f.outcome is not Outcome.SATISFIED]
    verdicts = [
        (verdict, sum(control.verdict is verdict for control in document.controls)) for verdict in _VERDICTS_FIRST
    ]
    return values | {
        "troubled": troubled[:MOST_ON_ONE_PAGE],
        "troubled_total": len(troubled),
        "points": document.open_points[:MOST_ON_ONE_PAGE],
        "verdicts": tuple((verdict, number) for verdict, number in verdicts if number),
        "compared": document.comparison.rows[: MOST_ON_ONE_PAGE - 2] if document.comparison else (),
    }
