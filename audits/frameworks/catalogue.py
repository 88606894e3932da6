"""The controls of each framework, and what was law on a given day. Facts from the JSON files beside this module. Pure.

Each control has versions, and each version three dates that must not be confused: from when to when its text was law
(`valid_from`, `valid_to`), from when that could be known (`known_from`), and from when it applies (`applies_from`,
which may differ by the route on which a system became high-risk). Where the source gives no date of publication,
`known_from` is the day it entered into force.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

from registry.errors import AssayError

FOLDER = Path(__file__).parent


class CatalogueError(AssayError):
    """A framework file that ships with the product cannot be read. `field` is the file or control."""

    code = "catalogue-invalid"


class UnknownControlError(AssayError):
    """No framework has a control of that id."""

    code = "unknown-control"


class Kind(StrEnum):
    """What a control asks for. Only DUTY and CLASSIFICATION are obligations; INFORMATIONAL never counts in coverage."""

    DUTY = "duty"
    CLASSIFICATION = "classification"
    VOLUNTARY = "voluntary"
    INFORMATIONAL = "informational"


class Route(StrEnum):
    """The way on which a date applies: to all, or to systems that are high-risk by Annex III or by Annex I."""

    GENERAL = "general"
    ANNEX_III = "annex-iii"
    ANNEX_I = "annex-i"


class EffectStatus(StrEnum):
    """What a control meant on a day."""

    BINDING = "binding"
    UPCOMING = "upcoming"
    DATE_UNSETTLED = "date-unsettled"
    VOLUNTARY = "voluntary"
    INFORMATIONAL = "informational"
    REPEALED = "repealed"
    NOT_LAW = "not-law"


@dataclass(frozen=True, slots=True)
class Application:
    """From when a version applies on one route."""

    route: Route
    date: date


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlVersion:
    """The text of a control for as long as it was law. `valid_to` is the first day on which it no longer was.

    `no_object_before` marks an unsettled date: the letter of the law applies from `applies_from`, but there is nothing
    to apply it to before these.
    """

    valid_from: date
    valid_to: date | None
    known_from: date
    duty: str
    applies_from: tuple[Application, ...]
    note: str = ""
    amended_by: str = ""
    repealed: bool = False
    successors: tuple[str, ...] = ()
    no_object_before: tuple[Application, ...] = ()

    def holds(self, on: date, known_on: date) -> bool:
        """Whether this was the text on the day `on`, as far as could be known on `known_on`."""
        return self.known_from <= known_on and self.valid_from <= on and (self.valid_to is None or on < self.valid_to)


@dataclass(frozen=True, slots=True, kw_only=True)
class Framework:
    """Where a set of controls comes from. `reviewed_by` is empty until a person with a mandate has confirmed it."""

    id: str
    name: str
    title: str
    source: str
    retrieved: date
    doubt: str
    amended_by: tuple[str, ...] = ()
    reviewed_by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """A numbered duty.

    `applies_to`: provider, deployer, controller, processor or both. `automation`: automated, partial or attested, which
    says how far evidence can be computed and never that conformity is decided.
    """

    id: str
    framework: str
    reference: str
    title: str
    applies_to: str
    risk_classes: tuple[str, ...]
    evidence: tuple[str, ...]
    automation: str
    kind: Kind
    versions: tuple[ControlVersion, ...]

    @property
    def latest(self) -> ControlVersion:
        """The version that holds longest into the future."""
        return self.versions[-1]

    @property
    def duty(self) -> str:
        """The duty in our own words, as the law stands."""
        return self.latest.duty

    @property
    def note(self) -> str:
        """What a reader should know beside the duty."""
        return self.latest.note

    @property
    def counts(self) -> bool:
        """Whether the control belongs in a coverage figure: not the informational, not the repealed."""
        return self.kind is not Kind.INFORMATIONAL and not self.latest.repealed

    def version(self, on: date, *, known_on: date | None = None) -> ControlVersion | None:
        """The text on that day, as known on `known_on` (the same day by default); None when it was no law."""
        known = known_on or on
        held = [version for version in self.versions if version.known_from <= known]
        # Before an amendment is known, the text it ends still looks open-ended.
        for version in reversed(held):
            if version.valid_from <= on and (version is held[-1] or version.holds(on, known)):
                return version
        return None


@dataclass(frozen=True, slots=True)
class Effect:
    """What a control meant on a day, for a machine (`status`, `dates`) and for a reader (`text`)."""

    status: EffectStatus
    text: str
    dates: tuple[Application, ...] = ()


@dataclass(frozen=True)
class Catalogue:
    """All controls of all frameworks, in the order of the files."""

    frameworks: tuple[Framework, ...]
    entries: tuple[Control, ...]
    by_id: Mapping[str, Control] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Index the controls."""
        object.__setattr__(self, "by_id", {control.id: control for control in self.entries})

    @classmethod
    def load(cls) -> Catalogue:
        """The shipped catalogue, read once. Raises CatalogueError naming file and control."""
        return _shipped()

    def all(self) -> tuple[Control, ...]:
        """Every control."""
        return self.entries

    def control(self, name: str) -> Control:
        """The control of that id. Raises UnknownControlError."""
        try:
            return self.by_id[name]
        except KeyError:
            raise UnknownControlError(f"{name} is not a control of the catalogue.", field=name) from None

    def controls(self, names: Iterable[str]) -> tuple[Control, ...]:
        """The controls of those ids, each once, in the order of the catalogue. Raises UnknownControlError."""
        wanted = {self.control(name).id for name in names}
        return tuple(control for control in self.entries if control.id in wanted)

    def effective(
        self, control: Control, on: date, *, known_on: date | None = None, route: Route | None = None
    ) -> Effect:
        """What the control meant on that day, on all routes or on one."""
        version = control.version(on, known_on=known_on)
        if version is None:
            return Effect(EffectStatus.NOT_LAW, f"not law on {in_words(on)}")
        if version.repealed:
            successors = ", ".join(self.control(name).reference for name in version.successors)
            pointer = f"; see {successors}" if successors else ""
            return Effect(EffectStatus.REPEALED, f"repealed since {in_words(version.valid_from)}{pointer}")
        if control.kind is Kind.INFORMATIONAL:
            return Effect(EffectStatus.INFORMATIONAL, "informational, not a duty", version.applies_from)
        dates = _on_route(version.applies_from, route)
        if control.kind is Kind.VOLUNTARY:
            return Effect(EffectStatus.VOLUNTARY, "voluntary", dates)
        return _dated_effect(dates, _on_route(version.no_object_before, route), on)


