"""The questions of the classification, a step at a time, in the words of the catalogue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext as _

from audits.frameworks.catalogue import Catalogue
from audits.reports.tongue import law
from governance.law import classification_rules as rules


@dataclass(frozen=True, slots=True)
class Step:
    """Questions that are asked together, with what they are for."""

    title: str
    told: str
    questions: tuple[str, ...]


def steps() -> tuple[Step, ...]:
    """In the order of the law: what it is, what is forbidden, what is high, what people must be told, what else."""
    return (
        Step(_("Role"), _("Who you are for this model, and whether it is an AI system."), ("role", "is_ai_system")),
        Step(_("Prohibited practices"), _("AI Act Art. 5(1): tick each point that applies."), ("prohibited",)),
        Step(
            _("High risk"),
            _("AI Act Art. 6(1), 6(2) and 6(3). The exception never holds for what profiles people."),
            ("annex_i", "annex_iii", "exception", "profiling"),
        ),
        Step(
            _("Transparency and general purpose"),
            _("AI Act Art. 50(1) to 50(4), and the chapter on general-purpose models."),
            ("transparency", "general_purpose"),
        ),
        Step(
            _("People’s data"),
            _("GDPR Art. 22(1) and 35(3), and whether Art. 27(1) of the AI Act asks for an assessment."),
            ("personal_data", "automated_decision", "dpia", "public_service"),
        ),
    )


def _yes_no(label: str) -> forms.Field:
    return forms.TypedChoiceField(
        label=label,
        choices=(("yes", _("yes")), ("no", _("no"))),
        coerce=lambda word: word == "yes",
        widget=forms.RadioSelect,
    )


def _one(label: str, choices: Sequence[tuple[str, str]], help_text: str = "", *, required: bool = True) -> forms.Field:
    return forms.ChoiceField(
        label=label, choices=choices, widget=forms.RadioSelect, help_text=help_text, required=required
    )


def _some(label: str, choices: Sequence[tuple[str, str]]) -> forms.Field:
    return forms.MultipleChoiceField(
        label=label,
        choices=choices,
        widget=forms.CheckboxSelectMultiple,
        required=False,
        help_text=_("None ticked means: none applies."),
    )


def fields() -> dict[str, forms.Field]:
    """Every question. Duties are quoted in the catalogue's own short words."""
    catalogue = Catalogue.load()

    def duties(names: Sequence[str], prefix: str, reference: str) -> list[tuple[str, str]]:
        return [
            (name, f"{reference.format(name)}: {law(catalogue.control(prefix + rules.slug_of(name)).duty)}")
            for name in names
        ]

    annex_iii = rules.annex_iii_points(catalogue)
    exceptions = [
        ("", _("no exception is claimed")),
        ("a", _("(a) it performs a narrow procedural task")),
        ("b", _("(b) it improves the result of a completed human activity")),
        ("c", _("(c) it detects patterns or deviations, without replacing the human assessment")),
        ("d", _("(d) it performs a preparatory task")),
    ]
    purposes = [
        ("none", _("no")),
        ("gpai", _("yes")),
        ("gpai-systemic", _("yes, with systemic risk")),
    ]
    return {
        "role": _one(_("We are the"), [("provider", _("provider")), ("deployer", _("deployer"))]),
        "is_ai_system": _yes_no(_("Is it an AI system (Art. 3(1))?")),
        "prohibited": _some(_("Which of these does it do?"), duties(rules.PROHIBITED, "aia-5-1-", "Art. 5(1)({})")),
        "annex_i": _yes_no(_("Is it a product, or its safety component, under Annex I with third-party assessment?")),
        "annex_iii": _some(_("Which points of Annex III fit?"), duties(annex_iii, "aia-annex3-", "Annex III, {}")),
        "exception": _one(
            _("Is an exception under Art. 6(3) claimed?"),
            exceptions,
            _("It has to be documented and registered."),
            required=False,
        ),
        "profiling": _yes_no(_("Does it profile natural persons?")),
        "transparency": _some(
            _("Which paragraphs of Art. 50 apply?"), duties(rules.TRANSPARENCY, "aia-50-", "Art. 50({})")
        ),
        "general_purpose": _one(_("Is it a general-purpose model?"), purposes),
        "personal_data": _yes_no(_("Are personal data processed?")),
        "automated_decision": _yes_no(_("Does it alone decide about people, with legal or similar effects?")),
        "dpia": _some(_("Which triggers of Art. 35(3) apply?"), duties(rules.DPIA, "gdpr-35-3-", "Art. 35(3)({})")),
        "public_service": _yes_no(_("Is the deployer a public body, or does it provide public services?")),
    }


class StepForm(forms.Form):
    """The questions of one step."""

    def __init__(self, data: Any, step: Step) -> None:
        super().__init__(data)
        every = fields()
        self.fields.update({name: every[name] for name in step.questions})


def answers_in(data: QueryDict) -> dict[str, Any]:
    """What was answered so far, in the form that the verb reads. A question that was not asked yet is left out."""
    found: dict[str, Any] = {}
    for name, field in fields().items():
        if f"asked_{name}" not in data and name not in data:
            continue
        if isinstance(field, forms.MultipleChoiceField):
            found[name] = data.getlist(name)
        else:
            value = data.get(name, "")
            found[name] = value == "yes" if isinstance(field, forms.TypedChoiceField) else value
    return found


def carried(answers: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The answers as hidden inputs, which bring them to the next step."""
    pairs = []
    for name, value in answers.items():
        pairs.append((f"asked_{name}", "1"))
        values = value if isinstance(value, list) else ["yes" if value is True else "no" if value is False else value]
        pairs += [(name, entry) for entry in values]
    return pairs


def in_words(answers: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Each question with its answer, as people read it."""
    told = []
    for name, field in fields().items():
        if name not in answers:
            continue
        value = answers[name]
        choices: Any = field.choices if isinstance(field, forms.ChoiceField) else ()
        words: dict[str, str] = dict(choices)
        if isinstance(value, bool):
            said = _("yes") if value else _("no")
        elif isinstance(value, list):
            said = "; ".join(str(words.get(entry, entry)).partition(":")[0] for entry in value) or _("none")
        else:
            said = words.get(value, value)
        told.append((str(field.label), said))
    return told
