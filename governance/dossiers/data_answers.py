"""What the dataset cards and the data checks say to the points of GDPR Art. 30(1) and AI Act Art. 10.

A point that is asked of all data is answered only where every dataset answers it: half a record is an open point. Each
sentence about data names the dataset; the document as a whole names the digest of each card.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from audits.reports import figures
from audits.reports.parts import CheckFacts, FindingFacts
from audits.reports.wording import OUTCOMES, metric_in_words
from registry.cards import EXCEPTIONS, LEGAL_BASES, SAFEGUARDS, SPECIAL_CATEGORIES, Card

Sentences = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Data:
    """A dataset version behind a model version. `role` is empty where it went in through others."""

    name: str
    card: Card
    role: str = ""
    rows: int | None = None
    columns: int = 0
    derived_from: tuple[str, ...] = ()


# -- GDPR Art. 30(1) --------------------------------------------------------------------------------------------------
def purposes(data: Iterable[Data]) -> Sentences:
    """Art. 30(1)(b): for what, and on which basis."""
    return _of_all(_personal(data), _purposes_of)


def _purposes_of(one: Data) -> str:
    card = one.card
    if not card.purposes or not card.legal_basis:
        return ""
    return f"{one.name}: {_phrases(card)}, on the basis of Art. {card.legal_basis} ({LEGAL_BASES[card.legal_basis]})."


def _phrases(card: Card) -> str:
    """The purposes inside of a sentence, which has a full stop of its own."""
    return "; ".join(purpose.rstrip(".") for purpose in card.purposes)


def categories(data: Iterable[Data]) -> Sentences:
    """Art. 30(1)(c): of whom, and what about them."""
    return _of_all(_personal(data), _categories_of)


def _categories_of(one: Data) -> str:
    if not one.card.data_subjects:
        return ""
    tagged = [name for name, tags in sorted(one.card.columns.items()) if tags]
    special = [SPECIAL_CATEGORIES[name] for name in one.card.special_categories]
    words = f"{one.name}: {', '.join(one.card.data_subjects)}; tagged columns: {', '.join(tagged) or 'none'}"
    if special:
        exception = one.card.special_exception
        basis = f"Art. {exception} ({EXCEPTIONS[exception]})" if exception else "without a stated exception"
        words += f"; special categories: {', '.join(special)}, {basis}"
    return f"{words}."


def recipients(data: Iterable[Data]) -> Sentences:
    """Art. 30(1)(d)."""
    return _of_all(
        _personal(data),
        lambda one: f"{one.name}: {', '.join(one.card.recipients)}." if one.card.recipients else "",
    )


def transfers(data: Iterable[Data]) -> Sentences:
    """Art. 30(1)(e): where data are, and under which safeguard."""

    def told(one: Data) -> str:
        if not one.card.regions:
            return ""
        safeguard = SAFEGUARDS.get(one.card.transfer_safeguard)
        return f"{one.name}: stored in {', '.join(one.card.regions)}" + (f", {safeguard}." if safeguard else ".")

    return _of_all(_personal(data), told)


def erasure(data: Iterable[Data]) -> Sentences:
    """Art. 30(1)(f)."""
    return _of_all(
        _personal(data),
        lambda one: (
            f"{one.name} is kept until {figures.day(one.card.retention_until)}." if one.card.retention_until else ""
        ),
    )


def security(data: Iterable[Data]) -> Sentences:
    """Art. 30(1)(g)."""
    return _of_all(
        _personal(data), lambda one: f"{one.name}: {one.card.security_measures}" if one.card.security_measures else ""
    )


# -- AI Act Art. 10 ---------------------------------------------------------------------------------------------------
def collection(data: Iterable[Data]) -> Sentences:
    """Art. 10(2)(b): how and when data came in, and for which purpose."""
    return _of_all(data, _collection_of)


def _collection_of(one: Data) -> str:
    card = one.card
    if one.derived_from:
        return f"{one.name} was made from {', '.join(one.derived_from)} (card {card.digest})."
    if not card.source or not card.collected_from:
        return ""
    until = f" to {figures.day(card.collected_until)}" if card.collected_until else ""
    purpose = f", for {_phrases(card)}" if card.purposes else ""
    begun = figures.day(card.collected_from)
    return f"{one.name}: {card.source}, collected from {begun}{until}{purpose} (card {card.digest})."


def preparation(data: Iterable[Data]) -> Sentences:
    """Art. 10(2)(c)."""
    return _of_all(data, lambda one: f"{one.name}: {one.card.preparation}" if one.card.preparation else "")


def assumptions(data: Iterable[Data]) -> Sentences:
    """Art. 10(2)(d)."""
    return _of_all(data, lambda one: f"{one.name}: {one.card.assumptions}" if one.card.assumptions else "")


def suitability(data: Iterable[Data]) -> Sentences:
    """Art. 10(2)(e): what there is, by role."""
    used = [one for one in data if one.role]
    return _of_all(
        used,
        lambda one: (
            f"{one.name} as {one.role}: {figures.count(one.rows)} rows, {one.columns} columns." if one.rows else ""
        ),
    )


def known_gaps(data: Iterable[Data]) -> Sentences:
    """Art. 10(2)(h)."""
    return _of_all(data, lambda one: f"{one.name}: {one.card.known_gaps}" if one.card.known_gaps else "")


def setting(data: Iterable[Data]) -> Sentences:
    """Art. 10(4)."""
    return _of_all(data, lambda one: f"{one.name}: {one.card.setting}" if one.card.setting else "")


def quality(checks: Iterable[CheckFacts], findings: Iterable[FindingFacts]) -> Sentences:
    """Art. 10(3): what the data checks found. Empty while none has been run."""
    if not any(check.check.startswith(("data_quality.", "lineage.")) for check in checks):
        return ()
    return judged(finding for finding in findings if finding.check.startswith(("data_quality.", "lineage.")))


def judged(findings: Iterable[FindingFacts]) -> Sentences:
    """Each criterion with its limit, the value found, and how it came out."""
    return tuple(
        f"{finding.title}: {metric_in_words(finding.metric)}, {figures.limit(finding.limit)}; "
        f"found {figures.measured(finding.measured)}, {OUTCOMES[finding.outcome][1]}."
        for finding in findings
    )


def exceptions(data: Iterable[Data]) -> Sentences:
    """Art. 4a(1)(e): until when data is held for the detection and correction of bias."""
    held = [one for one in data if one.card.special_exception == "4a"]
    return _of_all(
        held,
        lambda one: (
            f"{one.name} is held under Art. 4a until {figures.day(one.card.retention_until)}."
            if one.card.retention_until
            else ""
        ),
    )


OF_DATA: Mapping[str, Callable[[Iterable[Data]], Sentences]] = {
    "gdpr-30-1-b": purposes,
    "gdpr-30-1-c": categories,
    "gdpr-30-1-d": recipients,
    "gdpr-30-1-e": transfers,
    "gdpr-30-1-f": erasure,
    "gdpr-30-1-g": security,
    "aia-10-2-b": collection,
    "aia-10-2-c": preparation,
    "aia-10-2-d": assumptions,
    "aia-10-2-e": suitability,
    "aia-10-2-h": known_gaps,
    "aia-10-4": setting,
    "aia-4a-1-e": exceptions,
}


#: Asked of some data only, so that silence of the others means nothing.
_OF_SOME = frozenset({"aia-10-2-e", "aia-4a-1-e"})


def lacking(control: str, data: Iterable[Data]) -> Sentences:
    """For whoever answers a point that data leave open: what the cards say that do, and which say nothing."""
    if control not in OF_DATA or control in _OF_SOME:
        return ()
    asked = _personal(data) if control.startswith("gdpr-") else list(data)
    if not asked:
        return ("No registered data behind this version is declared personal.",) if control.startswith("gdpr-") else ()
    answered = [(one, OF_DATA[control]([one])) for one in asked]
    said = tuple(sentence for _, sentences in answered for sentence in sentences)
    return (*said, *(f"The card of {one.name} says nothing to this." for one, sentences in answered if not sentences))


def _personal(data: Iterable[Data]) -> list[Data]:
    return [one for one in data if one.card.is_personal]


def _of_all(data: Iterable[Data], told: Callable[[Data], str]) -> Sentences:
    """A sentence about each, or nothing where one has none."""
    sentences = tuple(told(one) for one in data)
    return sentences if sentences and all(sentences) else ()
