"""Which charts a report shows, and the words under them. Draws with `audits.reports.charts`; in the active language."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from audits.criteria import Outcome
from audits.measurements import MetricValue
from audits.reports import charts
from audits.reports.document import ReportDocument
from audits.reports.explanation_pictures import of_explanation
from audits.reports.figures import bounds as spread
from audits.reports.figures import limit as written
from audits.reports.figures import limits_of, measured
from audits.reports.group_pictures import of_groups
from audits.reports.parts import CheckFacts, FindingFacts
from audits.reports.pictured import Picture, heard, left_out, sentence
from audits.reports.tongue import ours
from audits.reports.wording import metric_in_words
from registry.connectors.statements import group_of

MOST_PICTURES, MOST_MORE, MOST_ROWS, FEWEST_BARS = 5, 3, 14, 3
#: What the charts of an explanation show already.
_DRAWN = {"mean_abs_shap_share", "share_change"}

__all__ = ["Picture", "of_check", "of_decision", "of_lineage"]

TONES = {
    Outcome.SATISFIED: charts.Tone.SATISFIED,
    Outcome.NOT_SATISFIED: charts.Tone.NOT_SATISFIED,
    Outcome.INCONCLUSIVE: charts.Tone.INCONCLUSIVE,
}


def of_check(check: CheckFacts, findings: Sequence[FindingFacts]) -> tuple[Picture, ...]:
    """First the judged metrics against their limits, then explanations, groups and importances behind them.

    At most five charts, and for an explanation three more.
    """
    judged: dict[tuple[str, str | None, str | None], list[FindingFacts]] = {}
    for finding in findings:
        judged.setdefault((finding.metric, finding.at_least, finding.at_most), []).append(finding)
    explanation = of_explanation(check)
    most = MOST_PICTURES + (MOST_MORE if explanation else 0)
    explained = [*explanation, *of_groups(check)][: most - 1]
    limits = [_against_limit(check, found) for found in judged.values() if _worth_drawing(check, found[0].metric)]
    pictures = [*limits[: most - len(explained)], *explained]
    seen = {finding.metric for finding in findings} | (_DRAWN if explanation else set())
    for metric in dict.fromkeys(value.metric for value in check.values):
        if metric not in seen:
            pictures += _behind(check, metric)
    return tuple(pictures[:most])


def _worth_drawing(check: CheckFacts, metric: str) -> bool:
    """Whether a chart says more than the sentence beside it: several values, or one with an interval."""
    found = [value for value in check.values if value.metric == metric]
    return len(found) > 1 or any(value.interval is not None for value in found)


def _against_limit(check: CheckFacts, findings: Sequence[FindingFacts]) -> Picture:
    first = findings[0]
    outcome = {(f.measured.feature, f.measured.group): f.outcome for f in findings if f.measured is not None}
    found = [value for value in check.values if value.metric == first.metric]
    # The worst value is the one nearest to, or farthest beyond, the limit: highest for "at most", lowest otherwise.
    ordered = sorted(found, key=lambda v: (v.value is None, v.value or 0.0), reverse=False)
    if first.at_most is not None and first.at_least is None:
        ordered = sorted(found, key=lambda v: (v.value is None, -(v.value or 0.0)))
    kept = [value for value in found if value in ordered[:MOST_ROWS]]
    marks = [_mark(value, outcome.get((value.feature, value.group))) for value in kept]
    words = ours(metric_in_words(first.metric))
    spoken = _spoken(kept, first.limit, *limits_of(first.at_least, first.at_most))
    svg = charts.forest(marks, title=words, description=spoken, at_least=first.at_least, at_most=first.at_most)
    told = _("{words} against the limit of the policy ({limit}); the shaded band is allowed.").format(
        words=sentence(words), limit=written(first.limit)
    )
    return Picture(svg, heard(words, spoken), told + left_out(len(kept), len(found)), _estimated(kept))


def _behind(check: CheckFacts, metric: str) -> list[Picture]:
    """Charts of a metric without a limit: one per feature where groups were measured, else bars over the features."""
    found = [value for value in check.values if value.metric == metric]
    words, pictures = ours(metric_in_words(metric)), []
    for feature in dict.fromkeys(value.feature for value in found if value.group):
        groups = [value for value in found if value.feature == feature and value.group]
        kept = groups[:MOST_ROWS]
        if len(kept) > 1:
            name = _("{words} by {feature}").format(words=words, feature=feature)
            svg = charts.forest([_mark(value, None) for value in kept], title=name, description=_spoken(kept, ""))
            caption = f"{sentence(name)}." + left_out(len(kept), len(groups))
            pictures.append(Picture(svg, heard(name, _spoken(kept, "")), caption, _estimated(kept)))
    single = [value for value in found if value.feature and not value.group and value.value is not None]
    if len(single) >= FEWEST_BARS and not pictures:
        pictures.append(_importance(words, single))
    return pictures


def _importance(words: str, values: Sequence[MetricValue]) -> Picture:
    ordered = sorted(values, key=lambda value: (-abs(value.value or 0.0), value.feature))
    kept = ordered[:MOST_ROWS]
    bars = [
        charts.Bar(
            label=value.feature,
            value=value.value or 0.0,
            low=value.interval.low if value.interval else None,
            high=value.interval.high if value.interval else None,
        )
        for value in kept
    ]
    told = _("{words}, largest first.").format(words=sentence(words))
    svg = charts.importance(bars, title=words, description=_spoken(kept, ""))
    return Picture(svg, heard(words, _spoken(kept, "")), told + left_out(len(kept), len(values)))


def _mark(value: MetricValue, outcome: Outcome | None) -> charts.Mark:
    return charts.Mark(
        label=_place(value),
        value=value.value,
        n=value.n,
        low=value.interval.low if value.interval else None,
        high=value.interval.high if value.interval else None,
        has_interval=value.interval is not None,
        tone=charts.Tone.PLAIN if outcome is None else TONES.get(outcome, charts.Tone.ERROR),
    )


def _spoken(values: Sequence[MetricValue], limit: str, *bounds: float) -> str:
    """What the chart shows, for the ear: how many rows, against what, and each number that is printed in it."""
    against = _(", limit {limit}").format(limit=written(limit)) if limit else ""
    told = ngettext(
        "{rows} row with value and interval{against}: {numbers}.",
        "{rows} rows with value and interval{against}: {numbers}.",
        len(values),
    )
    numbers = "; ".join(
        f"{_place(value)} {measured(value, *bounds)} {spread(value.interval, *bounds)}".rstrip() for value in values
    )
    return told.format(rows=len(values), against=against, numbers=numbers)


def _place(value: MetricValue) -> str:
    return f"{value.feature}: {value.group}" if value.group else value.feature or _("overall")


def _estimated(values: Sequence[MetricValue]) -> tuple[MetricValue, ...]:
    """Those with a number; why another has none stands in the table."""
    return tuple(value for value in values if value.value is not None)


def of_lineage(document: ReportDocument) -> Picture | None:
    """The lineage picture, or None when no lineage was recorded."""
    facts = document.lineage
    if not facts.nodes:
        return None
    nodes = [
        charts.Node(
            id=node.id,
            kind=node.kind,
            label=node.label,
            detail=node.detail,
            problem=ours(node.problem),
            group=group_of(node.id),
        )
        for node in facts.nodes
    ]
    title = _("Lineage of the model version")
    wrong = sum(bool(node.problem) for node in facts.nodes)
    told = _("{nodes} datasets, jobs and models joined by {steps} steps; {wrong} with a problem.").format(
        nodes=sum(not node.group for node in nodes),
        steps=sum(not any(map(group_of, edge)) for edge in facts.edges),
        wrong=wrong,
    )
    features = sum(bool(node.group) for node in nodes)
    if features:
        told += " " + ngettext("{number} feature.", "{number} features.", features).format(number=features)
    svg = charts.lineage(nodes, facts.edges, title=title, description=told)
    return Picture(svg, f"{title}: {told}", told)


def of_decision(document: ReportDocument) -> Picture:
    """The way to the decision: registered, requested, reviewed, decided, valid until."""
    request, decision = document.request, document.decision
    events = [
        charts.Event(at=request.requested_at, title=_("Requested"), detail=_by(request.requested_by)),
        *(
            charts.Event(
                at=review.at,
                title=_("Review: {verdict}").format(verdict=ours(review.verdict)),
                detail=_by(review.name),
                tone=charts.Tone.SATISFIED if review.verdict == "approve" else charts.Tone.NOT_SATISFIED,
            )
            for review in document.reviews
            if review.counts
        ),
        charts.Event(
            at=decision.decided_at,
            title=_("Gate open") if decision.outcome == "open" else _("Gate closed"),
            detail=_("policy {policy}").format(policy=f"{document.policy.slug}/{document.policy.version}"),
            tone=charts.Tone.SATISFIED if decision.outcome == "open" else charts.Tone.NOT_SATISFIED,
        ),
    ]
    if document.subject.registered_at is not None:
        registered = charts.Event(
            at=document.subject.registered_at, title=_("Registered"), detail=_by(document.subject.author)
        )
        events.insert(0, registered)
    if decision.valid_until is not None:
        events.append(charts.Event(at=decision.valid_until, title=_("Decision ends"), detail=_("unless renewed")))
    told = "; ".join(f"{event.title} {event.detail}" for event in events)
    svg = charts.timeline(events, title=_("The way to the decision"), description=told)
    return Picture(svg, _("Timeline: {told}").format(told=told), _("The way to the decision. Times are UTC."))


def _by(name: str) -> str:
    return _("by {name}").format(name=name)
