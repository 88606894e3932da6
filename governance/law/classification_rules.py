"""From a lawyer's answers to the class of a model, with a reason for each step. Pure: the law comes from the catalogue.

The rules count and compare answers; whether an answer is right, a person decides and signs
(`governance.law.classifications`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import date
from typing import Any

from audits.frameworks.catalogue import Catalogue, Control, EffectStatus, Kind
from registry.errors import InvalidInputError

PROHIBITED = ("a", "b", "ba", "bb", "c", "d", "e", "f", "g", "h")
EXCEPTIONS = ("", "a", "b", "c", "d")
TRANSPARENCY = ("1", "2", "3", "4")
DPIA = ("a", "b", "c")
ROLES = ("provider", "deployer")
GENERAL_PURPOSE = ("none", "gpai", "gpai-systemic")
#: Deployers of these, public or private, assess the impact on fundamental rights; those of point 2 never have to.
ASSESSED_BY_ALL, NEVER_ASSESSED = ("5(b)", "5(c)"), "2"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """Every question has to be answered: there is no default that could be mistaken for a no.

    `prohibited`: points of Art. 5(1) that apply. `annex_i`: product or safety component under Annex I with third-party
    assessment. `annex_iii`: points such as `5(b)`. `exception`: the condition of Art. 6(3) relied on, or "".
    `transparency`: paragraphs of Art. 50. `dpia`: points of GDPR Art. 35(3).
    """

    role: str
    is_ai_system: bool
    prohibited: tuple[str, ...]
    annex_i: bool
    annex_iii: tuple[str, ...]
    exception: str
    profiling: bool
    transparency: tuple[str, ...]
    general_purpose: str
    personal_data: bool
    automated_decision: bool
    dpia: tuple[str, ...]
    public_service: bool

    @classmethod
    def from_document(cls, document: Mapping[str, Any], catalogue: Catalogue) -> Answers:
        """Read strictly. Raises InvalidInputError naming the question that has no answer, or one that cannot be."""
        names = [entry.name for entry in fields(cls)]
        for name in document:
            if name not in names:
                raise InvalidInputError(f"{name} is not a question.", field=str(name))
        allowed = _allowed(catalogue)
        answers = {}
        for name in names:
            if name not in document:
                raise InvalidInputError(f"{name} has no answer.", field=name)
            answers[name] = _answer(name, document[name], allowed.get(name))
        return cls(**answers)

    def to_document(self) -> dict[str, Any]:
        """JSON-ready; `from_document` is its inverse."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}


_LISTS = frozenset({"prohibited", "annex_iii", "transparency", "dpia"})


def annex_iii_points(catalogue: Catalogue) -> tuple[str, ...]:
    """The points of Annex III as the catalogue lists them: `1(a)`, …, `8(b)`."""
    head = "Annex III, point "
    return tuple(
        control.reference.removeprefix(head) for control in catalogue.all() if control.reference.startswith(head)
    )


def _allowed(catalogue: Catalogue) -> dict[str, tuple[str, ...]]:
    return {
        "role": ROLES,
        "prohibited": PROHIBITED,
        "annex_iii": annex_iii_points(catalogue),
        "exception": EXCEPTIONS,
        "transparency": TRANSPARENCY,
        "general_purpose": GENERAL_PURPOSE,
        "dpia": DPIA,
    }


def _answer(name: str, value: Any, allowed: tuple[str, ...] | None) -> Any:
    if allowed is None:
        if not isinstance(value, bool):
            raise InvalidInputError(f"{name} is answered with true or false.", field=name)
        return value
    if name not in _LISTS:
        if value not in allowed:
            raise InvalidInputError(f"{name} is one of {', '.join(filter(None, allowed))}.", field=name)
        return value
    if not isinstance(value, list | tuple) or not set(map(str, value)) <= set(allowed):
        raise InvalidInputError(f"{name} is a list of some of {', '.join(allowed)}.", field=name)
    return tuple(entry for entry in allowed if entry in value)


@dataclass(frozen=True, slots=True)
class Step:
    """One conclusion, why, and the controls that say so."""

    says: str
    controls: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Classified:
    """The class that follows: `prohibited`, `high`, `limited` or `minimal`; each step that led there; the duties."""

    outcome: str
    steps: tuple[Step, ...]
    fria: bool
    dpia: bool
    controls: tuple[str, ...]

    @property
    def risk_class(self) -> str:
        """The class that policies select by; the strictest there is for what may not be used at all."""
        return "high" if self.outcome == "prohibited" else self.outcome


