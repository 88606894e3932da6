"""Figures of orders: what a ranking gives to groups, the worst slices, and what an explanation rests on."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from assay_chance import benjamini_hochberg, hypergeometric_at_least, normal_above
from assay_intervals import Bounds, Pair, Reach, difference, proportion, two_sided
from assay_tables import Compute, Line, Tables, require

FEW = 5  # rows expected, below which a slice is tested exactly


# -- Rankings ----------------------------------------------------------------------------------------------------------
def of_exposure(tables: Tables) -> Compute | None:
    """`exposure`: attention and top places of each group; with `places`, the divergence of every prefix."""
    features: dict[str, dict[str, Line]] = {}
    for line in tables.lines("exposure", "feature", "group", "n", "mean_exposure", "among_the_top"):
        features.setdefault(line["feature"], {})[line["group"]] = line
    sequences = _sequences(tables)

    def compute(metric: str, feature: str, group: str) -> float | None:
        groups = features.get(feature)
        if not groups:
            return None
        if metric == "lowest_exposure_ratio" and not group:
            found = [line["mean_exposure"] for line in groups.values()]
            return min(found) / max(found)  # type: ignore[no-any-return]
        if metric == "ndkl" and not group:
            return _divergence(sequences[feature], groups) if feature in sequences else None
        return _of_group(metric, groups, group) if group else None

    return compute if features else None


def _of_group(metric: str, groups: Mapping[str, Line], group: str) -> float | None:
    own = groups[group]
    rows, top = (sum(line[name] for line in groups.values()) for name in ("n", "among_the_top"))
    if metric == "exposure":
        return own["mean_exposure"]  # type: ignore[no-any-return]
    if metric == "exposure_ratio":
        rest = math.fsum(line["n"] * line["mean_exposure"] for name, line in groups.items() if name != group)
        return own["mean_exposure"] / (rest / (rows - own["n"]))  # type: ignore[no-any-return]
    share, part = own["among_the_top"] / top, own["n"] / rows
    return {"top_share": share, "top_share_difference": share - part, "top_skew": share / part}.get(metric)


def reach_of_exposure(tables: Tables, level: float) -> Reach | None:
    """`exposure`: the bounds of a group's share of the top places."""
    features: dict[str, dict[str, Line]] = {}
    for line in tables.lines("exposure", "feature", "group", "n", "among_the_top"):
        features.setdefault(line["feature"], {})[line["group"]] = line

    def reach(metric: str, feature: str, group: str, small: float) -> Bounds | None:
        groups = features.get(feature, {})
        if group not in groups or not metric.startswith("top_"):
            return None
        rows, places = (sum(line[name] for line in groups.values()) for name in ("n", "among_the_top"))
        low, high = proportion((groups[group]["among_the_top"], places), level, small)
        part = groups[group]["n"] / rows
        if metric == "top_share":
            return low, high
        return (low - part, high - part) if metric == "top_share_difference" else (low / part, high / part)

    return reach if features else None


def _sequences(tables: Tables) -> dict[str, list[list[str]]]:
    """For each feature the groups along each list, best place first."""
    found: dict[str, dict[Any, list[tuple[int, str]]]] = {}
    for line in tables.lines("places", "feature", "list", "place", "group"):
        found.setdefault(line["feature"], {}).setdefault(line["list"], []).append((line["place"], line["group"]))
    return {
        feature: [[group for _, group in sorted(own)] for own in lists.values()] for feature, lists in found.items()
    }


def _divergence(lists: Sequence[Sequence[str]], groups: Mapping[str, Line]) -> float:
    """NDKL (Geyik, Ambler & Kenthapadi 2019), averaged over the lists."""
    rows = sum(line["n"] for line in groups.values())
    wanted = {group: line["n"] / rows for group, line in groups.items()}
    found = []
    for order in lists:
        seen: dict[str, int] = {}
        summed = discounts = 0.0
        for place, group in enumerate(order, 1):
            seen[group] = seen.get(group, 0) + 1
            apart = sum(n / place * math.log(n / place / wanted[name]) for name, n in seen.items())
            discount = 1 / math.log2(place + 1)
            summed, discounts = summed + discount * apart, discounts + discount
        found.append(summed / discounts)
    return max(0.0, math.fsum(found) / len(found))


