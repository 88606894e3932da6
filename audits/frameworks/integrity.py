"""Whether the catalogue can be trusted as data: identities, references and dates. For a system check and the tests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

from audits.frameworks.catalogue import Catalogue, Control, ControlVersion, Route

APPLIES_TO = frozenset({"provider", "deployer", "controller", "processor", "both"})
AUTOMATION = frozenset({"automated", "partial", "attested"})


def problems(catalogue: Catalogue) -> tuple[str, ...]:
    """Every defect in one sentence each; empty when there is none."""
    return tuple(_problems(catalogue))


def _problems(catalogue: Catalogue) -> Iterator[str]:
    if not catalogue.frameworks:
        yield "The catalogue holds no framework."
    names = [framework.name for framework in catalogue.frameworks]
    yield from (f"Framework {name} is there {times} times." for name, times in Counter(names).items() if times > 1)
    ids = Counter(control.id for control in catalogue.entries)
    yield from (f"{name} is there {times} times." for name, times in ids.items() if times > 1)
    places = Counter((control.framework, control.reference) for control in catalogue.entries)
    yield from (f"{name}, {place} is there {times} times." for (name, place), times in places.items() if times > 1)
    for control in catalogue.entries:
        if control.framework not in names:
            yield f"{control.id} belongs to {control.framework}, which is not in the catalogue."
        yield from _control_problems(control, catalogue)


def _control_problems(control: Control, catalogue: Catalogue) -> Iterator[str]:
    for name in ("id", "reference", "title"):
        if not getattr(control, name).strip():
            yield f"{control.id} has no {name}."
    if control.applies_to not in APPLIES_TO:
        yield f"{control.id} applies to {control.applies_to}, which is nobody."
    if control.automation not in AUTOMATION:
        yield f"{control.id} has the automation {control.automation}, which is unknown."
    if not control.versions:
        yield f"{control.id} has no version."
        return
    if control.latest.valid_to is not None:
        yield f"{control.id} ends without a version that says so."
    for version in control.versions:
        yield from _version_problems(control, version, catalogue)
    for former, later in pairwise(control.versions):
        if former.valid_to != later.valid_from:
            yield f"{control.id} has a gap or an overlap on {later.valid_from}."
        if former.known_from > later.known_from:
            yield f"{control.id} was amended on {later.valid_from} before its earlier text was known."


def _version_problems(control: Control, version: ControlVersion, catalogue: Catalogue) -> Iterator[str]:
    place = f"{control.id} as of {version.valid_from}"
    if not version.duty.strip():
        yield f"{place} says no duty."
    if version.valid_to is not None and version.valid_to <= version.valid_from:
        yield f"{place} ends before it begins."
    if version.known_from > version.valid_from:
        yield f"{place} was law before anybody could know it."
    if not version.applies_from and not version.repealed:
        yield f"{place} has no date from which it applies."
    for dates in (version.applies_from, version.no_object_before):
        routes = [entry.route for entry in dates]
        if len(set(routes)) != len(routes) or (Route.GENERAL in routes and len(routes) > 1):
            yield f"{place} has two dates for one route."
    if any(entry.date < version.valid_from and version.amended_by == "" for entry in version.applies_from):
        yield f"{place} applies before it is law."
    for successor in version.successors:
        if successor not in catalogue.by_id:
            yield f"{place} points to {successor}, which is not in the catalogue."
        elif catalogue.by_id[successor].latest.repealed:
            yield f"{place} points to {successor}, which is repealed itself."
