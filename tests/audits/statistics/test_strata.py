"""Comparisons within strata against the admissions of Berkeley in 1973, as R and textbooks print them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from audits.statistics import strata
from audits.statistics.strata import Strata

# Departments A to F: (men admitted, men, women admitted, women). Bickel, Hammel & O'Connell (1975).
BERKELEY = [
    (512, 825, 89, 108),
    (353, 560, 17, 25),
    (120, 325, 202, 593),
    (138, 417, 131, 375),
    (53, 191, 94, 393),
    (22, 373, 24, 341),
]


@pytest.fixture
def berkeley() -> Strata:
    return Strata(*np.array(BERKELEY, dtype=float).T)


def test_the_common_odds_ratio_is_that_of_r(berkeley: Strata) -> None:
    found = strata.odds_ratio(berkeley, 0.95)
    assert found is not None
    value, interval = found
    assert value == pytest.approx(0.9046968, abs=5e-8)
    assert (interval.low, interval.high) == pytest.approx((0.7719074, 1.0603298), abs=5e-8)


def test_the_test_without_correction_has_the_published_statistic(berkeley: Strata) -> None:
    assert stats.chi2.isf(strata.common_test(berkeley), 1) == pytest.approx(1.5246, abs=5e-5)


def test_the_departments_are_not_alike(berkeley: Strata) -> None:
    found = strata.homogeneity(berkeley)
    assert found is not None
    assert stats.chi2.isf(found, 5) == pytest.approx(18.83, abs=0.01)


def test_the_paradox_men_ahead_overall_and_not_within_departments(berkeley: Strata) -> None:
    totals = [part.sum() for part in (berkeley.hits, berkeley.totals, berkeley.rest_hits, berkeley.rest_totals)]
    assert totals[0] / totals[1] - totals[2] / totals[3] == pytest.approx(0.1416, abs=5e-5)
    value, interval = strata.risk_difference(berkeley, 0.95)
    assert value < 0
    assert interval.low is not None
    assert interval.high is not None
    assert interval.low < value < interval.high


def test_satos_interval_covers_what_is_common_to_many_small_strata() -> None:
    random, covered = np.random.default_rng(3), 0
    for _ in range(600):
        base = random.uniform(0.1, 0.6, 30)
        sizes = random.integers(5, 30, (2, 30))
        drawn = Strata(
            random.binomial(sizes[0], base + 0.15).astype(float),
            sizes[0].astype(float),
            random.binomial(sizes[1], base).astype(float),
            sizes[1].astype(float),
        )
        interval = strata.risk_difference(drawn, 0.95)[1]
        covered += (interval.low or 0.0) <= 0.15 <= (interval.high or 0.0)
    assert covered / 600 == pytest.approx(0.95, abs=0.03)


def test_one_stratum_is_the_plain_difference() -> None:
    one = Strata(*(np.array([float(n)]) for n in (30, 100, 20, 80)))
    assert strata.risk_difference(one, 0.95)[0] == pytest.approx(0.05)
    assert strata.homogeneity(one) is None


def test_nobody_selected_anywhere_has_no_odds_and_shows_nothing() -> None:
    none = Strata(*(np.array(part, dtype=float) for part in ([0, 0], [10, 20], [0, 0], [30, 5])))
    assert strata.odds_ratio(none, 0.95) is None
    assert strata.common_test(none) == 1.0
