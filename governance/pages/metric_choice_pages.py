"""The questions that lead to a fairness measure, one after the other, and their way into the text of a policy."""

from __future__ import annotations

import re
from typing import Any

import yaml
from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from audits.reports.tongue import ours
from governance.pages.access import person_of, require_sight, strict_page
from governance.pages.forms import PolicyDraftForm, ReasonField
from governance.pages.policy_pages import VIEW, starting_text
from governance.policies import metric_choice
from governance.policies.metric_choice import Answer, MetricChoice
from governance.policies.metric_tree import Question
from registry.authority import permits

_BLOCK = re.compile(r"^metric_choice:.*?(?=^[^\s#]|\Z)", re.MULTILINE | re.DOTALL)


class MetricChoiceForm(forms.Form):
    """The questions answered so far and the next one; each answer with its reason."""

    def __init__(self, *args: Any, questions: list[Question], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for question in questions:
            self.fields[f"answer-{question.id}"] = forms.ChoiceField(
                label=ours(question.text),
                help_text=ours(question.help),
                choices=[(option.id, ours(option.text)) for option in question.options],
                widget=forms.RadioSelect,
            )
            self.fields[f"reason-{question.id}"] = ReasonField(
                gettext_lazy("Why"),
                gettext_lazy("This sentence stands in the policy and in every report made under it."),
                rows=2,
            )

    def choice(self) -> MetricChoice:
        """The answers of a valid form."""
        told = self.cleaned_data
        names = [name.removeprefix("answer-") for name in self.fields if name.startswith("answer-")]
        return MetricChoice(
            answers=tuple(
                Answer(question=name, answer=told[f"answer-{name}"], reason=told[f"reason-{name}"].strip())
                for name in names
            )
        )


@require_http_methods(["GET", "HEAD", "POST"])
@strict_page
def choose(request: HttpRequest) -> HttpResponse:
    """Ask, propose, and put the answers into the text of a draft. Stores nothing by itself."""
    person = person_of(request)
    require_sight(person, VIEW)
    given = [(name.removeprefix("answer-"), str(value)) for name, value in request.POST.items()]
    path = list(metric_choice.walk(given))
    questions = [question for question, _ in path]
    # The question that has just come up is not yet wrong for being empty.
    fresh = [question for question, answer in path if not answer and f"reason-{question.id}" not in request.POST]
    asked = [question for question in questions if question not in fresh]
    form = MetricChoiceForm(request.POST if asked else None, questions=asked)
    complete = bool(asked) and form.is_valid() and not fresh
    if not complete and fresh and (not asked or form.is_valid()):
        form = MetricChoiceForm(initial=request.POST.dict(), questions=questions)
    if complete and "put" in request.POST:
        return _editor(request, form.choice())
    context = {
        "form": form,
        "proposal": metric_choice.proposal_of(given) if complete else None,
        "text": _as_yaml(form.choice()) if complete else "",
        "start": request.GET.get("from", ""),
        "offered": permits(person, "governance.draft_policy"),
    }
    return render(request, "pages/metric_choice.html", context, status=422 if form.errors else 200)


def _editor(request: HttpRequest, choice: MetricChoice) -> HttpResponse:
    """The editor of the draft, with the answers in its text."""
    source = with_choice(starting_text(request), choice)
    context: dict[str, Any] = {
        "form": PolicyDraftForm(initial={"source": source}),
        "wrong_line": None,
        "around": [],
        "offered": True,
    }
    return render(request, "pages/policy_draft.html", context)


def _as_yaml(choice: MetricChoice) -> str:
    document = {"metric_choice": choice.to_document()}
    return yaml.safe_dump(document, allow_unicode=True, sort_keys=False, width=110)


def with_choice(text: str, choice: MetricChoice) -> str:
    """The text of a policy with these answers, in the place of older ones where it has some."""
    block = _as_yaml(choice)
    if _BLOCK.search(text):
        return _BLOCK.sub(lambda _: block, text, count=1)
    return f"{text.rstrip()}\n{block}" if text.strip() else block
