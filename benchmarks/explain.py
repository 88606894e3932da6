"""Explanations: our explainers beside plain shap, and the whole check beside explaining every row.

`python -m benchmarks.explain [--rows 1000] [--rounds 3] [--background 100]`

The data is Adult (48,842 x 14) where `../shared/data/adult` lies beside the repository, else made up in the same shape.
shap is called as its introduction does: `TreeExplainer(model, background)`, and `TreeExplainer(model)` for the
path-dependent game, which is another one. Beside our attributions alone stand those with the answer of the real model,
against which the check holds every sum; shap is not asked for that. Linear models are explained for all rows, forests
for as many as the check's first batch: our cost is in the leaves and hardly grows with the rows, so fewer would flatter
shap. Contenders take turns; medians and the spread are shown, CPU seconds
throughout. The last tables are the check as a whole, in a process of its own, on one XGBoost model: beside its
explainer alone and beside plain shap on the same rows, in turns; and what each part of it costs, by the profiler.
"""

from __future__ import annotations

import argparse
import cProfile
import json
import pstats
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
import shap
import xgboost
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression

from audits.checks._attribute import explain, explainer_for
from audits.checks._sampling import FIRST_BATCH
from audits.checks._tasks import Task
from audits.checks.explainability_shap import ShapExplanation
from audits.checks.scorers import read_artifact
from audits.evidence import Column, DatasetEvidence, Evidence, ModelEvidence
from registry.canonical import digest_file

ADULT = Path(__file__).resolve().parents[2] / "shared" / "data" / "adult"
ROWS, COLUMNS, TREES = 48_842, 14, 100


def adult() -> tuple[pd.DataFrame, np.ndarray[Any, Any]]:
    """Fourteen numeric columns (text as codes) and a label."""
    if ADULT.is_dir():
        parts = [pd.read_csv(ADULT / name, skipinitialspace=True) for name in ("adult.data", "adult.test")]
        frame = pd.concat(parts, ignore_index=True)
        label = frame.pop("classification").str.startswith(">50K").astype(int).to_numpy()
        for name in frame.columns:
            if not pd.api.types.is_numeric_dtype(frame[name]):
                frame[name] = pd.factorize(frame[name], sort=True)[0]
        return frame.astype(float).rename(columns=lambda name: name.replace("-", "_")), label
    middle, noise, cut = 30, 20, 45
    dice = np.random.default_rng(0)
    frame = pd.DataFrame(dice.integers(0, 60, (ROWS, COLUMNS)).astype(float), columns=[f"x{i}" for i in range(COLUMNS)])
    return frame, (frame["x0"] + frame["x1"] * (frame["x2"] > middle) + dice.normal(0, noise, ROWS) > cut).astype(
        int
    ).to_numpy()


def models(frame: pd.DataFrame, label: Any, folder: Path) -> dict[str, tuple[Any, Any]]:
    """Name to (what we ask, what shap is given)."""
    found: dict[str, tuple[Any, Any]] = {}
    for name, model in (
        ("linear", LogisticRegression(max_iter=2000)),
        ("histogram boosting", HistGradientBoostingClassifier(max_iter=TREES, random_state=0)),
        ("random forest, depth 10", RandomForestClassifier(TREES, max_depth=10, random_state=0, n_jobs=1)),
    ):
        model.fit(frame, label)
        found[name] = (model, model)
    boosted = xgboost.train({"objective": "binary:logistic", "nthread": 1}, xgboost.DMatrix(frame, label), TREES)
    boosted.save_model(folder / "m.json")
    found["xgboost"] = (read_artifact(evidence_of(folder / "m.json", "xgboost-json", frame)), boosted)
    light = lightgbm.train(
        {"objective": "binary", "num_threads": 1, "verbosity": -1}, lightgbm.Dataset(frame, label), TREES
    )
    light.save_model(folder / "m.txt")
    found["lightgbm"] = (read_artifact(evidence_of(folder / "m.txt", "lightgbm-text", frame)), light)
    return found


def evidence_of(path: Path, form: str, frame: pd.DataFrame) -> ModelEvidence:
    """The file as a binary model of these columns."""
    signature = {
        "task": "binary_classification",
        "features": list(frame.columns),
        "target": "y",
        "positive_label": 1,
        "threshold": 0.5,
    }
    return ModelEvidence(name="adult/1", digest=digest_file(path), format=form, path=path, signature=signature)


