"""Reports as things: ordered, rendered, sealed, kept, handed out. What they say is in `governance.reports.document`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, timedelta

from django.db import transaction
from django.utils import timezone

from audits.models import Report
from audits.reports import bundle
from governance import decisions
from governance.models import GateDecision, PromotionRequest
from governance.refusals import recorded, subject_id
from governance.reports import bundle as report_bundle
from governance.reports import issuing
from governance.reports.document import build_document
from registry import ledger, receipts, storage, work
from registry.authority import require
from registry.canonical import digest
from registry.errors import InvalidInputError, UnknownSubjectError
from registry.events import Event
from registry.models import Blob, LedgerEntry, Person

REPORT_WORK = decisions.REPORT_WORK
#: A language is listed here once the whole report is translated into it, never half.
LANGUAGES = ("en", "de")
#: The first day whose law the catalogue knows, and how far ahead of today a report may look.
FIRST_DAY, MOST_DAYS_AHEAD = date(2016, 5, 24), 3660


def issue_report(decision: GateDecision, *, as_of: date | None = None, language: str = "en") -> tuple[Report, Blob]:
    """Render, seal, check and keep the report of `decision`. The heavy part runs outside any transaction.

    `as_of` is the day whose law is described, the day of the decision unless given.
    """
    ledger.publish_checkpoint()
    day = as_of or decision.decided_at.date()
    number = _issue_of(report_number(decision, as_of=day, language=language))
    document = build_document(decision, number=number, as_of=day, language=language)
    order = issuing.Issue(
        document=document,
        kind="gate-audit",
        subject=subject_id(decision.request),
        facts={"decision": decision.digest},
    )
    return issuing.issue(order, lambda sealed: report_bundle.pack(document, sealed=sealed, decision=decision))


@recorded("request")
def order_report(*, actor: Person, request: PromotionRequest, as_of: date, language: str = "en") -> str:
    """Have the newest decision of a request described again, with the law of another day or in another language.

    The number under which the report will be found. Ordering the same twice makes one. Raises PermissionRefusedError,
    InvalidInputError, or UnknownSubjectError when nothing has been decided yet.
    """
    require(actor, "registry.read_report", request.version.model)
    require_language(language)
    require_day(as_of)
    decision = request.decisions.order_by("-decided_at", "-pk").first()
    if decision is None:
        raise UnknownSubjectError("Nothing has been decided yet, so there is nothing to report.")
    number = ask_for(decision, as_of=as_of, language=language)
    facts = {"number": number, "as_of": as_of.isoformat(), "language": language}
    ledger.append(Event.REPORT_ORDERED, subject=subject_id(request), actor=actor, facts=facts)
    return number


def ask_for(decision: GateDecision, *, as_of: date, language: str) -> str:
    """Have a worker make the report, once. The number under which it will be found."""
    number = _issue_of(report_number(decision, as_of=as_of, language=language))
    if not Report.objects.filter(number=number).exists():
        payload = {"decision": str(decision.pk), "as_of": as_of.isoformat(), "language": language}
        work.enqueue(kind=REPORT_WORK, key=f"report:{number}", payload=payload)
    return number


def _issue_of(number: str) -> str:
    """The number of the issue that counts: a later one where those before it were erased with a person's data."""
    issue, later = number, 2
    while (held := Report.objects.filter(number=issue).first()) and storage.is_erased(held.file_digest):
        issue, later = f"{number}-R{later}", later + 1
    return issue


def require_language(language: str) -> None:
    """Raises InvalidInputError for a language in which no report is written."""
    if language not in LANGUAGES:
        raise InvalidInputError(f"Reports are written in {' or '.join(LANGUAGES)}.", field="language")


def require_day(as_of: date) -> None:
    """Raises InvalidInputError for a day whose law the catalogue does not know or that lies too far ahead."""
    last = timezone.now().date() + timedelta(days=MOST_DAYS_AHEAD)
    if not FIRST_DAY <= as_of <= last:
        raise InvalidInputError(f"The day lies between {FIRST_DAY} and {last}.", field="as_of")


def report_number(decision: GateDecision, *, as_of: date | None = None, language: str = "en") -> str:
    """The number of a report: the day and the id of the decision, then what is unusual about it."""
    number = f"AR-{decision.decided_at:%Y%m%d}-{str(decision.pk)[:8].upper()}"
    if as_of is not None and as_of != decision.decided_at.date():
        number += f"-L{as_of:%Y%m%d}"
    return number if language == "en" else f"{number}-{language.upper()}"


def newest_report(
    request: PromotionRequest, *, as_of: date | None = None, language: str | None = None
) -> Report | None:
    """The last report that was issued for a request, or the last one of that day's law or in that language.

    Without them, reports that were ordered for another day or in another language are passed over.
    """
    kept = Report.objects.filter(subject=subject_id(request), language=language or "en").order_by("-created_at")
    return kept.filter(as_of=as_of).first() if as_of else kept.exclude(number__contains="-L").first()


def read_report(*, actor: Person, report: Report) -> bytes:
    """The sealed file, and an entry that this person read it."""
    content = storage.read_bytes(report.file_digest)
    _record_reading(actor, report, {"file": digest(content)})
    return content


def receipt_of_report(report: Report) -> str | None:
    """The `.tlog-proof` of the entry that names the digests of the report, None where the ledger tells of none."""
    told = LedgerEntry.objects.filter(event=Event.REPORT_SEALED, subject=report.subject).values_list("index", "body")
    for index, body in told.order_by("-index"):
        if json.loads(bytes(body))["facts"]["number"] == report.number:
            return receipts.receipt_text(index)
    return None


def read_bundle(*, actor: Person, report: Report) -> bytes:
    """The whole evidence bundle, and an entry that this person read it."""
    content = storage.read_bytes(report.bundle_digest)
    _record_reading(actor, report, {"bundle": digest(content)})
    return content


def read_member(*, actor: Person, report: Report, name: str) -> bytes:
    """One file of the bundle, and an entry that this person read it. Raises BundleError when it is not there."""
    content = bundle.member(storage.read_bytes(report.bundle_digest), name)
    _record_reading(actor, report, {"member": name, "file": digest(content)})
    return content


def _record_reading(actor: Person, report: Report, facts: Mapping[str, str]) -> None:
    with transaction.atomic():
        ledger.append(Event.REPORT_READ, subject=report.subject, actor=actor, facts={"number": report.number, **facts})