# -- Slices ------------------------------------------------------------------------------------------------------------
class _Whole:
    """Everybody's rows and errors, beside which a slice is held."""

    def __init__(self, line: Line) -> None:
        self.line = line

    def sides(self, one: Line) -> tuple[Pair, Pair]:
        """(wrong, all) inside and outside; of weighted rows the effective numbers (Kish)."""
        outside = {name: self.line[name] - one[name] for name in self.line if name in one}
        return _pair(one), _pair(outside)

    def excess(self, one: Line) -> float:
        """Rate inside minus rate outside."""
        inside, outside = self.sides(one)
        return inside[0] / inside[1] - outside[0] / outside[1]

    def p_value(self, one: Line) -> float:
        """One-sided for more errors inside: exact where few whole rows are expected, else the score test."""
        (hits, size), (others, rest) = self.sides(one)
        total, wrong = size + rest, hits + others
        least = min(size, rest) / total
        if min(wrong * least, (total - wrong) * least) < FEW and all(
            float(n).is_integer() for n in (hits, size, wrong)
        ):
            return hypergeometric_at_least(round(hits), round(total), round(wrong), round(size))
        pooled = wrong / total
        spread = math.sqrt(pooled * (1 - pooled) * (1 / size + 1 / rest))
        return normal_above(self.excess(one) / spread) if spread else 1.0


def _pair(line: Line) -> tuple[float, float]:
    if line.get("weight") is None or line["weight"] == line["squares"]:
        return line.get("wrong_weight", line["wrong"]), line.get("weight", line["n"])
    total = line["weight"] ** 2 / line["squares"]
    return line["wrong_weight"] / line["weight"] * total, total


def of_slices(tables: Tables) -> Compute | None:
    """`slices` beside `everybody`; with `tested`, all tests at once, so how many remain and which is the largest."""
    everybody = tables.lines("everybody", "n", "wrong")
    if not everybody:
        return None
    whole = _Whole(everybody[0])
    family = [line for line in tables.lines("tested", "n", "wrong", "slices") if line["slices"]]
    adjusted = _adjusted(whole, family)
    shown = _shown(tables, whole, adjusted)
    over = _over_slices(tables, whole, family, adjusted) if "tested" in tables.tables else {}

    def compute(metric: str, feature: str, group: str) -> float | tuple[float, float] | None:
        if metric == "slice_excess":
            return whole.excess(shown[feature, group])
        return over[metric]() if metric in over else None

    return compute


def reach_of_slices(tables: Tables, level: float) -> Reach | None:
    """`slices` beside `everybody`, at the level that counts every slice tested."""
    everybody = tables.lines("everybody", "n", "wrong")
    tested = tables.stated.get(("slices_tested", "", ""))
    if not everybody or not isinstance(tested, int | float):
        return None
    whole, z = _Whole(everybody[0]), two_sided(1 - (1 - level) / max(1, tested))
    shown = {
        (line["feature"], line["slice"]): line for line in tables.lines("slices", "feature", "slice", "n", "wrong")
    }
    family = [line for line in tables.lines("tested", "n", "wrong", "slices") if line["slices"]]

    def reach(metric: str, feature: str, group: str, _small: float) -> Bounds | None:
        if metric == "slice_excess":
            return difference(*whole.sides(shown[feature, group]), z)
        worst = _worst(whole, family) if metric == "largest_excess" and family else []
        if len(worst) == 1:  # which of several equally bad ones was told, no table says
            return difference(*whole.sides(worst[0]), z)
        return None

    return reach


def largest_excess_sizes(tables: Tables) -> tuple[float, ...]:
    """The smaller side of each slice tested whose excess is the largest; several where they are equally bad."""
    everybody = tables.lines("everybody", "n", "wrong")
    family = [line for line in tables.lines("tested", "n", "wrong", "slices") if line["slices"]]
    if not everybody or not family:
        return ()
    whole = everybody[0]["n"]
    return tuple(min(line["n"], whole - line["n"]) for line in _worst(_Whole(everybody[0]), family))


def _worst(whole: _Whole, family: Sequence[Line]) -> list[Line]:
    """Those of the largest excess; differences of rates may differ in the last digit."""
    most = max(map(whole.excess, family))
    return [line for line in family if whole.excess(line) >= most - 1e-12]


def _over_slices(
    tables: Tables, whole: _Whole, family: Sequence[Line], adjusted: Mapping[tuple[Any, ...], float]
) -> dict[str, Callable[[], float | tuple[float, float]]]:
    """The figures over all slices that were tested."""
    rate = tables.number("discovery_rate", 0.05)
    return {
        "slices_tested": lambda: float(sum(line["slices"] for line in family)),
        "slices_found": lambda: _found(family, adjusted, rate),
        "largest_excess": lambda: max(whole.excess(line) for line in family),
    }


def _shown(tables: Tables, whole: _Whole, adjusted: Mapping[tuple[Any, ...], float]) -> dict[tuple[str, str], Line]:
    """The slices of the table `slices`, once each of their own numbers is computed again."""
    columns = ("feature", "slice", "n", "wrong", "excess", "p", "p_benjamini_hochberg")
    found: dict[tuple[str, str], Line] = {}
    found |= {(line["feature"], line["slice"]): line for line in tables.lines("slices", *columns)}
    for (feature, name), line in found.items():
        where = f"of {feature}={name} in the table slices"
        require(f"excess {where}", line["excess"], whole.excess(line))
        require(f"p {where}", line["p"], whole.p_value(line))
        if adjusted:
            require(f"p_benjamini_hochberg {where}", line["p_benjamini_hochberg"], adjusted[_kind(line)])
    return found


