"""Published figures of well-known data sets, found again by the checks themselves.

The figures and their recipes stand in the notes beside the data. Where a figure holds only under one reading, the test
says under which.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier

from audits.checks.data_quality_columns import ColumnQuality
from audits.checks.fairness_dataset_bias import DatasetBias
from audits.checks.lineage_leakage import Leakage
from audits.checks.lineage_special_categories import SpecialCategories
from audits.evidence import DatasetEvidence
from tests.audits.checks.evidence_files import dataset, evidence, measured, number, the

DATA = Path(__file__).parents[4] / "shared" / "data"
ADULT = ("adult/adult.data", "adult/adult.test")
ADULT_NUMBERS = frozenset({"age", "fnlwgt", "education-num", "capital-gain", "capital-loss", "hours-per-week"})
Declared = Mapping[str, tuple[str, tuple[str, ...]]]


def published(name: str) -> list[dict[str, str]]:
    path = DATA / name
    if not path.exists():
        pytest.skip(f"the shared data file {name} is not on this machine")
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream, skipinitialspace=True))


def columns_of(rows: list[dict[str, str]]) -> dict[str, list[str]]:
    return {name: [row[name] for row in rows] for name in rows[0]}


def adult(folder: Path, name: str, role: str, *, without: tuple[str, ...] = ()) -> DatasetEvidence:
    """A part of Adult, every column a feature but the target; `?` is kept as a value, as in the published counts."""
    columns = {key: values for key, values in columns_of(published(name)).items() if key not in without}
    declared = {key: ("integer" if key in ADULT_NUMBERS else "string", ("feature",)) for key in columns}
    if "classification" in columns:
        declared["classification"] = ("string", ("target",))
    return dataset(folder / f"{role}.csv", columns, declared, role)


# How many rows, and how many of them twice ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "rows", "repeated"),
    [
        (ADULT, 48_842, 52),
        (("german/german_data_credit.csv",), 1000, 0),
        (("credit_default/credit-card-clients.csv",), 30_000, 35),
        (("communities/communities_crime.csv",), 1994, 0),
        (("student/student_por_new.csv",), 649, 0),
    ],
    ids=["adult", "german", "credit_default", "communities", "student"],
)
def test_every_file_has_its_rows_and_its_duplicates(
    tmp_path: Path, names: tuple[str, ...], rows: int, repeated: int
) -> None:
    columns = columns_of([row for name in names for row in published(name)])
    declared: Declared = dict.fromkeys(columns, ("string", ("feature",)))
    answer = measured(ColumnQuality(), evidence(dataset(tmp_path / "e.csv", columns, declared, "evaluation")))
    assert number(answer, "rows_total") == rows
    assert number(answer, "duplicate_row_fraction") * rows == pytest.approx(repeated)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("without", "common"), [(("classification",), 26), ((), 23)], ids=["the person", "the person and the income"]
)
def test_the_people_of_the_adult_test_file_who_were_trained_on(
    tmp_path: Path, without: tuple[str, ...], common: int
) -> None:
    """The published 26 compares people and not their income: three of them have the other label in the other file."""
    train, test = (
        adult(tmp_path, name, role, without=without) for name, role in zip(ADULT, ("train", "evaluation"), strict=True)
    )
    given = evidence(train, test, signature={"target": "classification", "positive_label": ">50K"})
    quality = measured(ColumnQuality(), given, resamples=200)
    assert number(quality, "train_evaluation_overlap_fraction") * 16_281 == pytest.approx(common)
    assert number(measured(Leakage(), given), "exact_overlap_fraction") * 16_281 == pytest.approx(common)


# Drift that is none ---------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_two_files_of_adult_hardly_drift(tmp_path: Path) -> None:
    """The published bound, .000577, is the value of age, the largest of all but four columns.

    Of those four education has sixteen values, so no binning is left to choose and its value is that of the formula;
    the bound cannot have been meant for it.
    """
    train, test = (adult(tmp_path, name, role) for name, role in zip(ADULT, ("train", "evaluation"), strict=True))
    given = evidence(train, test, signature={"target": "classification", "positive_label": ">50K"})
    answer = measured(ColumnQuality(), given, resamples=200)
    drift = {value.feature: value.value or 0.0 for value in answer.of("drift_psi")}
    assert len(drift) == 14
    assert drift["age"] == pytest.approx(0.000577, abs=5e-7)
    beyond = {name for name, value in drift.items() if value > drift["age"]}
    assert beyond == {"fnlwgt", "education", "occupation", "native-country"}
    assert number(answer, "worst_drift_psi") < 0.002
    shares = [pd.Series([row["education"] for row in published(name)]).value_counts(normalize=True) for name in ADULT]
    p, q = shares[0].align(shares[1])
    assert drift["education"] == pytest.approx(float(((q - p) * np.log(q / p)).sum()), abs=1e-12)


# Sex in disguise ------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    ("without", "published_area", "strongest"),
    [((), 0.93, "relationship"), (("relationship", "marital-status"), 0.81, "occupation")],
    ids=["all columns", "without the family"],
)
def test_sex_is_told_from_the_other_columns_of_adult(
    tmp_path: Path, without: tuple[str, ...], published_area: float, strongest: str
) -> None:
    """The published areas are those of all columns together, which the check measures once they are one feature.

    That feature is the answer of a model that was fitted on the training file. Each column by itself tells less, and
    the check names the one that tells most.
    """
    frames = [pd.DataFrame(columns_of(published(name))).drop(columns=["classification", *without]) for name in ADULT]
    both = pd.concat(frames, ignore_index=True)
    sex = both.pop("sex")
    coded = np.column_stack(
        [
            both[name].astype(float) if name in ADULT_NUMBERS else both[name].astype("category").cat.codes
            for name in both
        ]
    )
    fitted = len(frames[0])
    model = HistGradientBoostingClassifier(max_iter=60, random_state=0).fit(coded[:fitted], sex[:fitted])
    columns = {
        "sex": sex[fitted:].tolist(),
        "together": model.predict_proba(coded[fitted:])[:, 1].tolist(),
        **{name: both[name][fitted:].tolist() for name in both},
    }
    declared: Declared = {
        "sex": ("string", ("sensitive",)),
        "together": ("number", ("feature",)),
        **{name: ("integer" if name in ADULT_NUMBERS else "string", ("feature",)) for name in both},
    }
    nodes = [
        {"id": "dataset:evaluation/1", "kind": "dataset", "facts": {"columns": [{"name": name} for name in declared]}},
        {"id": "model:risk/1", "kind": "model", "facts": {}},
    ]
    edges = [{"source": "dataset:evaluation/1", "target": "model:risk/1", "role": "derived"}]
    given = evidence(
        dataset(tmp_path / "e.csv", columns, declared, "evaluation"),
        lineage={"root": "model:risk/1", "nodes": nodes, "edges": edges},
    )
    answer = measured(SpecialCategories(), given, resamples=200)
    assert number(answer, "proxy_auc", "together", "sex") == pytest.approx(published_area, abs=0.01)
    alone = {value.feature: value.value or 0.0 for value in answer.of("proxy_auc") if value.feature != "together"}
    assert max(alone, key=lambda name: alone[name]) == strongest
    assert alone[strongest] < published_area - 0.04


# Bias in labels -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("cut", "expected"), [("25", -0.128550), ("26", -0.149448)])
def test_german_credit_has_the_mean_difference_of_the_aif360_tutorial(
    tmp_path: Path, cut: str, expected: float
) -> None:
    rows = published("german/german_data_credit.csv")
    declared: Declared = {"y": ("integer", ("target",)), "age": ("integer", ("sensitive",))}
    columns = {"y": [row["class-label"] for row in rows], "age": [row["age"] for row in rows]}
    answer = measured(
        DatasetBias(), evidence(dataset(tmp_path / "train.csv", columns, declared, "train")), bands=[f"age={cut}"]
    )
    assert -number(answer, "label_difference", "age", f"below {cut}") == pytest.approx(expected, abs=5e-7)


def test_the_tutorials_random_half_has_its_printed_difference(tmp_path: Path) -> None:
    rows = published("german/german_data_credit.csv")
    np.random.seed(0)  # noqa: NPY002 - the tutorial's own generator
    chosen = [rows[index] for index in np.random.permutation(1000)[:700]]  # noqa: NPY002
    declared: Declared = {"y": ("integer", ("target",)), "age": ("integer", ("sensitive",))}
    columns = {"y": [row["class-label"] for row in chosen], "age": [row["age"] for row in chosen]}
    answer = measured(
        DatasetBias(), evidence(dataset(tmp_path / "train.csv", columns, declared, "train")), bands=["age=25"]
    )
    assert -number(answer, "label_difference", "age", "below 25") == pytest.approx(-0.169905, abs=5e-7)


def test_reweighing_brings_the_tutorials_difference_to_nothing(tmp_path: Path) -> None:
    """Kamiran & Calders (2012): each row weighs P(group) P(label) / P(group, label), as in the AIF360 tutorial."""
    rows = published("german/german_data_credit.csv")
    np.random.seed(0)  # noqa: NPY002 - the tutorial's own generator
    chosen = [rows[index] for index in np.random.permutation(1000)[:700]]  # noqa: NPY002
    y, age = (np.array([int(row[name]) for row in chosen]) for name in ("class-label", "age"))
    young, good = age < 25, y == 1
    weights = [
        ((young == group).mean() * (good == label).mean()) / ((young == group) & (good == label)).mean()
        for group, label in zip(young, good, strict=True)
    ]
    declared: Declared = {
        "y": ("integer", ("target",)),
        "age": ("integer", ("sensitive",)),
        "w": ("number", ("weight",)),
    }
    columns = {"y": y.tolist(), "age": age.tolist(), "w": [float(weight) for weight in weights]}
    answer = measured(
        DatasetBias(), evidence(dataset(tmp_path / "train.csv", columns, declared, "train")), bands=["age=25"]
    )
    assert number(answer, "label_difference", "age", "below 25") == pytest.approx(0, abs=1e-12)


def test_adult_has_its_published_share_of_high_incomes(tmp_path: Path) -> None:
    rows = published("adult/adult.data") + published("adult/adult.test")
    known = [row for row in rows if "?" not in row.values()]
    for these, count, share in ((rows, 48_842, 0.2393), (known, 45_222, 0.2478)):
        declared: Declared = {"y": ("integer", ("target",)), "sex": ("string", ("sensitive",))}
        columns = {"y": [int(row["classification"] == ">50K") for row in these], "sex": [row["sex"] for row in these]}
        answer = measured(DatasetBias(), evidence(dataset(tmp_path / "train.csv", columns, declared, "train")))
        table = answer.tables["labels"].rows
        assert sum(row[4] for row in table) == count
        assert sum(row[4] for row in table if row[3] == 1) / count == pytest.approx(share, abs=5e-5)


@pytest.mark.parametrize(
    ("name", "label", "favourable", "least", "most"),
    [
        ("student/student_por_new.csv", "class", "High", 0.1, 0.3),
        ("adult/adult.data", "classification", ">50K", 0.0, 0.02),
    ],
    ids=["649 students", "32,561 adults"],
)
def test_a_small_file_has_a_wide_interval_and_a_large_one_a_narrow_one(
    tmp_path: Path, name: str, label: str, favourable: str, least: float, most: float
) -> None:
    rows = published(name)
    columns = {"y": [row[label] for row in rows], "sex": [row["sex"] for row in rows]}
    declared: Declared = {"y": ("string", ("target",)), "sex": ("string", ("sensitive",))}
    given = evidence(
        dataset(tmp_path / "train.csv", columns, declared, "train"), signature={"positive_label": favourable}
    )
    answer = measured(DatasetBias(), given)
    frame = pd.DataFrame(columns)
    rates = (frame.y == favourable).groupby(frame.sex).mean()
    gap = the(answer, "label_difference_range", "sex")
    assert gap.value == pytest.approx(rates.max() - rates.min())
    assert gap.interval is not None
    assert gap.interval.low is not None
    assert gap.interval.high is not None
    assert least < gap.interval.high - gap.interval.low < most