def _on_route(dates: tuple[Application, ...], route: Route | None) -> tuple[Application, ...]:
    """The dates of one route, or all. A date for all routes is one of each."""
    return tuple(entry for entry in dates if route is None or entry.route in (route, Route.GENERAL))


def _dated_effect(dates: tuple[Application, ...], no_object: tuple[Application, ...], on: date) -> Effect:
    """Binding, upcoming, or a date that nobody can name with certainty yet."""
    if not dates:
        return Effect(EffectStatus.NOT_LAW, "does not apply on this route")
    reached = tuple(entry for entry in dates if entry.date <= on)
    ahead = tuple(entry for entry in dates if entry.date > on)
    if any(entry.date > on for entry in no_object):
        letter, object_from = _listed(dates), _listed(no_object)
        text = f"date unsettled: by its letter from {letter}, with nothing to apply to before {object_from}"
        return Effect(EffectStatus.DATE_UNSETTLED, text, (*dates, *no_object))
    if no_object:
        # Even later no report may name one of the two days as certain.
        return Effect(EffectStatus.BINDING, f"binding, at the latest since {_listed(no_object)}", (*dates, *no_object))
    if not reached:
        return Effect(EffectStatus.UPCOMING, f"upcoming, applies from {_listed(ahead)}", ahead)
    later = f"; upcoming from {_listed(ahead)}" if ahead else ""
    return Effect(EffectStatus.BINDING, f"binding since {_listed(reached)}{later}", dates)


_ROUTES = {Route.GENERAL: "", Route.ANNEX_III: " (Annex III)", Route.ANNEX_I: " (Annex I)"}


def _listed(dates: Iterable[Application]) -> str:
    """`2 December 2027 (Annex III) and 2 August 2028 (Annex I)`."""
    return " and ".join(f"{in_words(entry.date)}{_ROUTES[entry.route]}" for entry in dates)


_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


def in_words(day: date) -> str:
    """`2 December 2027`, whatever the locale."""
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


# -- Reading the files ------------------------------------------------------------------------------------------------
@cache
def _shipped() -> Catalogue:
    return read(sorted(FOLDER.glob("*.json")))


def read(paths: Iterable[Path]) -> Catalogue:
    """A catalogue from framework files. Raises CatalogueError."""
    frameworks: list[Framework] = []
    controls: list[Control] = []
    for path in paths:
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
            framework = _framework(document["framework"])
            frameworks.append(framework)
            controls.extend(_control(entry, framework.name) for entry in document["controls"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise CatalogueError(f"{path.name} cannot be read: {error}", field=path.name) from error
    return Catalogue(tuple(frameworks), tuple(controls))


def _framework(entry: Mapping[str, Any]) -> Framework:
    return Framework(
        **{
            **entry,
            "retrieved": date.fromisoformat(entry["retrieved"]),
            "amended_by": tuple(entry["amended_by"]),
            "reviewed_by": entry["reviewed_by"] or "",
        }
    )


def _control(entry: Mapping[str, Any], framework: str) -> Control:
    lists = {name: tuple(entry[name]) for name in ("risk_classes", "evidence")}
    versions = tuple(_version(version) for version in entry["versions"])
    return Control(**{**entry, **lists, "framework": framework, "kind": Kind(entry["kind"]), "versions": versions})


def _version(entry: Mapping[str, Any]) -> ControlVersion:
    return ControlVersion(
        **{
            **entry,
            "valid_from": date.fromisoformat(entry["valid_from"]),
            "valid_to": date.fromisoformat(entry["valid_to"]) if entry["valid_to"] else None,
            "known_from": date.fromisoformat(entry["known_from"]),
            "applies_from": _applications(entry["applies_from"]),
            "no_object_before": _applications(entry.get("no_object_before", ())),
            "successors": tuple(entry.get("successors", ())),
        }
    )


def _applications(entries: Iterable[Mapping[str, str]]) -> tuple[Application, ...]:
    return tuple(Application(Route(entry["route"]), date.fromisoformat(entry["date"])) for entry in entries)
