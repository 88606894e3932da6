"""Records what SageMaker Clarify's library and statsmodels answer, for tests that run without them.

In an environment of its own: `pip install smclarify==0.5 statsmodels==0.15.0`, then run this file with that Python from
its folder. It draws the rows from a fixed seed, asks both libraries, and writes `recorded_statistics.json` beside
itself: rows, versions and answers.
"""

from __future__ import annotations

import importlib.metadata
import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from smclarify.bias import metrics
from statsmodels.stats.contingency_tables import StratifiedTable

FOLDER = Path(__file__).resolve().parent
OF_LABELS = ("KL", "JS", "LP", "TVD", "KS")


def drawn() -> dict[str, list[Any]]:
    """500 people in three groups and four strata, with unlike rates."""
    chosen = random.Random(31)
    group = [chosen.choice("aabbbc") for _ in range(500)]
    stratum = [chosen.choice("uvwx") for _ in range(500)]
    label = [int(chosen.random() < 0.35 + 0.2 * (g == "a") + 0.1 * (t == "u")) for g, t in zip(group, stratum)]
    decision = [int(chosen.random() < 0.3 + 0.3 * y - 0.1 * (g == "c")) for y, g in zip(label, group)]
    return {"g": group, "t": stratum, "y": label, "p": decision}


def ask_clarify(rows: dict[str, list[Any]]) -> dict[str, dict[str, float]]:
    """Its pre-training list of each group as the disadvantaged facet."""
    frame = pd.DataFrame(rows)
    positive = frame["y"] == 1
    answers = {}
    for group in sorted(set(rows["g"])):
        facet = frame["g"] == group
        found = {name: getattr(metrics, name)(frame["y"], facet) for name in OF_LABELS}
        found["CI"] = metrics.CI(frame["g"], facet)
        found["DPL"] = metrics.DPL(frame["g"], facet, positive)
        found["CDDL"] = metrics.CDDL(frame["g"], facet, positive, frame["t"])
        answers[group] = {name: float(value) for name, value in found.items()}
    return answers


def ask_statsmodels(rows: dict[str, list[Any]]) -> dict[str, dict[str, float]]:
    """Each group beside the rest within the strata, by decision."""
    frame = pd.DataFrame(rows)
    answers = {}
    for group in sorted(set(rows["g"])):
        tables = []
        for _, own in frame.groupby("t"):
            inside = own["g"] == group
            tables.append(
                np.array(
                    [[((own["p"] == bit) & (inside == member)).sum() for bit in (1, 0)] for member in (True, False)]
                )
            )
        found = StratifiedTable(tables)
        low, high = found.oddsratio_pooled_confint()
        answers[group] = {
            "odds_ratio": float(found.oddsratio_pooled),
            "low": float(low),
            "high": float(high),
            "p_value": float(found.test_null_odds(correction=False).pvalue),
            "homogeneity": float(found.test_equal_odds(adjust=True).pvalue),
        }
    return answers


if __name__ == "__main__":
    rows = drawn()
    versions = {name: importlib.metadata.version(name) for name in ("smclarify", "statsmodels")}
    answer = {"versions": versions, "rows": rows, "clarify": ask_clarify(rows), "statsmodels": ask_statsmodels(rows)}
    (FOLDER / "recorded_statistics.json").write_text(json.dumps(answer) + "\n")
