"""Groups of people as SQL keys, their intersections, and the counting of cells by them. Worker only."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from audits.checks._cells import JOINED_BY, Bit, Cells, CellTable
from audits.checks._outcomes import Outcomes
from audits.checks._rows import NUMERIC, Rows, quoted
from audits.checks._weighing import weighing_of
from audits.checks.base import EvidenceError
from audits.counting.question import MISSING, Counted, CountQuestion, Key, Tally, count

MANY_NUMBERS = 12


@dataclass(frozen=True, slots=True)
class Groups:
    """The keys by column, and the sets of columns whose joint groups are compared: single ones first."""

    keys: Mapping[str, Key]
    sets: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]


def groups_of(
    rows: Rows,
    sensitive: Sequence[str],
    bands: Mapping[str, Sequence[float]],
    *,
    intersect: Sequence[str] = (),
    depth: int = 1,
    most: int = 1000,
) -> Groups:
    """Each sensitive column, all their intersections up to `depth`, and that of `intersect`.

    Raises EvidenceError: unknown column, bands for something that is no number, more than `most` groups in a column.
    """
    names = list(dict.fromkeys([*sensitive, *intersect]))
    keys, notes = {}, []
    for name in names:
        keys[name], note = _key(rows, name, bands.get(name))
        notes += note
        [(found,)] = rows.ask(f"SELECT count(DISTINCT {keys[name].native}) FROM {rows.values_of(name)}")
        if found > most:
            problem = f"holds {found} groups, more than the {most} of most_groups; give bands or a coarser column"
            raise EvidenceError(name, problem)
    sets = [joint for size in range(1, depth + 1) for joint in itertools.combinations(dict.fromkeys(sensitive), size)]
    if intersect and tuple(intersect) not in sets:
        sets.append(tuple(intersect))
    return Groups(keys, tuple(sets), tuple(notes))


def feature_name(columns: Sequence[str]) -> str:
    """How a set of columns, or of their values, is written."""
    return JOINED_BY.join(columns)


def tally_of(line: Counted, meaning: str) -> Tally:
    """The tally of a line; where weights are counts, each unit of weight is a row. What weighs 0 stands for nobody."""
    if not line.tally.weight:
        return Tally()
    if meaning == "counts":
        return Tally(int(line.tally.weight), line.tally.weight, line.tally.weight)
    return line.tally


def count_cells(outcomes: Outcomes, groups: Groups, weights: str) -> CellTable:
    """Count label by prediction in one pass over the rows."""
    weighing = weighing_of(outcomes, weights)
    question = CountQuestion(
        relation="outcomes",
        keys=groups.keys,
        outcomes={"label": "_label", "prediction": "_prediction"},
        sets=groups.sets,
        weighing=weighing,
    )
    features: dict[str, dict[str, dict[tuple[Bit, Bit], Tally]]] = {feature_name(one): {} for one in groups.sets}
    parts: dict[str, dict[str, tuple[str, ...]]] = {feature: {} for feature in features}
    for line in count(outcomes.rows.ask, question):
        feature, group = feature_name(line.keys), feature_name(line.groups)
        known = parts[feature].setdefault(group, line.groups)
        if known != line.groups:
            raise EvidenceError(
                feature, f"two groups are both written {group}; rename the values that hold {JOINED_BY}"
            )
        label, prediction = line.outcomes
        features[feature].setdefault(group, {})[label, prediction] = tally_of(line, weights)
    return CellTable(
        {feature: {group: Cells(found[group]) for group in sorted(found)} for feature, found in features.items()},
        {feature_name(one): one for one in groups.sets},
        parts,
        groups.notes,
        weighted=weighing.weight is not None and weights != "counts",
    )


def _key(rows: Rows, name: str, cuts: Sequence[float] | None) -> tuple[Key, list[str]]:
    """The key of a column, and what is to be said about it. Many different numbers are cut into bands."""
    column, place = rows.column(name), quoted(name)
    if column.type not in NUMERIC:
        if cuts is not None:
            raise EvidenceError(name, f"is declared {column.type}; only number and integer columns can have bands")
        return Key(place, f"coalesce(CAST({{}} AS VARCHAR), '{MISSING}')"), []
    note: list[str] = []
    if cuts is None:
        [(distinct,)] = rows.ask(f"SELECT count(DISTINCT {place}) FROM {rows.values_of(name)}")
        if distinct <= MANY_NUMBERS:
            whole = "{} = trunc({}) AND abs({}) < 1e15"
            text = f"CASE WHEN {whole} THEN CAST(CAST({{}} AS BIGINT) AS VARCHAR) ELSE CAST({{}} AS VARCHAR) END"
            return Key(place, f"coalesce({text.replace('{}', '{0}')}, '{MISSING}')"), []
        [(quartiles,)] = rows.ask(f"SELECT quantile_disc({place}, [0.25, 0.5, 0.75]) FROM typed")
        cuts = sorted({float(cut) for cut in quartiles})
        shown = ", ".join(number_text(cut) for cut in cuts)
        note = [f"{name} holds {distinct} different numbers and was cut at its quartiles {shown}; give bands to choose"]
    bounds = " ".join(f"WHEN {place} < {cut!r} THEN {index}" for index, cut in enumerate(cuts))
    names = [f"below {number_text(cuts[0])}"]
    names += [f"{number_text(low)} to below {number_text(high)}" for low, high in itertools.pairwise(cuts)]
    names.append(f"{number_text(cuts[-1])} and above")
    spelled = " ".join(f"WHEN {index} THEN '{text}'" for index, text in enumerate(names))
    native = f"CASE WHEN {place} IS NULL THEN NULL {bounds} ELSE {len(cuts)} END"
    return Key(native, f"CASE {{}} {spelled} ELSE '{MISSING}' END"), note


def number_text(value: float) -> str:
    """40 for 40.0, 0.5 for 0.5."""
    return str(int(value)) if value.is_integer() else repr(value)
