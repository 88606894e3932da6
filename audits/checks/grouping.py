"""How groups are named in check parameters. Pure, so that a policy is validated without any heavy import."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass

from audits.checks.base import EvidenceError, ParameterError
from audits.evidence import DatasetEvidence

WEIGHTS = ("sampling", "counts", "ignored")

#: Published shares are rounded.
SHARES_MAY_MISS = 0.02


@dataclass(frozen=True, slots=True)
class GroupingParameters:
    """Which people are compared; every check of groups takes these.

    `sensitive`: columns; empty means those tagged sensitive. `bands`: cut points of numeric columns, as "age=40,60".
    `depth`: up to how many columns are crossed; 1 compares each alone. `most_groups`: a column with more is refused.
    `weights`: what the column tagged weight means: `sampling` (how many people a row stands for; intervals use Kish's
    effective number), `counts` (the row is that many rows, as from a table counted at the source), or `ignored`.
    `suppress_below`: groups with a count from 1 to below it are not told apart, nor is what would give them away; 0
    publishes all. `level`: of all intervals.
    """

    sensitive: tuple[str, ...] = ()
    bands: tuple[str, ...] = ()
    depth: int = 1
    most_groups: int = 1000
    weights: str = "sampling"
    level: float = 0.95
    suppress_below: int = 0

    def __post_init__(self) -> None:
        """Ranges that the types cannot say."""
        if not 0.5 <= self.level < 1:  # noqa: PLR2004 - less than a coin's confidence is a mistake
            raise ParameterError("level", "must be at least 0.5 and below 1")
        if not 1 <= self.depth <= 4:  # noqa: PLR2004 - five columns crossed leave groups of single people
            raise ParameterError("depth", "must be between 1 and 4")
        if not 2 <= self.most_groups <= 20_000:  # noqa: PLR2004 - one group compares nothing
            raise ParameterError("most_groups", "must be between 2 and 20000")
        validate_threshold(self.suppress_below)
        if self.weights not in WEIGHTS:
            raise ParameterError("weights", f"must be one of {', '.join(WEIGHTS)}")
        parse_bands(self.bands)

    def columns_of(self, dataset: DatasetEvidence) -> tuple[str, ...]:
        """The sensitive columns. Raises EvidenceError where there are none: then nothing can be compared."""
        found = self.sensitive or dataset.tagged("sensitive")
        if not found:
            raise EvidenceError("sensitive", "no column is tagged sensitive and none is named; nothing can be compared")
        return found


@dataclass(frozen=True, slots=True)
class MissingParameters(GroupingParameters):
    """Beside the common ones, for checks that need a label, a prediction or a score in every row.

    `missing_tolerated`: share of rows without one, above which nothing that needs it is estimable.
    """

    missing_tolerated: float = 0.01

    def __post_init__(self) -> None:
        """Ranges that the types cannot say."""
        GroupingParameters.__post_init__(self)
        validate_tolerated(self.missing_tolerated)


def validate_tolerated(missing: float) -> None:
    """Raises ParameterError outside of [0, 1)."""
    if not 0 <= missing < 1:
        raise ParameterError("missing_tolerated", "must be at least 0 and below 1")


def validate_threshold(suppress_below: int) -> None:
    """Raises ParameterError outside 0 to 1000."""
    if not 0 <= suppress_below <= 1000:  # noqa: PLR2004 - more would withhold everything
        raise ParameterError("suppress_below", "must be between 0 and 1000")


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


def parse_shares(entries: Iterable[str]) -> dict[str, dict[str, float]]:
    """`sex: female=0.51, male=0.49` as {column: {group: share}}. Raises ParameterError."""
    parsed: dict[str, dict[str, float]] = {}
    for index, entry in enumerate(entries):
        name, colon, told = entry.partition(":")
        shares: dict[str, float] = {}
        for part in told.split(","):
            group, equals, share = part.rpartition("=")
            try:
                shares[group.strip()] = float(share) if equals and group.strip() else -1.0
            except ValueError:
                shares[group.strip()] = -1.0
        sound = all(0 < share <= 1 for share in shares.values()) and abs(sum(shares.values()) - 1) <= SHARES_MAY_MISS
        if not (colon and name.strip() and sound):
            raise ParameterError(
                f"population[{index}]", "must be <column>: <group>=<share>, … with shares that add up to 1"
            )
        parsed[name.strip()] = shares
    return parsed


def parse_directions(entries: Iterable[str]) -> tuple[tuple[str, int], ...]:
    """`income=+` as (feature, +1), `debts=-` as (feature, -1). Raises ParameterError."""
    parsed: list[tuple[str, int]] = []
    for index, entry in enumerate(entries):
        feature, equals, sign = entry.rpartition("=")
        if not (feature and equals and sign in {"+", "-"}):
            raise ParameterError(f"monotone[{index}]", "must be <column>=+ or <column>=-, as income=+")
        parsed.append((feature, 1 if sign == "+" else -1))
    return tuple(parsed)
