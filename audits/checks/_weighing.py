"""What the column tagged weight makes of the rows, examined before anything is weighed. Worker only."""

from __future__ import annotations

from audits.checks._condensed import SQUARES, TIMES, UNFIT, WEIGHT, unfit
from audits.checks._outcomes import Outcomes
from audits.checks._rows import Rows, quoted
from audits.checks.base import EvidenceError
from audits.counting.question import Weighing


def weighing_of(outcomes: Outcomes, meaning: str) -> Weighing:
    """How the lines of `outcomes` are weighed, condensed or not. Raises EvidenceError as `weight_of` does."""
    weight = weight_of(outcomes.rows, meaning)
    if not outcomes.rows.condensed:
        return Weighing(weight=weight)
    return Weighing(TIMES) if weight is None else Weighing(TIMES, WEIGHT, SQUARES)


def weight_of(rows: Rows, meaning: str) -> str | None:
    """SQL of the weight of a row, or None where every row counts once. `meaning` is sampling, counts or ignored.

    Raises EvidenceError: counts without a column of weights; a weight that is missing, negative or, for counts, broken.
    """
    name = rows.one_tagged("weight")
    if meaning == "ignored":
        return None
    if name is None:
        if meaning == "counts":
            raise EvidenceError("weight", "no column is tagged weight, so the rows cannot be counts")
        return None
    rows.require_numeric(name, "weight")
    summed = f"sum({UNFIT}), sum({WEIGHT}) FROM condensed"
    if not rows.condensed:
        summed = f"count(*) FILTER (WHERE {unfit(name, meaning)}), sum({quoted(name)}) FROM typed"
    [(wrong, total)] = rows.ask(f"SELECT {summed}")
    if wrong:
        whole = " whole" if meaning == "counts" else ""
        raise EvidenceError(
            name, f"is the weight and must be a{whole} number of at least 0 in every row; {wrong} are not"
        )
    if not total:
        raise EvidenceError(name, "is the weight and 0 in every row, so nothing counts")
    return quoted(name)