def seconds(work: Callable[[], Any]) -> float:
    """CPU seconds of one call."""
    started = time.process_time()
    work()
    return time.process_time() - started


def side_by_side(options: argparse.Namespace, folder: Path) -> None:
    """Rows a second of each explainer on each model."""
    frame, label = adult()
    rows = frame.sample(options.rows, random_state=1).reset_index(drop=True)
    background = frame.sample(options.background, random_state=2).reset_index(drop=True)
    sys.stdout.write(
        f"| {options.rows} rows, {len(background)} background rows | ours rows/s | shap rows/s | ratio | "
        "with the real model's answer | shap path-dependent rows/s | largest difference |\n"
        "|---|---|---|---|---|---|---|\n"
    )
    for name, (ours, theirs) in models(frame, label, folder).items():
        few = rows.iloc[:FIRST_BATCH] if "forest" in name else frame if name == "linear" else rows
        speed, apart = _contest(ours, theirs, few, background, options.rounds)
        sys.stdout.write(
            f"| {name} | {speed['ours']:,.0f} | {speed['shap']:,.0f} | {speed['ours'] / speed['shap']:.1f} | "
            f"{speed['checked']:,.0f} | {speed.get('path', float('nan')):,.0f} | {apart:.1e} |\n"
        )
        sys.stdout.flush()


def _contest(
    ours: Any, theirs: Any, few: pd.DataFrame, background: pd.DataFrame, rounds: int
) -> tuple[dict[str, float], float]:
    """(rows a second by contender, largest difference between the two interventional answers)."""
    task = Task("binary_classification", tuple(few.columns), "y", "1", 0.5)
    masker = shap.maskers.Independent(background, max_samples=len(background))
    mine = explainer_for(ours, task)
    contenders: dict[str, Callable[[], Any]] = {
        "ours": lambda: mine.explain(few, background, 1)[1][..., 0],
        "checked": lambda: explain(mine, few, background, 1).phi[..., 0],
    }
    if isinstance(theirs, LogisticRegression):
        linear = shap.LinearExplainer(theirs, masker)
        contenders["shap"] = lambda: linear.shap_values(few)
    else:
        plain, path = shap.TreeExplainer(theirs, masker), shap.TreeExplainer(theirs)
        contenders["shap"] = lambda: plain.shap_values(few, check_additivity=False)
        contenders["path"] = lambda: path.shap_values(few, check_additivity=False)
    times: dict[str, list[float]] = {name: [] for name in contenders}
    answers: dict[str, Any] = {}
    for _round in range(rounds):
        for name, work in contenders.items():
            started = time.process_time()
            answers[name] = np.asarray(work())
            times[name].append(time.process_time() - started)
    values = answers["shap"][..., 1] if answers["shap"].ndim > answers["ours"].ndim else answers["shap"]
    speed = {name: len(few) / statistics.median(found) for name, found in times.items()}
    return speed, float(np.abs(values - answers["ours"]).max())


def prepared(folder: Path) -> Evidence:
    """Adult as evidence on disk, with an XGBoost model."""
    frame, label = adult()
    boosted = xgboost.train({"objective": "binary:logistic", "nthread": 1}, xgboost.DMatrix(frame, label), TREES)
    boosted.save_model(folder / "m.json")
    path = folder / "adult.parquet"
    frame.assign(y=label).to_parquet(path)
    columns = tuple(
        Column(name, "number", ("feature", "sensitive") if name == "sex" else ("feature",)) for name in frame
    )
    held = DatasetEvidence(
        role="evaluation",
        name="adult/1",
        digest=digest_file(path),
        path=path,
        media_type="application/vnd.apache.parquet",
        columns=(*columns, Column("y", "integer", ("target",))),
    )
    return Evidence(model=evidence_of(folder / "m.json", "xgboost-json", frame), datasets={"evaluation": held}, seed=7)


