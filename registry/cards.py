"""The card of a dataset version: who answers for it, where it came from, under which terms it may be used. Pure.

A card is what GDPR Art. 30(1), AI Act Art. 10(2) and Annex IV 2(d) ask of data, in words a machine can compare: a
licence is an SPDX expression, a legal basis is a letter of GDPR Art. 6(1), a special category is one of Art. 9(1), a
region is an ISO 3166-1 code. What nobody knows stays empty and counts as a gap; nothing is guessed.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, get_type_hints

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

from registry.canonical import digest_of
from registry.errors import InvalidInputError

SCHEMA = "assay.dataset-card/1"

#: GDPR Art. 6(1).
LEGAL_BASES = {
    "6(1)(a)": "consent",
    "6(1)(b)": "contract",
    "6(1)(c)": "legal obligation",
    "6(1)(d)": "vital interests",
    "6(1)(e)": "task in the public interest",
    "6(1)(f)": "legitimate interests",
}
#: GDPR Art. 9(2), and AI Act Art. 4a for the detection and correction of bias.
EXCEPTIONS = {
    "9(2)(a)": "explicit consent",
    "9(2)(b)": "employment and social security law",
    "9(2)(c)": "vital interests",
    "9(2)(d)": "activities of a not-for-profit body",
    "9(2)(e)": "made public by the person",
    "9(2)(f)": "legal claims",
    "9(2)(g)": "substantial public interest",
    "9(2)(h)": "health or social care",
    "9(2)(i)": "public health",
    "9(2)(j)": "archiving, research or statistics",
    "4a": "AI Act Art. 4a: detection and correction of bias",
}
#: GDPR Art. 9(1), and Art. 10 for criminal convictions.
SPECIAL_CATEGORIES = {
    "racial_or_ethnic_origin": "racial or ethnic origin",
    "political_opinions": "political opinions",
    "religious_or_philosophical_beliefs": "religious or philosophical beliefs",
    "trade_union_membership": "trade union membership",
    "genetic": "genetic data",
    "biometric": "biometric data for identification",
    "health": "health",
    "sex_life_or_orientation": "sex life or sexual orientation",
    "criminal_convictions": "criminal convictions and offences (Art. 10)",
}
#: GDPR chapter V: what lets personal data leave the European Economic Area.
SAFEGUARDS = {
    "45": "adequacy decision (Art. 45)",
    "46": "standard clauses or another safeguard (Art. 46)",
    "47": "binding corporate rules (Art. 47)",
    "49": "derogation for a specific situation (Art. 49)",
}
EEA = frozenset("AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IS IT LI LT LU LV MT NL NO PL PT RO SE SI SK".split())  # noqa: SIM905
#: Tags that say what a column means for people; a card may set them anew. The others say what a column is to a model.
GOVERNANCE_TAGS = ("pii", "special_category", "sensitive", "proxy_suspected")
#: Licences that say nothing: somebody wrote them because the field wanted something.
NO_LICENCE = frozenset({"", "NONE", "NOASSERTION", "LicenseRef-unknown"})

MOST_ENTRIES, LONGEST_ENTRY, LONGEST_TEXT = 50, 200, 5_000
_REGION = re.compile(r"[A-Z]{2}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """The facts of one dataset version as they are known now. `owner` is a pseudonym.

    `purposes` are short phrases, compared without regard to case. `compatibility` is the assessment of GDPR Art. 6(4)
    where data serve another purpose than they were collected for. `columns` maps a column to its governance tags.
    """

    owner: str = ""
    source: str = ""
    licence: str = ""
    personal_data: bool | None = None
    legal_basis: str = ""
    legal_basis_reason: str = ""
    special_categories: tuple[str, ...] = ()
    special_exception: str = ""
    purposes: tuple[str, ...] = ()
    compatibility: str = ""
    retention_until: date | None = None
    regions: tuple[str, ...] = ()
    transfer_safeguard: str = ""
    data_subjects: tuple[str, ...] = ()
    recipients: tuple[str, ...] = ()
    security_measures: str = ""
    collected_from: date | None = None
    collected_until: date | None = None
    preparation: str = ""
    assumptions: str = ""
    setting: str = ""
    known_gaps: str = ""
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def to_document(self) -> dict[str, Any]:
        """JSON-ready form, sorted where order means nothing; `parse_card` reads it back."""
        told = {entry.name: _plain(getattr(self, entry.name)) for entry in dataclasses.fields(self)}
        told["columns"] = {name: sorted(tags) for name, tags in sorted(self.columns.items())}
        return told

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical document: the identity of this state of the card."""
        return digest_of({"schema": SCHEMA, **self.to_document()})

    @property
    def is_personal(self) -> bool:
        """Special categories are personal data whatever the other flag says."""
        return bool(self.personal_data) or bool(self.special_categories)

    def gaps(self) -> tuple[str, ...]:
        """Names of the facts that are owed and not given: always some, more for personal data, most for Art. 9."""
        owed = ["owner", "source", "purposes", "known_gaps", "collected_from"]
        if self.personal_data is None:
            owed.append("personal_data")
        if self.is_personal:
            owed += ["legal_basis", "retention_until", "regions", "data_subjects", "recipients"]
        if self.special_categories:
            owed.append("special_exception")
        missing = [name for name in owed if getattr(self, name) in ("", (), None)]
        return tuple(missing + (["licence"] if self.licence in NO_LICENCE else []))


