"""Whether the catalogue can be trusted as data: identities, references and dates. For a system check and the tests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

from audits.frameworks.catalogue import Catalogue, Control, ControlVersion, Route

APPLIES_TO = frozenset({"provider", "deployer", "controller", "processor", "both"})
AUTOMATION = frozenset({"automated", "partial", "attested"})
EVIDENCE = frozenset(
    {"documentation", "attestation", "approval", "logging", "lineage", "data_quality", "performance", "fairness"}
    | {"explainability", "robustness", "security", "human_oversight", "monitoring"}
)


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
    yield from (f"{control.id} asks for {kind}, a kind of evidence that nobody gives." for kind in _strange(control))
    if not control.versions:
        yield f"{control.id} has no version."
    for version in control.versions:
        place = f"{control.id} as of {version.valid_from}"
        yield from (f"{place} {problem}." for problem in _date_problems(version))
        yield from (f"{place} {problem}." for problem in _successor_problems(version, catalogue))
    yield from _sequence_problems(control)


def _strange(control: Control) -> list[str]:
    return sorted(set(control.evidence) - EVIDENCE)


def _sequence_problems(control: Control) -> Iterator[str]:
    if control.versions and control.latest.valid_to is not None:
        yield f"{control.id} ends without a version that says so."
    for former, later in pairwise(control.versions):
        if former.valid_to != later.valid_from:
            yield f"{control.id} has a gap or an overlap on {later.valid_from}."
        if former.known_from > later.known_from:
            yield f"{control.id} was amended on {later.valid_from} before its earlier text was known."


def _date_problems(version: ControlVersion) -> Iterator[str]:
    amended = bool(version.amended_by)
    defects = (
        (not version.duty.strip(), "says no duty"),
        (version.valid_to is not None and version.valid_to <= version.valid_from, "ends before it begins"),
        (version.known_from > version.valid_from, "was law before anybody could know it"),
        (not version.applies_from and not version.repealed, "has no date from which it applies"),
        # An amendment may well change the wording of what applies already.
        (not amended and any(e.date < version.valid_from for e in version.applies_from), "applies before it is law"),
    )
    yield from (words for applies, words in defects if applies)
    for dates in (version.applies_from, version.no_object_before):
        routes = [entry.route for entry in dates]
        if len(set(routes)) != len(routes) or (Route.GENERAL in routes and len(routes) > 1):
            yield "has two dates for one route"


def _successor_problems(version: ControlVersion, catalogue: Catalogue) -> Iterator[str]:
    for successor in version.successors:
        if successor not in catalogue.by_id:
            yield f"points to {successor}, which is not in the catalogue"
        elif catalogue.by_id[successor].latest.repealed:
            yield f"points to {successor}, which is repealed itself"
