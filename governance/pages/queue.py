"""The review queue."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from django.core.paginator import Paginator
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from audits.models import Finding
from governance.models import BreakGlass, PromotionRequest, Review
from governance.pages.access import person_of, requests_seen_by, strict_page
from governance.pages.waiting import emergencies_waiting_for, reviews_waiting_for, waivers_waiting_for

PAGE_SIZE = 25
#: Counting further than this costs more than the number tells.
MOST_COUNTED = 1000
FAILED = ("not-satisfied", "error", "timed-out", "not-run")


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the queue: the request, how its findings came out, how many of the reviews asked for are there."""

    request: PromotionRequest
    approvals: int
    asked: int
    satisfied: int
    inconclusive: int
    failed: int
    glass: bool


@strict_page
def queue(request: HttpRequest) -> HttpResponse:
    """Promotion requests: those that wait for me, the open ones, or all."""
    person = person_of(request)
    seen = requests_seen_by(person)
    choices = {
        "mine": seen.filter(pk__in=reviews_waiting_for(person).values("pk")),
        "open": seen.filter(state__in=PromotionRequest.OPEN_STATES),
        "all": seen,
    }
    counts = {name: _count(rows) for name, rows in choices.items()}
    asked = request.GET.get("show", "")
    show = asked if asked in choices else ("mine" if counts["mine"] else "open")
    search = request.GET.get("q", "").strip()[:80]
    rows = choices[show]
    if search:
        rows = rows.filter(Q(version__model__slug__icontains=search) | Q(to_stage__icontains=search))
    listed = rows.select_related("version__model", "policy_version__policy", "requested_by")
    page = Paginator(listed.order_by("-requested_at", "-pk"), PAGE_SIZE).get_page(request.GET.get("page"))
    return render(
        request,
        "pages/queue.html",
        {
            "page": page,
            "rows": _rows(list(page.object_list)),
            "show": show,
            "search": search,
            "filters": [
                ("mine", _("Waiting for me"), counts["mine"]),
                ("open", _("Open"), counts["open"]),
                ("all", _("All"), counts["all"]),
            ],
            "most_counted": MOST_COUNTED,
            "emergencies": emergencies_waiting_for(person)[:10],
            "waivers": list(waivers_waiting_for(person).select_related("request__version__model", "requested_by")[:10]),
        },
    )


def _rows(requests: Sequence[PromotionRequest]) -> list[Row]:
    """The rows of one page, with three more queries for all of them together."""
    outcomes: dict[int, Counter[str]] = {request.run_id: Counter() for request in requests}
    found = Finding.objects.filter(run__in=list(outcomes)).order_by().values_list("run", "outcome")
    for run, outcome, amount in found.annotate(amount=Count("pk")):
        outcomes[run][outcome] = amount
    approvals: Counter[tuple[object, int]] = Counter(
        Review.objects.filter(request__in=[request.pk for request in requests], verdict=Review.Verdict.APPROVE)
        .order_by()
        .values_list("request", "round")
    )
    broken = set(BreakGlass.objects.filter(request__in=[request.pk for request in requests]).values_list("request"))
    return [
        Row(
            request=request,
            approvals=approvals[(request.pk, request.round)],
            asked=sum(quorum.count for quorum in request.gate.quorum),
            satisfied=outcomes[request.run_id]["satisfied"],
            inconclusive=outcomes[request.run_id]["inconclusive"],
            failed=sum(outcomes[request.run_id][word] for word in FAILED),
            glass=(request.pk,) in broken,
        )
        for request in requests
    ]


def _count(rows: QuerySet[PromotionRequest]) -> int:
    return rows.order_by()[: MOST_COUNTED + 1].count()