FIELDS = tuple(entry.name for entry in dataclasses.fields(Card))


def parse_card(document: Mapping[str, Any], *, columns: Sequence[str]) -> Card:
    """Read a card for data with these `columns`. Raises InvalidInputError naming the field and the way out."""
    for name in document:
        if name not in FIELDS:
            raise InvalidInputError(f"A card has no field {name}; it has {', '.join(FIELDS)}.", field=str(name))
    hints = get_type_hints(Card)
    values = {name: _parsed(name, value, hints[name]) for name, value in document.items() if name != "columns"}
    card = Card(**values, columns=_tags(document.get("columns", {}), columns))
    return _consistent(dataclasses.replace(card, licence=canonical_licence(card.licence)))


def canonical_licence(text: str) -> str:
    """The SPDX expression in its canonical spelling. Raises InvalidInputError for what is none."""
    if text in NO_LICENCE:
        return text
    try:
        return str(canonicalize_license_expression(text))
    except (InvalidLicenseExpression, ValueError):
        raise InvalidInputError(
            f"{text!r} is no SPDX licence expression. Take an identifier of spdx.org/licenses, as CC-BY-4.0, or "
            "LicenseRef-<name> for terms of your own.",
            field="licence",
        ) from None


def _consistent(card: Card) -> Card:
    """What contradicts itself is refused; what is missing is not, it is a gap."""
    for name, known in (
        ("legal_basis", LEGAL_BASES),
        ("special_exception", EXCEPTIONS),
        ("transfer_safeguard", SAFEGUARDS),
    ):
        value = getattr(card, name)
        if value and value not in known:
            raise InvalidInputError(f"{value!r} is not one of {', '.join(known)}.", field=name)
    for category in card.special_categories:
        if category not in SPECIAL_CATEGORIES:
            raise InvalidInputError(
                f"{category!r} is not one of {', '.join(SPECIAL_CATEGORIES)}.", field="special_categories"
            )
    for region in card.regions:
        if region != "EEA" and not _REGION.fullmatch(region):
            raise InvalidInputError(f"{region!r} is no ISO 3166-1 code such as DE, nor EEA.", field="regions")
    if card.special_categories and card.personal_data is False:
        raise InvalidInputError("Special categories are personal data; say so.", field="personal_data")
    if card.collected_from and card.collected_until and card.collected_from > card.collected_until:
        raise InvalidInputError("The collection ends before it begins.", field="collected_until")
    return card


def _parsed(name: str, value: Any, hint: Any) -> Any:
    kind = str(hint)
    if value is None:
        return () if "tuple" in kind else "" if hint is str else None
    if hint is str:
        return _text(name, value, LONGEST_TEXT)
    if "bool" in kind:
        if not isinstance(value, bool):
            raise InvalidInputError("Say true or false, or leave it out.", field=name)
        return value
    if "date" in kind:
        return _date(name, value)
    return _texts(name, value)


def _text(name: str, value: Any, longest: int) -> str:
    if not isinstance(value, str):
        raise InvalidInputError("This is a text.", field=name)
    if len(value) > longest:
        raise InvalidInputError(f"At most {longest} characters.", field=name)
    return value.strip()


def _texts(name: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or len(value) > MOST_ENTRIES:
        raise InvalidInputError(f"This is a list of at most {MOST_ENTRIES} short texts.", field=name)
    cleaned = [_text(name, entry, LONGEST_ENTRY) for entry in value]
    return tuple(dict.fromkeys(entry for entry in cleaned if entry))


def _date(name: str, value: Any) -> date:
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        raise InvalidInputError("A day is written as 2026-12-31.", field=name) from None


def _tags(value: Any, columns: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
    if not isinstance(value, Mapping):
        raise InvalidInputError("Give the tags as {column: [tag, …]}.", field="columns")
    tagged = {}
    for name, tags in value.items():
        if name not in columns:
            raise InvalidInputError(f"The data has no column {name}.", field="columns")
        unknown = [tag for tag in _texts("columns", tags) if tag not in GOVERNANCE_TAGS]
        if unknown:
            raise InvalidInputError(
                f"{unknown[0]!r} is no tag of a card; the tags are {', '.join(GOVERNANCE_TAGS)}.", field="columns"
            )
        tagged[str(name)] = tuple(sorted(_texts("columns", tags)))
    return tagged


def _plain(value: Any) -> Any:
    if isinstance(value, date):
        return value.isoformat()
    return list(value) if isinstance(value, tuple) else value
