"""How groups are written in check parameters. Pure, so that a policy is validated without any heavy import."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

from audits.checks.base import ParameterError


def parse_bands(bands: Iterable[str]) -> dict[str, tuple[float, ...]]:
    """`age=40,60` as cut points. Raises ParameterError unless they ascend."""
    parsed: dict[str, tuple[float, ...]] = {}
    for index, entry in enumerate(bands):
        name, equals, cuts = entry.partition("=")
        try:
            numbers = tuple(float(cut) for cut in cuts.split(","))
        except ValueError:
            numbers = ()
        ascending = all(low < high for low, high in itertools.pairwise(numbers))
        if not (name and equals and numbers and ascending):
            raise ParameterError(
                f"bands[{index}]", "must be <column>=<cut>,<cut>,... with ascending numbers, as age=40,60"
            )
        parsed[name] = numbers
    return parsed


def parse_groups(groups: Iterable[str]) -> list[tuple[str, str]]:
    """`sex=f` as (feature, group). Raises ParameterError."""
    parsed: list[tuple[str, str]] = []
    for index, entry in enumerate(groups):
        feature, equals, group = entry.partition("=")
        if not (feature and equals and group):
            raise ParameterError(f"expected_groups[{index}]", "must be <column>=<group>, as sex=f")
        parsed.append((feature, group))
    return parsed


def parse_ranges(ranges: Iterable[str]) -> dict[str, tuple[float, float]]:
    """`age=0..120` as (lowest, highest allowed). Raises ParameterError."""
    parsed: dict[str, tuple[float, float]] = {}
    for index, entry in enumerate(ranges):
        name, equals, bounds = entry.partition("=")
        low, dots, high = bounds.partition("..")
        try:
            limits = (float(low), float(high))
        except ValueError:
            limits = (1.0, 0.0)
        if not (name and equals and dots and limits[0] <= limits[1]):
            raise ParameterError(f"ranges[{index}]", "must be <column>=<lowest>..<highest>, as age=0..120")
        parsed[name] = limits
    return parsed
