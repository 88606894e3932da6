"""The forms of the confirm pages. They check that something was filled in; whether it may be done, the verbs say."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from django import forms
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from audits.reports.tongue import ours
from audits.reports.wording import role_in_words
from governance.models import Review
from governance.policies import PolicyError
from registry.errors import AssayError
from registry.models import DatasetWithdrawal, Person

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise  # known to the stubs only

R = TypeVar("R")

LONGEST_TEXT = 10_000
_PATH = re.compile(r"[\w$.\[\]]+")


class ReasonField(forms.CharField):
    """Some sentences of a person."""

    def __init__(
        self, label: str | _StrPromise, help_text: str | _StrPromise, rows: int = 4, *, required: bool = True
    ) -> None:
        super().__init__(
            label=label,
            help_text=help_text,
            max_length=LONGEST_TEXT,
            required=required,
            widget=forms.Textarea(attrs={"rows": rows}),
        )


class PersonField(forms.ModelChoiceField):  # type: ignore[type-arg]  # not generic when it runs
    """One of some people, by the name under which they sign."""

    def label_from_instance(self, person: Person) -> str:
        """Their printed name; the account's name tells two of one name apart."""
        return f"{person.printed_name} ({person.get_username()})"


class PasswordField(forms.CharField):
    """The credential that goes with a signature. It is never shown again, and never stripped."""

    def __init__(self) -> None:
        super().__init__(
            label=gettext_lazy("Your password"),
            help_text=gettext_lazy(
                "You sign with it. Being signed in is not enough: an unattended browser is signed in too."
            ),
            strip=False,
            max_length=1000,
            required=False,  # an authenticator's code may come alone; the verb asks for one of the two
            widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
        )


class CodeField(forms.CharField):
    """The one-time code of an authenticator, beside or instead of the password."""

    def __init__(self) -> None:
        super().__init__(
            label=gettext_lazy("One-time code (if you have an authenticator)"),
            help_text=gettext_lazy("Six digits, good once. Whoever has a confirmed authenticator signs with it."),
            required=False,
            max_length=12,
            widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "inputmode": "numeric"}),
        )


def role_choices(roles: Sequence[str]) -> list[tuple[str, str]]:
    """Roles with the words people use for them, in the reader's language."""
    return [(role, ours(role_in_words(role))) for role in roles]


def spoken(choices: Sequence[tuple[str, str]]) -> Callable[[], list[tuple[str, str]]]:
    """The choices of a record, said in the reader's language whenever the form is drawn."""
    return lambda: [(value, ours(str(label))) for value, label in choices]