def classify(answers: Answers, catalogue: Catalogue, as_of: date) -> Classified:
    """What follows from the answers, with the law of that day."""
    steps = [*_prohibited(answers, catalogue, as_of), *_high(answers), *_lower(answers)]
    outcomes = [outcome for outcome, _ in steps]
    order = ("prohibited", "high", "limited", "minimal")
    outcome = next((name for name in order if name in outcomes), "minimal")
    fria, dpia = needs_fria(answers, outcome), needs_dpia(answers)
    held = (control for control in catalogue.all() if _applies(control, answers, outcome, as_of, catalogue))
    extra = [
        *((Step("A fundamental rights impact assessment is due before first use.", ("aia-27-1",)),) if fria else ()),
        *((Step("A data protection impact assessment is due.", _dpia_controls(answers)),) if dpia else ()),
    ]
    return Classified(
        outcome=outcome,
        steps=(*(step for _, step in steps), *extra),
        fria=fria,
        dpia=dpia,
        controls=tuple(control.id for control in held),
    )


def _prohibited(answers: Answers, catalogue: Catalogue, as_of: date) -> Iterator[tuple[str, Step]]:
    for point in answers.prohibited:
        control = catalogue.control(f"aia-5-1-{point}")
        effect = catalogue.effective(control, as_of)
        if effect.status is EffectStatus.BINDING:
            yield "prohibited", Step(f"Art. 5(1)({point}) applies: {effect.text}.", (control.id,))
        else:
            # Not yet forbidden, and still nothing that a policy for lesser risks should let pass.
            yield "high", Step(f"Art. 5(1)({point}) will apply: {effect.text}.", (control.id,))


def _high(answers: Answers) -> Iterator[tuple[str, Step]]:
    if answers.annex_i:
        yield "high", Step("Product or safety component under Annex I.", ("aia-6-1",))
    if not answers.annex_iii:
        return
    points = ", ".join(answers.annex_iii)
    listed = tuple(f"aia-annex3-{slug_of(point)}" for point in answers.annex_iii)
    if not answers.exception:
        yield "high", Step(f"Listed in Annex III, point {points}.", ("aia-6-2", *listed))
    elif answers.profiling:
        yield (
            "high",
            Step(f"Annex III, point {points}; it profiles people, so no exception holds.", ("aia-6-3", *listed)),
        )
    else:
        told = f"Annex III, point {points}, excepted by Art. 6(3)({answers.exception}): document and register."
        yield "minimal", Step(told, ("aia-6-3", "aia-6-4", "aia-49-2"))


def _lower(answers: Answers) -> Iterator[tuple[str, Step]]:
    if not answers.is_ai_system:
        yield "minimal", Step("Not an AI system within the meaning of AI Act Art. 3(1).", ("aia-3-1",))
    for paragraph in answers.transparency:
        yield "limited", Step(f"AI Act Art. 50({paragraph}) applies.", (f"aia-50-{paragraph}",))
    if answers.general_purpose != "none":
        yield "limited", Step("A general-purpose model: its own chapter applies as well.", ())
    if answers.personal_data and answers.automated_decision:
        told = "Decides about people by automated means alone: GDPR Art. 22 applies."
        yield "minimal", Step(told, ("gdpr-22-1", "gdpr-22-3"))


def needs_fria(answers: Answers, outcome: str) -> bool:
    """AI Act Art. 27(1): deployers under Annex III; public ones nearly always, all of them for credit and insurance."""
    points = [point for point in answers.annex_iii if point != NEVER_ASSESSED]
    if outcome not in ("high", "prohibited") or answers.role != "deployer" or not points:
        return False
    if answers.exception and not answers.profiling:
        return False
    return answers.public_service or any(point in ASSESSED_BY_ALL for point in points)


def needs_dpia(answers: Answers) -> bool:
    """GDPR Art. 35(3): any of its triggers, where personal data are processed."""
    return answers.personal_data and bool(answers.dpia)


def _dpia_controls(answers: Answers) -> tuple[str, ...]:
    return ("gdpr-35-1", *(f"gdpr-35-3-{point}" for point in answers.dpia))


def slug_of(point: str) -> str:
    return point.replace("(", "-").replace(")", "")


def _applies(control: Control, answers: Answers, outcome: str, as_of: date, catalogue: Catalogue) -> bool:
    if catalogue.effective(control, as_of).status in (EffectStatus.NOT_LAW, EffectStatus.REPEALED):
        return False
    if control.kind not in (Kind.DUTY, Kind.CLASSIFICATION):
        return False
    if control.framework == "GDPR":
        return answers.personal_data
    if control.framework != "EU AI Act" or not answers.is_ai_system:
        return False
    classes = {"all"}
    classes |= {"high-risk"} if outcome in ("high", "prohibited") else set()
    classes |= {"limited"} if answers.transparency else set()
    classes |= {answers.general_purpose, "gpai"} if answers.general_purpose != "none" else set()
    classes |= {"non-high-risk-annex-iii"} if answers.annex_iii and outcome not in ("high", "prohibited") else set()
    return control.applies_to in (answers.role, "both") and bool(classes & set(control.risk_classes))
