"""Outcomes counted by stratum and group, and what lies above the median. Worker only."""

from __future__ import annotations

from collections.abc import Sequence

from audits.checks._grouping import Groups, feature_name, groups_of, tally_of
from audits.checks._outcomes import Outcomes, weight_of
from audits.checks.grouping import GroupingParameters, parse_bands
from audits.counting.question import CountQuestion, Tally, count


def count_by_stratum(
    outcomes: Outcomes, sensitive: Sequence[str], strata: Sequence[str], outcome: str, parameters: GroupingParameters
) -> dict[str, dict[str, dict[str, dict[object, Tally]]]]:
    """Feature -> stratum -> group -> value of `outcome` (SQL) -> tally. Without strata there is one, named ""."""
    bands = parse_bands(parameters.bands)
    groups: Groups = groups_of(outcomes.rows, sensitive, bands, depth=parameters.depth, most=parameters.most_groups)
    layers: Groups = groups_of(outcomes.rows, strata, bands, most=parameters.most_groups)
    question = CountQuestion(
        relation="outcomes",
        keys={**layers.keys, **groups.keys},
        outcomes={"outcome": outcome},
        sets=tuple((*dict.fromkeys([*strata, *one]),) for one in groups.sets),
        weight=weight_of(outcomes, parameters.weights),
    )
    names = dict(zip(question.sets, groups.sets, strict=True))
    found: dict[str, dict[str, dict[str, dict[object, Tally]]]] = {feature_name(one): {} for one in groups.sets}
    for line in count(outcomes.rows.ask, question):
        values = dict(zip(line.keys, line.groups, strict=True))
        stratum = feature_name([values[name] for name in strata])
        group = feature_name([values[name] for name in names[line.keys]])
        cells = found[feature_name(names[line.keys])].setdefault(stratum, {}).setdefault(group, {})
        cells[line.outcomes[0]] = cells.get(line.outcomes[0], Tally()) + tally_of(line, parameters.weights)
    return found


def above_the_middle(outcomes: Outcomes) -> tuple[str, float]:
    """SQL of "scores above the median" and the median; a score at the median is not above it."""
    [(middle,)] = outcomes.rows.ask("SELECT quantile_cont(_score, 0.5) FROM outcomes")
    return f"CASE WHEN _score IS NULL THEN NULL WHEN _score > {middle!r} THEN 1 ELSE 0 END", float(middle)