class ReviewForm(forms.Form):
    """A signed review of exactly `subject_digest`."""

    verdict = forms.ChoiceField(
        label=gettext_lazy("Your verdict"), choices=spoken(Review.Verdict.choices), widget=forms.RadioSelect
    )
    role = forms.ChoiceField(label=gettext_lazy("You decide as"), widget=forms.RadioSelect)
    meaning = forms.ChoiceField(
        label=gettext_lazy("Your signature means"),
        choices=spoken(Review.Meaning.choices),
        widget=forms.RadioSelect,
        help_text=gettext_lazy("This sentence is printed beside your name in the report."),
    )
    reason = ReasonField(
        gettext_lazy("Reason"),
        gettext_lazy("What you looked at and why you decide so. It stands in the report, with your name."),
    )
    password = PasswordField()
    otp = CodeField()
    subject_digest = forms.CharField(widget=forms.HiddenInput, max_length=71)
    assertion = forms.CharField(widget=forms.HiddenInput, required=False, max_length=20_000)

    def __init__(self, *args: Any, roles: Sequence[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        role = self.fields["role"]
        assert isinstance(role, forms.ChoiceField)  # noqa: S101  (declared above)
        role.choices = role_choices(roles)


class ConfirmForm(forms.Form):
    """A reason; `required` as the verb asks."""

    reason = ReasonField(gettext_lazy("Reason"), gettext_lazy("It is kept with the request."))


class CompleteForm(forms.Form):
    """Nothing to fill in: the page shows what will happen, and the button says do it."""


class SignedReasonForm(forms.Form):
    """A reason and the credential of whoever signs."""

    reason = ReasonField(gettext_lazy("Reason"), gettext_lazy("It is kept with the record."))
    password = PasswordField()
    otp = CodeField()


class WithdrawalForm(SignedReasonForm):
    """Why data must not be used any more."""

    kind = forms.ChoiceField(
        label=gettext_lazy("Why"), choices=spoken(DatasetWithdrawal.Kind.choices), widget=forms.RadioSelect
    )
    field_order = ("kind", "reason", "password", "otp")


class RiskAcceptanceForm(forms.Form):
    """Answers for a version although data behind it was withdrawn."""

    role = forms.ChoiceField(label=gettext_lazy("You decide as"), widget=forms.RadioSelect)
    justification = ReasonField(
        gettext_lazy("Why the risk that remains is acceptable"), gettext_lazy("It stands in every later report.")
    )
    measures = ReasonField(gettext_lazy("What protects people meanwhile"), gettext_lazy("And who sees to it."))
    expires_on = forms.DateField(
        label=gettext_lazy("Until (last day)"),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text=gettext_lazy("The gate closes again afterwards, by itself."),
    )
    password = PasswordField()
    otp = CodeField()

    def __init__(self, *args: Any, roles: Sequence[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        role = self.fields["role"]
        assert isinstance(role, forms.ChoiceField)  # noqa: S101  (declared above)
        role.choices = role_choices(roles)

    def expires_at(self) -> datetime:
        """The end of the chosen day, UTC."""
        return datetime.combine(self.cleaned_data["expires_on"], time(23, 59, 59), UTC)


class PromotionForm(forms.Form):
    """A request to pass a gate."""

    to_stage = forms.ChoiceField(label=gettext_lazy("To stage"), widget=forms.RadioSelect)
    reason = ReasonField(
        gettext_lazy("Reason"), gettext_lazy("Why this version should go there. Reviewers read it first.")
    )

    def __init__(self, *args: Any, stages: Sequence[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        stage = self.fields["to_stage"]
        assert isinstance(stage, forms.ChoiceField)  # noqa: S101  (declared above)
        stage.choices = [(name, name) for name in stages]


class WaiverForm(forms.Form):
    """Asks that one finding may stand for a while."""

    criterion_id = forms.ChoiceField(label=gettext_lazy("Finding"), widget=forms.RadioSelect)
    justification = ReasonField(gettext_lazy("Justification"), gettext_lazy("Why it may stand for now."))
    compensating_control = ReasonField(
        gettext_lazy("What protects people meanwhile"),
        gettext_lazy("The measure that limits the harm, and who runs it."),
    )
    expires_on = forms.DateField(
        label=gettext_lazy("Until (last day)"),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )

    def __init__(self, *args: Any, criteria: Sequence[tuple[str, str]], max_days: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        criterion = self.fields["criterion_id"]
        assert isinstance(criterion, forms.ChoiceField)  # noqa: S101  (declared above)
        criterion.choices = list(criteria)
        today = timezone.now().date()
        self.fields["expires_on"].help_text = _(
            "The finding blocks again afterwards, by itself. The policy allows {days} days at most."
        ).format(days=max_days)
        self.fields["expires_on"].widget.attrs |= {
            "min": today.isoformat(),
            "max": (today + timedelta(days=max_days - 1)).isoformat(),
        }

    def expires_at(self) -> datetime:
        """The end of the chosen day, UTC."""
        return datetime.combine(self.cleaned_data["expires_on"], time(23, 59, 59), UTC)


class WaiverDecisionForm(forms.Form):
    """Grants or refuses a waiver."""

    granted = forms.TypedChoiceField(
        label=gettext_lazy("Your decision"),
        choices=(("yes", gettext_lazy("grant the waiver")), ("no", gettext_lazy("refuse it"))),
        coerce=lambda word: word == "yes",
        widget=forms.RadioSelect,
    )
    role = forms.ChoiceField(label=gettext_lazy("You decide as"), widget=forms.RadioSelect)
    reason = ReasonField(gettext_lazy("Reason"), gettext_lazy("It stands in every report that rests on this waiver."))
    password = PasswordField()
    otp = CodeField()

    def __init__(self, *args: Any, roles: Sequence[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        role = self.fields["role"]
        assert isinstance(role, forms.ChoiceField)  # noqa: S101  (declared above)
        role.choices = role_choices(roles)


class PolicyDraftForm(forms.Form):
    """A policy as YAML: pasted, or as a file."""

    source = forms.CharField(
        label=gettext_lazy("Policy text (YAML)"),
        required=False,
        strip=False,
        max_length=200_000,
        widget=forms.Textarea(attrs={"rows": 28, "class": "code", "spellcheck": "false", "wrap": "off"}),
    )
    file = forms.FileField(
        label=gettext_lazy("or a file"),
        required=False,
        help_text=gettext_lazy("A file is taken instead of the text above."),
    )

    def clean(self) -> dict[str, Any]:
        """Put the text of a file into `source`; ask for one of the two."""
        cleaned: dict[str, Any] = self.cleaned_data
        uploaded = cleaned.get("file")
        if uploaded is not None:
            try:
                cleaned["source"] = uploaded.read(200_001).decode("utf-8")
            except UnicodeDecodeError:
                self.add_error("file", _("The file is not UTF-8 text."))
        elif not (cleaned.get("source") or "").strip():
            self.add_error("source", _("Paste the policy, or choose a file."))
        return cleaned


def day_asked(request: HttpRequest, name: str) -> tuple[date | None, str]:
    """The day of `?name=YYYY-MM-DD`, None where none is asked for, or why what was asked is none."""
    asked = request.GET.get(name, "")
    if not asked:
        return None, ""
    try:
        return date.fromisoformat(asked), ""
    except ValueError:
        return None, _("A day is written YYYY-MM-DD.")


def policy_problem(error: PolicyError) -> str:
    """Why a text is no policy, with its place, in the reader's language."""
    line = _("line {line}").format(line=error.line) if error.line else ""
    # A check says which of its parameters is wrong, and canonical JSON at which place, before it says why.
    inner, colon, why = error.problem.partition(": ")
    problem = f"{inner}: {ours(why)}" if colon and _PATH.fullmatch(inner) else ours(error.problem)
    place = ", ".join(part for part in (line, error.field) if part)
    return f"{place}: {problem}" if place else problem


def carried_out(form: forms.Form, verb: Callable[[], R], names: dict[str, str] | None = None) -> R | None:
    """Call the verb; a refusal is put beside the field it is about, and the answer is None then.

    `names` maps a field of the verb to the form's own where the two differ.
    """
    try:
        return verb()
    except PolicyError as error:
        form.add_error("source" if "source" in form.fields else None, policy_problem(error))
    except AssayError as error:
        field = (names or {}).get(error.field, error.field)
        form.add_error(field if field in form.fields else None, ours(error.problem))
    return None
