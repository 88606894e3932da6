"""Trains the two versions of the demo's model. Runs outside the web process: it needs scikit-learn and pandas."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_diabetes
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from skops import io as skops_io

from governance.demo.recipes import AGE_BANDS, DIABETES, Recipe, RecipeError, recipe_for

PROGRESSION_CUT = 140  # one year after baseline; the median of the measure is 140.5


@dataclass(frozen=True)
class Trained:
    """A fitted pipeline as skops bytes, with the features it asks for and its accuracy on the rows it learnt from."""

    content: bytes
    features: list[str]
    train_accuracy: float


@dataclass(frozen=True)
class Tables:
    """The whole export and its two halves. `columns` describes them for the registry."""

    recipe: Recipe
    export: pd.DataFrame
    train: pd.DataFrame
    evaluation: pd.DataFrame

    def columns(self) -> list[dict[str, Any]]:
        """Name, type and tags of each column, as a dataset version declares them."""
        return [
            {"name": name, "type": _type_of(self.export[name]), "tags": self._tags(name)}
            for name in self.export.columns
        ]

    def _tags(self, name: str) -> list[str]:
        if name == self.recipe.target:
            return ["target"]
        tags = ["sensitive"] if name in self.recipe.sensitive else []
        return tags if name == "age_band" else ["feature", *tags]


def load_tables(path: Path | None, **options: Any) -> Tables:
    """The shipped diabetes data, or the file at `path`. Raises RecipeError for a file that cannot be used."""
    if path is None:
        frame, recipe = _diabetes(), DIABETES
    else:
        frame = pd.read_csv(path, skipinitialspace=True, na_values=["?"])
        recipe = recipe_for(list(frame.columns), **options)
        frame = frame.drop(columns=[name for name in recipe.ignored if name in frame.columns])
        labels = frame[recipe.target].astype(str).str.strip().str.rstrip(".")
        if recipe.positive not in set(labels):
            raise RecipeError(f"No row has {recipe.target} = {recipe.positive!r}.")
        frame[recipe.target] = labels if labels.nunique() == 2 else np.where(labels == recipe.positive, labels, "other")  # noqa: PLR2004
    if recipe.age_column in frame.columns and "age_band" in recipe.sensitive:
        frame["age_band"] = _age_band(frame[recipe.age_column])
    for name, meanings in recipe.rename.items():
        frame[name] = frame[name].astype(str).map(meanings)
    order = np.random.default_rng(recipe.split_seed).permutation(len(frame))
    border = int(len(frame) * recipe.train_share)
    return Tables(recipe, frame, frame.iloc[order[:border]], frame.iloc[order[border:]])


def csv_of(frame: pd.DataFrame) -> bytes:
    """The table as CSV, the same bytes for the same table."""
    text = io.StringIO()
    frame.to_csv(text, index=False, lineterminator="\n")
    return text.getvalue().encode()


def train(rows: pd.DataFrame, features: Sequence[str], recipe: Recipe) -> Trained:
    """Fit a logistic regression on `rows`, with standardised numbers and one-hot categories."""
    numbers = [name for name in features if pd.api.types.is_numeric_dtype(rows[name])]
    words = [name for name in features if name not in numbers]
    prepare = ColumnTransformer(
        [
            ("numbers", Pipeline([("fill", SimpleImputer(strategy="median")), ("scale", StandardScaler())]), numbers),
            ("words", OneHotEncoder(handle_unknown="ignore", sparse_output=False), words),
        ]
    )
    model = Pipeline([("prepare", prepare), ("classify", LogisticRegression(C=0.3, max_iter=2000))])
    labels = rows[recipe.target].astype(str)
    table = rows[list(features)]
    model.fit(table, labels)
    return Trained(skops_io.dumps(model), list(features), float(model.score(table, labels)))


def _diabetes() -> pd.DataFrame:
    """442 real patients; the label is whether the disease progressed beyond the median within a year."""
    frame = load_diabetes(scaled=False, as_frame=True).frame.copy()
    frame["progressed"] = np.where(frame.pop("target") > PROGRESSION_CUT, "yes", "no")
    return frame


def _age_band(ages: pd.Series) -> pd.Series:
    edges = [start for start, _ in AGE_BANDS] + [200]
    return pd.cut(ages, edges, labels=[label for _, label in AGE_BANDS], right=False).astype(str)


def _type_of(column: pd.Series) -> str:
    if pd.api.types.is_integer_dtype(column):
        return "integer"
    return "number" if pd.api.types.is_numeric_dtype(column) else "string"
