"""The ledger as people read it: newest checkpoint, entries in words, and one entry with its proof checked."""

from __future__ import annotations

import json

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from audits.reports.tongue import ours
from governance.pages.access import found, person_of, require_sight, strict_page
from governance.pages.story import tell
from governance.pages.words import EVENTS
from registry import ledger
from registry.merkle import ProofError, verify_inclusion
from registry.models import Checkpoint, LedgerEntry

VIEW = "registry.view_ledgerentry"
PAGE_SIZE = 50


@require_safe
@strict_page
def entries(request: HttpRequest) -> HttpResponse:
    """The entries, newest first; filtered by event or by subject."""
    require_sight(person_of(request), VIEW)
    event = request.GET.get("event", "")
    subject = request.GET.get("subject", "").strip()[:200]
    rows = LedgerEntry.objects.order_by("-index")
    if event in EVENTS:
        rows = rows.filter(event=event)
    if subject:
        rows = rows.filter(subject=subject)
    page = Paginator(rows, PAGE_SIZE).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "told": tell(page.object_list),
        "size": ledger.size(),
        "checkpoint": Checkpoint.objects.first(),
        "events": sorted(EVENTS),
        "event": event,
        "subject": subject,
    }
    return render(request, "pages/ledger.html", context)


@require_safe
@strict_page
def entry(request: HttpRequest, index: int) -> HttpResponse:
    """One entry: its exact content, and whether it is proved by the tree as it stands."""
    require_sight(person_of(request), VIEW)
    row: LedgerEntry = found(LedgerEntry.objects.all(), index=index)
    size = ledger.size()
    proof = ledger.inclusion_proof(index, size)
    problem = ""
    try:
        verify_inclusion(index=index, size=size, leaf=bytes(row.leaf_hash), proof=proof, root=ledger.root(size))
    except ProofError as error:
        problem = ours(error.problem)
    context = {
        "entry": row,
        "told": tell([row])[0],
        "body": json.dumps(json.loads(bytes(row.body)), indent=2, ensure_ascii=False),
        "leaf": bytes(row.leaf_hash).hex(),
        "proof": [part.hex() for part in proof],
        "root": ledger.root(size).hex(),
        "size": size,
        "problem": problem,
    }
    return render(request, "pages/ledger_entry.html", context)
