"""What the records say to the points of a law: one function a topic, each a list of sentences, empty where none."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from audits.measurements import MetricValue
from audits.reports import figures
from audits.reports.parts import CheckFacts, FindingFacts
from audits.reports.wording import metric_in_words
from governance.dossiers import data_answers
from governance.dossiers.data_answers import Data
from registry.models import ModelVersion, VersionInput


@dataclass(frozen=True, slots=True)
class Records:
    """Everything that the answers read: a version, its inputs, and the newest finished audit."""

    version: ModelVersion
    inputs: tuple[VersionInput, ...]
    checks: tuple[CheckFacts, ...]
    findings: tuple[FindingFacts, ...]
    earlier: tuple[ModelVersion, ...]
    data: tuple[Data, ...] = ()


Sentences = tuple[str, ...]
#: Of each check of performance; all of them are in its report.
MOST_VALUES = 20


def purpose(records: Records) -> Sentences:
    """What the system is for, in the owner's words."""
    return (records.version.model.intended_purpose,) if records.version.model.intended_purpose.strip() else ()


def identity(records: Records) -> Sentences:
    """Name, version, digest, and the versions before it."""
    version = records.version
    named = (
        f"{version.model.name} ({version.model.slug}), version {version.number}, artifact {version.artifact_digest}."
    )
    before = tuple(f"Earlier version {old.number} of {figures.day(old.created_at)}." for old in records.earlier)
    return (named, *before)


def general(records: Records) -> Sentences:
    """Purpose and identity together."""
    return (*purpose(records), *identity(records)) if purpose(records) else ()


def software(records: Records) -> Sentences:
    """Format, library and code revision."""
    version = records.version
    known = {"format": version.artifact_format, "library": version.framework, "code revision": version.code_revision}
    return tuple(f"The {name} is {value}." for name, value in known.items() if value)


def design(records: Records) -> Sentences:
    """The declared signature."""
    signature = records.version.signature
    features = ", ".join(map(str, signature.get("features", ())))
    task = str(signature.get("task") or "").replace("_", " ")
    told = {"task": task, "features": features, "target": signature.get("target")}
    return tuple(f"The {name}: {value}." for name, value in told.items() if value)


def data_sets(records: Records) -> Sentences:
    """Each dataset with its role, origin, licence, size and digest."""
    sentences = []
    for used in records.inputs:
        data = used.dataset_version
        rows = f"{figures.count(data.row_count)} rows" if data.row_count else "rows not counted"
        sentences.append(
            f"{used.get_role_display()}: {data}; source: {data.source or 'not stated'}; "
            f"licence: {data.licence or 'not stated'}; {rows}; {data.digest}."
        )
    return tuple(sentences)


def tests(records: Records) -> Sentences:
    """Each criterion with its limit, the value found, and how it came out."""
    return data_answers.judged(records.findings)


def groups(records: Records) -> Sentences:
    """The same for groups of people only."""
    about = tuple(finding for finding in records.findings if finding.check.startswith("fairness."))
    return tests(dataclasses.replace(records, findings=about))


def quality(records: Records) -> Sentences:
    """What the performance checks measured, with intervals."""
    return tuple(
        _told(value)
        for check in records.checks
        if check.check.startswith("performance.")
        for value in check.values[:MOST_VALUES]
    )


def _told(value: MetricValue) -> str:
    where = f"{value.feature}: {value.group}" if value.group else value.feature
    metric = metric_in_words(value.metric) + (f" ({where})" if where else "")
    found = figures.measured(value)
    if value.interval is not None:
        low, high = figures.sides(value.interval)
        found += f", interval {low} to {high},"
    return f"{metric}: {found} on {figures.count(value.n)} rows."


def reasons(records: Records) -> Sentences:
    """Why each limit was chosen, and by whom."""
    return tuple(f"{finding.title}: {finding.reason} (set by {finding.set_by})" for finding in records.findings)


def history(records: Records) -> Sentences:
    """The versions before this one."""
    return tuple(f"Version {old.number} was registered on {figures.day(old.created_at)}." for old in records.earlier)


def affected(records: Records) -> Sentences:
    """Whose lives the output touches."""
    text = records.version.model.affected_persons
    return (f"Affected persons: {text}.",) if text.strip() else ()


def data_quality(records: Records) -> Sentences:
    """What the checks of data and lineage found."""
    return data_answers.quality(records.checks, records.findings)


def _of_data(answer: Callable[[Iterable[Data]], Sentences]) -> Callable[[Records], Sentences]:
    return lambda records: answer(records.data)


ANSWERS: Mapping[str, Callable[[Records], Sentences]] = {
    "aia-annex4-1-a": general,
    "aia-annex4-1-c": software,
    "aia-annex4-2-b": design,
    "aia-annex4-2-d": data_sets,
    "aia-annex4-2-g": tests,
    "aia-annex4-3": quality,
    "aia-annex4-4": reasons,
    "aia-annex4-6": history,
    "aia-annex5-1": identity,
    "aia-13-3-b-i": purpose,
    "aia-13-3-b-ii": quality,
    "aia-13-3-b-v": groups,
    "aia-13-3-b-vi": data_sets,
    "aia-27-1-c": affected,
    "aia-10-2-f": groups,
    "aia-10-3": data_quality,
    **{control: _of_data(answer) for control, answer in data_answers.OF_DATA.items()},
}
#: Where the records help a person but cannot answer: the point stays open until somebody signs an answer.
HINTS: Mapping[str, Callable[[Records], Sentences]] = {
    "aia-27-1-d": groups,
    "gdpr-35-7-a": general,
    "gdpr-35-7-c": groups,
}
