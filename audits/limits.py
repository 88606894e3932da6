"""A limit somebody set on a metric: what is asked, how sure one has to be, who set it and why. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any


class DecideOn(StrEnum):
    """What has to lie within the limits: the whole confidence interval, or the number alone.

    POINT is meant for counts and other facts that carry no sampling error.
    """

    INTERVAL = "interval"
    POINT = "point"


class CriterionError(ValueError):
    """A criterion that could not be judged as written. `field` names the part that is wrong."""

    code = "criterion-invalid"

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field = field
        self.problem = problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Criterion:
    """One limit on one metric of one check, with who set it and why.

    `feature` and `group` narrow the measured values that are judged; None judges every feature, every group.
    `minimum_n` is the least number of rows a value must rest on. `controls` are ids of the framework catalogue that it
    supports. What is `prohibited` is never waived.
    Raises CriterionError when it is built without a limit, with impossible limits, or without a reason.
    """

    id: str
    check: str
    metric: str
    reason: str
    set_by: str
    feature: str | None = None
    group: str | None = None
    at_least: Decimal | None = None
    at_most: Decimal | None = None
    decide_on: DecideOn = DecideOn.INTERVAL
    minimum_n: int = 0
    waivable: bool = False
    controls: tuple[str, ...] = ()
    prohibited_practice: bool = False

    def __post_init__(self) -> None:
        """An unlimited, contradictory or unexplained criterion is refused where it arises."""
        for name in ("id", "check", "metric", "reason", "set_by"):
            if not getattr(self, name).strip():
                raise CriterionError(name, "must not be empty")
        for name in ("at_least", "at_most"):
            limit = getattr(self, name)
            if limit is not None and not limit.is_finite():
                raise CriterionError(name, f"{limit} is not a finite number")
        if self.at_least is None and self.at_most is None:
            raise CriterionError("at_most", "a criterion needs at_least, at_most or both")
        if self.at_least is not None and self.at_most is not None and self.at_least > self.at_most:
            raise CriterionError(
                "at_least", f"{self.at_least} is more than at_most, {self.at_most}: nothing could pass"
            )
        if self.minimum_n < 0:
            raise CriterionError("minimum_n", "must not be negative")

    @property
    def prohibited(self) -> bool:
        """Whether the limit marks a practice that Article 5 of the AI Act prohibits, or that its author so declares."""
        return self.prohibited_practice or any(control.startswith("aia-5-") for control in self.controls)

    @property
    def limits(self) -> str:
        """The limits in words, as `at most 0.20`."""
        if self.at_least is None:
            return f"at most {self.at_most}"
        if self.at_most is None:
            return f"at least {self.at_least}"
        return f"between {self.at_least} and {self.at_most}"

    def to_document(self) -> dict[str, Any]:
        """JSON-ready form, limits as decimal text; `from_document` is its inverse."""
        document = asdict(self)
        if not self.prohibited_practice:
            del document["prohibited_practice"]  # it came later: the digests of older criteria stay as they are
        for name in ("at_least", "at_most"):
            document[name] = None if document[name] is None else str(document[name])
        return {**document, "decide_on": str(self.decide_on), "controls": list(self.controls)}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Criterion:
        """Rebuild from `to_document`, or from policy data. Raises CriterionError, or TypeError on unknown fields."""
        fields = dict(document)
        for name in ("at_least", "at_most"):
            fields[name] = limit_from_text(name, fields.get(name))
        try:
            fields["decide_on"] = DecideOn(fields.get("decide_on", DecideOn.INTERVAL))
        except ValueError:
            raise CriterionError("decide_on", f"must be one of {', '.join(DecideOn)}") from None
        fields["controls"] = tuple(fields.get("controls", ()))
        return cls(**fields)


def limit_from_text(field: str, text: str | None) -> Decimal | None:
    """A limit as people write it. Raises CriterionError for anything but decimal text: a float has lost digits."""
    if text is None:
        return None
    if not isinstance(text, str):
        raise CriterionError(field, 'must be a decimal in quotation marks, as "0.20"')
    try:
        limit = Decimal(text)
    except InvalidOperation:
        raise CriterionError(field, f'"{text}" is not a decimal number') from None
    if not limit.is_finite():
        raise CriterionError(field, f"{text} is not a finite number")
    return limit