def whole(folder: Path, rounds: int) -> None:
    """The check, its explainer alone on the same rows, and plain shap on a twentieth of all rows."""
    evidence = prepared(folder)
    check = ShapExplanation()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    answer = check.measure(evidence, check.Parameters())  # warm
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    explained = int(answer.of("rows_explained")[0].value or 0)
    frame, _ = adult()
    background, part = frame.sample(100, random_state=2), frame.iloc[: ROWS // 20]
    task = Task("binary_classification", tuple(frame.columns), "y", "1", 0.5)
    explainer = explainer_for(read_artifact(evidence.model), task)
    booster = xgboost.Booster(model_file=str(folder / "m.json"))
    plain, path = shap.TreeExplainer(booster, background), shap.TreeExplainer(booster)
    contenders: dict[str, Callable[[], Any]] = {
        "check": lambda: check.measure(evidence, check.Parameters()),
        "explainer": lambda: explain(explainer, frame.iloc[:explained], background, 1),
        "shap": lambda: plain.shap_values(part, check_additivity=False),
        "path": lambda: path.shap_values(part, check_additivity=False),
    }
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for _round in range(rounds):
        for name, work in contenders.items():
            times[name].append(seconds(work))
    spent = {name: statistics.median(found) for name, found in times.items()}
    on_its_rows = {name: spent[name] * explained / len(part) for name in ("shap", "path")}
    found = {
        "rows explained": explained,
        "share half-width": round(answer.of("share_half_width")[0].value or 0, 4),
        "CPU s, lowest, median and highest": {
            name: [round(bound, 2) for bound in (min(taken), spent[name], max(taken))] for name, taken in times.items()
        },
        "check / its explainer alone on these rows": round(spent["check"] / spent["explainer"], 2),
        "check / plain shap on these rows": round(spent["check"] / on_its_rows["shap"], 3),
        "check / path-dependent shap on these rows": round(spent["check"] / on_its_rows["path"], 2),
        "plain shap on all rows / check": round(spent["shap"] * ROWS / len(part) / spent["check"], 1),
        "peak memory above imports, MB": (peak - before) >> 10,
    }
    sys.stdout.write(json.dumps(found, indent=2) + "\n")
    _parts(contenders["check"])


#: Functions of the check, none inside another, and what they are called in the table.
_PARTS = {
    ("__init__", "read_artifact"): "reading and examining the model file",
    ("_rows", "open_rows"): "reading the rows",
    ("_rows", "frame"): "the rows as columns of the model",
    ("_sampling", "explain_until"): "the explainer, with the real model's answers",
    ("_shares", "__init__"): "shares with their intervals",
    ("_shares", "by_group"): "shares by group with their intervals",
    ("_faithfulness", "__init__"): "the trial rows explained",
    ("_faithfulness", "_stability"): "stability of ranks and reasons, with intervals",
    ("_faithfulness", "_rerun"): "the trial rows explained again",
    ("_faithfulness", "_faithfulness"): "deletion, insertion and random order",
    ("_faithfulness", "_agreement"): "the second method, with its interval",
    ("_faithfulness", "_randomisation"): "three models that forgot",
    ("_crosscheck", "beside_shap"): "shap's own explainer beside ours, on 20 rows",
    ("_effects", "effects"): "accumulated local effects",
    ("_effects", "swarm"): "single attributions",
    ("_cases", "cases"): "typical and borderline cases",
    ("_shares", "associations"): "proxies",
    ("_effects", "strongest_correlation"): "correlated features",
}


def _parts(work: Callable[[], Any]) -> None:
    """Shares of the profiled time; the profiler itself weighs on what makes many calls."""
    profile = cProfile.Profile()
    profile.runcall(work)
    found = pstats.Stats(profile)
    spent = {(Path(file).stem, name): row[3] for (file, _, name), row in found.stats.items() if "/checks/" in file}
    sys.stdout.write("| part of the check | share of its time |\n|---|---|\n")
    for part, words in _PARTS.items():
        sys.stdout.write(f"| {words} | {spent[part] / found.total_tt:.1%} |\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Both tables."""
    parser = argparse.ArgumentParser(description="Explanations beside plain shap")
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--background", type=int, default=100)
    parser.add_argument("--whole", action="store_true", help="only the check as a whole, in this process")
    options = parser.parse_args(arguments)
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        if options.whole:
            whole(Path(folder), options.rounds)
            return 0
        side_by_side(options, Path(folder))
    return subprocess.run(
        [sys.executable, "-m", "benchmarks.explain", "--whole", "--rounds", str(options.rounds)], check=False
    ).returncode


if __name__ == "__main__":
    sys.exit(main())
