"""The pages of policies: what is in force, what a version says and changes, drafting, activation, recall."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from governance import policy_versions
from governance.models import Policy, PolicyStatusChange, PolicyVersion, PromotionRequest
from governance.pages.access import deciding_page, found, person_of, require_sight, strict_page
from governance.pages.forms import PolicyDraftForm, SignedReasonForm, carried_out
from governance.policies import PolicyError, metric_choice
from governance.policies.diffs import differences
from registry.authority import permits

Status = PolicyStatusChange.Status
VIEW = "governance.view_policyversion"
#: Unchanged lines kept around each change of a comparison.
AROUND = 3


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a comparison: `sign` is "+", "−", " " or "…" for lines left out; numbers are those of old and new."""

    sign: str
    old: int | None
    new: int | None
    text: str

    @property
    def kind(self) -> str:
        """The class of its row."""
        return {"+": "is-new", "−": "is-gone"}.get(self.sign, "")


def compared(old: str, new: str) -> list[Line]:
    """The lines that differ between two texts, each with some unchanged ones around it."""
    before, after = old.splitlines(), new.splitlines()
    lines: list[Line] = []
    for group in SequenceMatcher(None, before, after, autojunk=False).get_grouped_opcodes(AROUND):
        if lines:
            lines.append(Line("…", None, None, ""))
        for kind, i1, i2, j1, j2 in group:
            if kind == "equal":
                lines += [Line(" ", i1 + k + 1, j1 + k + 1, before[i1 + k]) for k in range(i2 - i1)]
                continue
            lines += [Line("−", i + 1, None, before[i]) for i in range(i1, i2)]
            lines += [Line("+", None, j + 1, after[j]) for j in range(j1, j2)]
    return lines


@require_safe
@strict_page
def policies(request: HttpRequest) -> HttpResponse:
    """Every policy with its versions and where they stand."""
    person = person_of(request)
    require_sight(person, VIEW)
    versions: dict[int, list[PolicyVersion]] = {}
    for version in PolicyVersion.objects.with_status().select_related("author").order_by("-number"):
        versions.setdefault(version.policy_id, []).append(version)
    rows = [(policy, versions.get(policy.pk, [])) for policy in Policy.objects.all()]
    context = {"rows": rows, "may_draft": permits(person, "governance.draft_policy")}
    return render(request, "pages/policies.html", context)