def _kind(line: Line) -> tuple[Any, ...]:
    return tuple(line.get(name) for name in ("n", "wrong", "weight", "squares", "wrong_weight"))


def _adjusted(whole: _Whole, family: Sequence[Line]) -> dict[tuple[Any, ...], float]:
    """Benjamini and Hochberg's p-value of each kind of slice, over all slices tested."""
    kinds = [line for line in family for _ in range(line["slices"])]
    p_of = {_kind(line): whole.p_value(line) for line in family}
    found = benjamini_hochberg([p_of[_kind(line)] for line in kinds])
    return {_kind(line): p for line, p in zip(kinds, found, strict=True)}


def _found(family: Sequence[Line], adjusted: Mapping[tuple[Any, ...], float], rate: float) -> tuple[float, float]:
    """Fewest and most slices that remain: what lies on the limit to the last digit may be told either way."""
    least, most = (
        sum(line["slices"] for line in family if adjusted[_kind(line)] <= rate * (1 + slack)) for slack in (-1e-9, 1e-9)
    )
    return float(least), float(most)


# -- Explanations ------------------------------------------------------------------------------------------------------
def of_importance(tables: Tables) -> Compute | None:
    """`importance`: shares of all absolute attribution; with `importance_by_group`, how they differ for groups."""
    lines = {line["feature"]: line for line in tables.lines("importance", "feature", "mean_abs", "share", "sensitive")}
    total = math.fsum(line["mean_abs"] for line in lines.values())
    shares = {feature: line["mean_abs"] / total for feature, line in lines.items()} if total else {}
    for feature, share in shares.items():
        require(f"share of {feature} in the table importance", lines[feature]["share"], share)

    def compute(metric: str, feature: str, group: str) -> float | None:
        if group:
            return _group_difference(tables, lines, feature, group) if metric == "group_share_difference" else None
        if metric == "mean_abs_shap_share":
            return float(shares[feature])
        return over[metric]() if metric in over else None

    def summed(names: Iterable[str]) -> float:
        return min(1.0, math.fsum(shares[name] for name in names))

    sensitive = [name for name in shares if lines[name]["sensitive"]]
    over: Mapping[str, Callable[[], float]] = {
        "top_feature_share": lambda: max(shares.values()),
        "effective_features": lambda: math.exp(-math.fsum(one * math.log(one) for one in shares.values() if one)),
        "sensitive_share": lambda: summed(sensitive),
        "proxy_share": lambda: summed(name for name in _proxies(tables) if name in shares and name not in sensitive),
    }
    return compute if shares else None


def _proxies(tables: Tables) -> Iterator[str]:
    """Features whose stated association with a sensitive column is high enough to stand for it."""
    threshold = tables.number("proxy_association", 0.3)
    for (metric, feature, _), value in tables.stated.items():
        if metric == "proxy_association" and isinstance(value, int | float) and value >= threshold:
            yield feature


def _group_difference(tables: Tables, lines: Mapping[str, Line], column: str, group: str) -> float | None:
    """The largest difference of a feature's share between the group and everybody else."""
    own = {
        line["feature"]: line
        for line in tables.lines("importance_by_group", "column", "group", "feature", "rows", "mean_abs")
        if (line["column"], line["group"]) == (column, group)
    }
    everybody = tables.stated.get(("rows_explained", "", ""))
    if not own or not isinstance(everybody, int | float):
        return None
    rows = next(iter(own.values()))["rows"]
    rest = {
        name: (everybody * lines[name]["mean_abs"] - rows * own[name]["mean_abs"]) / (everybody - rows)
        for name in lines
    }
    wholes = math.fsum(line["mean_abs"] for line in own.values()), math.fsum(rest.values())
    return max(abs(float(own[name]["mean_abs"] / wholes[0] - rest[name] / wholes[1])) for name in lines)


def of_change(tables: Tables) -> Compute | None:
    """`change`: the share of each feature in the new and in the current version."""
    lines = {
        line["feature"]: line for line in tables.lines("change", "feature", "share_current", "share_new", "change")
    }
    for side in ("share_current", "share_new"):
        if lines:
            require(f"the sum of {side} in the table change", math.fsum(line[side] for line in lines.values()), 1.0)

    def compute(metric: str, feature: str, group: str) -> float | None:
        if group:
            return None
        if metric == "share_change":
            return float(lines[feature]["share_new"] - lines[feature]["share_current"])
        if metric == "largest_share_change":
            return max(abs(float(line["share_new"] - line["share_current"])) for line in lines.values())
        return None

    return compute if lines else None
