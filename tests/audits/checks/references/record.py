"""Records what Aequitas and AIF360 answer, for tests that run without them.

In an environment of its own: `pip install aequitas==1.1.0 aif360==0.6.1`, then run this file with that Python from its
folder. It draws the rows from a fixed seed, asks both libraries, and writes `recorded.json` beside itself: rows,
versions and answers.
"""

from __future__ import annotations

import importlib.metadata
import json
import random
from pathlib import Path
from typing import Any

import pandas as pd
from aequitas.group import Group
from aif360.datasets import BinaryLabelDataset
from aif360.metrics import BinaryLabelDatasetMetric, ClassificationMetric

FOLDER = Path(__file__).resolve().parent
AEQUITAS = ["tpr", "tnr", "fpr", "fnr", "for", "fdr", "precision", "npv", "pprev", "prev", "group_size"]
AIF360 = [
    "mean_difference",
    "disparate_impact",
    "average_odds_difference",
    "equal_opportunity_difference",
    "true_positive_rate_difference",
    "false_positive_rate_difference",
    "generalized_entropy_index",
    "theil_index",
]


def drawn() -> dict[str, list[int]]:
    """400 people, two groups with unlike rates."""
    chosen = random.Random(20)
    group = [chosen.randrange(2) for _ in range(400)]
    label = [int(chosen.random() < 0.3 + 0.2 * g) for g in group]
    decision = [int(chosen.random() < 0.25 + 0.4 * y + 0.1 * g) for y, g in zip(label, group)]
    return {"g": group, "y": label, "p": decision}


def ask_aequitas(rows: dict[str, list[int]]) -> dict[str, dict[str, float]]:
    """Its crosstabs, by group."""
    frame = pd.DataFrame({"label_value": rows["y"], "score": rows["p"], "g": [str(g) for g in rows["g"]]})
    table, _ = Group().get_crosstabs(frame, attr_cols=["g"])
    return {line["attribute_value"]: {name: float(line[name]) for name in AEQUITAS} for _, line in table.iterrows()}


def ask_aif360(rows: dict[str, list[int]]) -> dict[str, float]:
    """Its differences, group 0 (unprivileged) minus group 1."""

    def dataset(column: str) -> Any:
        frame = pd.DataFrame({"g": rows["g"], "label": rows[column]})
        return BinaryLabelDataset(df=frame, label_names=["label"], protected_attribute_names=["g"])

    groups = {"unprivileged_groups": [{"g": 0}], "privileged_groups": [{"g": 1}]}
    both = ClassificationMetric(dataset("y"), dataset("p"), **groups)
    decided = BinaryLabelDatasetMetric(dataset("p"), **groups)
    return {
        name: float(getattr(decided if name in {"mean_difference", "disparate_impact"} else both, name)())
        for name in AIF360
    }


if __name__ == "__main__":
    rows = drawn()
    versions = {name: importlib.metadata.version(name) for name in ("aequitas", "aif360")}
    answer = {"versions": versions, "rows": rows, "aequitas": ask_aequitas(rows), "aif360": ask_aif360(rows)}
    (FOLDER / "recorded.json").write_text(json.dumps(answer) + "\n")