@require_safe
@strict_page
def policy_version(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """One version: its text, its gates in words, and what it changes."""
    person = person_of(request)
    version = policy_version_shown(request, slug, number)
    rules = version.rules
    others = version.policy.versions.exclude(pk=version.pk).only("number", "policy")
    against = _compared_with(version, request.GET.get("against", ""))
    context = {
        "version": version,
        "status": version.current_status,
        "rules": rules,
        "choice": rules.metric_choice and metric_choice.in_words(rules.metric_choice),
        "proposal": rules.metric_choice and metric_choice.chosen(rules.metric_choice),
        "changes": version.status_changes.select_related("changed_by"),
        "others": list(others),
        "against": against,
        "difference": compared(against.source, version.source) if against else [],
        "meant": differences(against.rules, version.rules) if against else (),
        "may_simulate": permits(person, "governance.draft_policy") or permits(person, "governance.activate_policy"),
        "lines": version.source.splitlines(),
        "pinned": PromotionRequest.objects.filter(
            policy_version=version, state__in=PromotionRequest.OPEN_STATES
        ).count(),
        "may_activate": permits(person, "governance.activate_policy"),
        "may_draft": permits(person, "governance.draft_policy"),
        "is_author": version.author_id == person.pk,
    }
    return render(request, "pages/policy_version.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@strict_page
def draft(request: HttpRequest) -> HttpResponse:
    """Draft a policy version from YAML."""
    person = person_of(request)
    require_sight(person, VIEW)
    form = PolicyDraftForm(
        request.POST if request.method == "POST" else None,
        request.FILES if request.method == "POST" else None,
        initial={"source": starting_text(request)},
    )
    wrong_line: int | None = None
    if request.method == "POST" and form.is_valid():
        source = form.cleaned_data["source"]

        def draft_it() -> PolicyVersion:
            nonlocal wrong_line
            try:
                return policy_versions.draft_policy(actor=person, source=source)
            except PolicyError as error:
                wrong_line = error.line
                raise

        made = carried_out(form, draft_it)
        if made is not None:
            messages.success(request, _("{version} is drafted. Somebody else puts it into force.").format(version=made))
            return redirect("policy-version", slug=made.policy.slug, number=made.number)
    context = {
        "form": form,
        "wrong_line": wrong_line,
        "around": _around(form, wrong_line),
        "offered": permits(person, "governance.draft_policy"),
        "start": request.GET.get("from", ""),
    }
    return render(request, "pages/policy_draft.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@deciding_page
def activate(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """Put a draft into force; its author cannot."""
    person, version = person_of(request), policy_version_shown(request, slug, number)
    form = SignedReasonForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        told = form.cleaned_data
        done = carried_out(form, lambda: policy_versions.activate_policy(actor=person, policy_version=version, **told))
        if done is not None:
            messages.success(request, _("{version} is in force.").format(version=version))
            return redirect("policy-version", slug=slug, number=number)
    return _signing(request, version, form, recall=False)


@require_http_methods(["GET", "HEAD", "POST"])
@deciding_page
def recall(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """Declare that a version should never have been in force."""
    person, version = person_of(request), policy_version_shown(request, slug, number)
    form = SignedReasonForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        told = form.cleaned_data
        done = carried_out(form, lambda: policy_versions.recall_policy(actor=person, policy_version=version, **told))
        if done is not None:
            messages.success(request, _("{version} is recalled.").format(version=version))
            return redirect("policy-version", slug=slug, number=number)
    return _signing(request, version, form, recall=True)


def _signing(request: HttpRequest, version: PolicyVersion, form: SignedReasonForm, *, recall: bool) -> HttpResponse:
    """The confirm page of an activation or a recall."""
    person = person_of(request)
    former = PolicyVersion.objects.active().filter(policy=version.policy).exclude(pk=version.pk).first()
    problem = ""
    if not permits(person, "governance.activate_policy"):
        problem = _("No group of yours may do this.")
    elif not recall and version.author_id == person.pk:
        problem = _("You wrote this version, so somebody else must put it into force.")
    context = {
        "version": version,
        "former": former,
        "difference": compared(former.source, version.source) if former and not recall else [],
        "meant": differences(former.rules, version.rules) if former and not recall else (),
        "form": form,
        "recall": recall,
        "problem": problem,
        "pinned": PromotionRequest.objects.filter(policy_version=version).count(),
    }
    return render(request, "pages/policy_sign.html", context, status=422 if form.errors else 200)


def policy_version_shown(request: HttpRequest, slug: str, number: int) -> PolicyVersion:
    """The version, for whoever may see policies; else PermissionDenied or Http404."""
    require_sight(person_of(request), VIEW)
    version: PolicyVersion = found(
        PolicyVersion.objects.select_related("policy", "author"), policy__slug=slug, number=number
    )
    return version


def _compared_with(version: PolicyVersion, asked: str) -> PolicyVersion | None:
    """The version asked for, or the one before."""
    others: Any = version.policy.versions.exclude(pk=version.pk)
    if asked.isdigit():
        return others.filter(number=int(asked[:9])).first()  # type: ignore[no-any-return]
    return others.filter(number__lt=version.number).order_by("-number").first()  # type: ignore[no-any-return]


def starting_text(request: HttpRequest) -> str:
    """The text of the version given as `?from=slug/number`, to be edited into the next one."""
    slug, _, number = request.GET.get("from", "").partition("/")
    if not number.isdigit():
        return ""
    found_one = PolicyVersion.objects.filter(policy__slug=slug, number=int(number[:9])).first()
    return found_one.source if found_one else ""


def _around(form: PolicyDraftForm, line: int | None) -> list[tuple[int, str, bool]]:
    """The lines around the wrong one, numbered."""
    if line is None:
        return []
    text = form.cleaned_data.get("source", "").splitlines()
    first = max(1, line - 4)
    return [(number, text[number - 1], number == line) for number in range(first, min(line + 4, len(text)) + 1)]
