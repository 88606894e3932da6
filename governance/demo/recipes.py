"""What the demo needs to know of a data file: its label, its sensitive columns, and what it would be used for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

AGE_BANDS = ((0, "under 45"), (45, "45-59"), (60, "60-69"), (70, "70 and over"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How to make a classification task of one table.

    `shortcut` are the features of the first, careless version, cut at `shortcut_threshold` because that is the default;
    `positive` is the label that is predicted; `rename` gives codes their meaning; `threshold` is where the second
    version's score becomes a decision, and why is said in `threshold_reason`.
    """

    slug: str
    name: str
    purpose: str
    affected: str
    source: str
    licence: str
    target: str
    positive: str
    sensitive: tuple[str, ...]
    shortcut: tuple[str, ...]
    age_column: str = "age"
    ignored: tuple[str, ...] = ()
    special_categories: tuple[str, ...] = ()
    collected_from: str | None = None
    rename: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    shortcut_threshold: float = 0.5
    threshold: float = 0.5
    threshold_reason: str = ""
    train_share: float = 0.4
    split_seed: int = 0


DIABETES = Recipe(
    slug="care-priority",
    name="Care programme priority",
    purpose="Propose which diabetes patients a nurse of the care programme should call first. A nurse decides.",
    affected="Adult diabetes patients of the region",
    source="Efron, Hastie, Johnstone, Tibshirani: Least Angle Regression (2004), as shipped with scikit-learn",
    licence="BSD-3-Clause",
    target="progressed",
    positive="yes",
    sensitive=("sex", "age_band"),
    shortcut=("age",),
    special_categories=("health",),
    # The programme has places for about half of all patients; the median of the progression measure is 140.5.
    rename={"sex": {"1.0": "sex 1", "2.0": "sex 2"}},
    threshold=0.4,
    threshold_reason="a patient who is missed is worse off than one who is called without need",
    train_share=0.3,
    split_seed=3,
)

#: Tables that people are likely to try, recognised by their header.
KNOWN = (
    Recipe(
        slug="income-screening",
        name="Income screening",
        purpose="Estimate whether a person's yearly income exceeds 50,000 dollars, for a subsidy pre-check.",
        affected="Applicants",
        source="UCI Adult (census income, 1994)",
        licence="CC-BY-4.0",
        target="classification",
        positive=">50K",
        sensitive=("sex", "race", "age_band"),
        shortcut=("age", "hours-per-week"),
        ignored=("fnlwgt",),
    ),
    Recipe(
        slug="credit-risk",
        name="Consumer credit risk",
        purpose="Estimate whether an applicant will repay a consumer loan.",
        affected="Applicants for a consumer loan",
        source="UCI Statlog German credit",
        licence="CC-BY-4.0",
        target="class-label",
        positive="1",
        sensitive=("sex", "age_band"),
        shortcut=("age", "credit-amount"),
    ),
)


class RecipeError(ValueError):
    """The file cannot be used as it is; the message says which option helps."""


def recipe_for(header: list[str], *, target: str = "", positive: str = "", sensitive: tuple[str, ...] = ()) -> Recipe:
    """A recipe for a file with this header: a known one, or one from the options. Raises RecipeError."""
    if not target:
        for recipe in KNOWN:
            if recipe.target in header and recipe.shortcut[0] in header:
                return recipe
        raise RecipeError(
            "I do not know this file. Say what to predict and for whom to look: "
            "--target COLUMN --positive VALUE --sensitive COLUMN,COLUMN"
        )
    missing = [name for name in (target, *sensitive) if name not in header]
    if missing:
        raise RecipeError(f"The file has no column {missing[0]!r}; it has {', '.join(header)}.")
    if not positive or not sensitive:
        raise RecipeError("Give --positive VALUE (the label to predict) and --sensitive COLUMN,COLUMN too.")
    features = [name for name in header if name != target and name not in sensitive]
    if not features:
        raise RecipeError("No column is left to learn from.")
    return Recipe(
        slug="own-data",
        name="A model on your own data",
        purpose=f"Predict {target}.",
        affected="The people in the file",
        source="A file given on the command line",
        licence="LicenseRef-own-data",
        target=target,
        positive=positive,
        sensitive=sensitive,
        shortcut=tuple(features[:1]),
    )
