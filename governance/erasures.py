"""Erasing a person: one asks, another confirms, and then the name cannot be had back from anything held here.

GDPR Art. 17 gives the right; Art. 17(3)(b) and (e) leave what a law obliges to keep, such as the documentation of a
high-risk system (AI Act Art. 18), and what legal claims need. So what was decided stays, under the pseudonym, with
every proof; the person goes. Reports that were handed out, and backups, are in other hands: nothing here reaches them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.models import Session
from django.db import transaction
from django.utils import timezone

from audits.models import Report
from governance import reporting
from governance.errors import SeparationOfDutiesError, WrongStateError
from governance.models import (
    AccessToken,
    Erasure,
    ErasureRequest,
    FailedCredential,
    GateDecision,
    IdempotencyKey,
    PendingStatement,
    PromotionRequest,
    SecurityKey,
    TotpDevice,
)
from governance.refusals import recorded
from governance.signatures.credentials import prove
from registry import erasure, ledger, storage, work
from registry.authority import require
from registry.errors import AssayError, InvalidInputError
from registry.events import Event
from registry.models import Dataset, Person, RegisteredModel

ERASE = "governance.erase_person"
SCRUB_WORK = "governance.scrub"
#: Commitments and digests of one entry: it may have 65,535 bytes.
MOST_TOLD = 400

_FILES = ("file_digest", "evidence_digest", "bundle_digest")
_PASSED = (PromotionRequest.State.APPROVED, PromotionRequest.State.COMPLETED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What erasing a person would do. `gates` rest on reviews of theirs and close; `owned` needs another owner."""

    rows: int
    texts: int
    reports: tuple[str, ...]
    gates: int
    owned: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Erased:
    """What was done. `remains` are places of the organisation's own words, such as a policy's text, that still name."""

    record: Erasure
    remains: tuple[str, ...]


def preview(person: Person) -> Preview:
    """Look only. Reads the evidence of every report."""
    names = erasure.names_of(person)
    traces = erasure.find(person, names)
    reviewed = PromotionRequest.objects.filter(reviews__reviewer=person, state__in=_PASSED).distinct()
    owned = [f"model {slug}" for slug in RegisteredModel.objects.filter(owner=person).values_list("slug", flat=True)]
    owned += [f"dataset {slug}" for slug in Dataset.objects.filter(owner=person).values_list("slug", flat=True)]
    return Preview(
        rows=traces.count,
        texts=len(traces.commitments),
        reports=tuple(report.number for report, _ in _reports_naming(names)),
        gates=reviewed.count(),
        owned=tuple(sorted(owned)),
    )


def is_erased(person: Person) -> bool:
    """Whether the person's data is gone."""
    return Erasure.objects.filter(request__person=person).exists()


@recorded("person")
def request_erasure(*, actor: Person, person: Person, ground: str, password: str, otp: str = "") -> ErasureRequest:
    """Ask that a person be erased; nothing happens yet.

    Raises PermissionRefusedError, WrongCredentialError, InvalidInputError or WrongStateError.
    """
    require(actor, ERASE)
    method = prove(actor, password=password, otp=otp)
    if not ground.strip():
        raise InvalidInputError("Say why, and why no duty to keep stands against it.", field="ground")
    if is_erased(person):
        raise WrongStateError("This person was erased already.")
    if ErasureRequest.objects.filter(person=person, erasure=None).exists():
        raise WrongStateError("Somebody has asked for it already; it waits to be confirmed.")
    asked = ErasureRequest(person=person, ground=ground, requested_by=actor, method=method, requested_at=timezone.now())
    asked.save()
    facts = {"request": asked.pk, "method": method, "ground": ledger.commit_text(ground)}
    ledger.append(Event.PERSON_ERASURE_REQUESTED, subject=_subject(person), actor=actor, facts=facts)
    return asked


@recorded("asked")
def confirm_erasure(*, actor: Person, asked: ErasureRequest, password: str, otp: str = "") -> Erased:
    """Erase now: identity, printed names, texts that name the person, credentials, and reports that print the name.

    Each such report is sealed anew from the same records, under the pseudonym. Raises PermissionRefusedError,
    WrongCredentialError, SeparationOfDutiesError for who asked and for the person, or WrongStateError.
    """
    person = Person.objects.select_for_update().get(pk=asked.person_id)
    require(actor, ERASE)
    method = prove(actor, password=password, otp=otp)
    if actor.pk in (asked.requested_by_id, person.pk):
        raise SeparationOfDutiesError("Somebody else than who asked, and than the person, must confirm an erasure.")
    if is_erased(person):
        raise WrongStateError("This person was erased already.")
    names = erasure.names_of(person)
    traces = erasure.find(person, names)
    told = list(_reports_naming(names))
    reports = [report for report, _ in told]
    erasure.erase(traces)
    _forget_access(person)
    _make_nobody(person)
    digests = sorted({getattr(report, name) for report in reports for name in _FILES} - {""})
    for digest in digests:
        storage.erase(digest)
    done = Erasure(
        request=asked,
        confirmed_by=actor,
        method=method,
        erased_at=timezone.now(),
        rows=traces.count,
        reports=[report.number for report in reports],
    )
    done.save()
    _tell(actor, person, asked, method, sorted(traces.commitments), digests)
    for report, decision in told:
        _seal_anew(report, decision)
    work.enqueue(kind=SCRUB_WORK, key=f"scrub:{done.pk}", payload={"erasure": done.pk})
    return Erased(done, tuple(erasure.remains(names)))


class ScrubPerformer:
    """Deletes the files of what was erased, and has the database overwrite it."""

    def perform(self, payload: Mapping[str, Any]) -> work.Effect:
        """May be repeated."""
        del payload
        storage.delete_erased()
        erasure.scrub()
        return lambda: None

    def gave_up(self, payload: Mapping[str, Any], error: str) -> work.Effect:
        """The content cannot be read here any more in any case; the work item keeps the error for the operator."""
        del payload, error
        return lambda: None


def _subject(person: Person) -> str:
    return f"person:{person.pseudonym}"


def _tell(
    actor: Person, person: Person, asked: ErasureRequest, method: str, texts: list[str], files: list[str]
) -> None:
    """As many entries as it takes; the first answers for the changed rows."""
    parts = max(1, *(-(-len(told) // MOST_TOLD) for told in (texts, files)))
    for part in range(parts):
        chosen = slice(part * MOST_TOLD, (part + 1) * MOST_TOLD)
        facts = {"request": asked.pk, "method": method, "texts": texts[chosen], "files": files[chosen]}
        ledger.append(Event.PERSON_ERASED, subject=_subject(person), actor=actor, facts=facts)


def _reports_naming(names: erasure.Names) -> Iterator[tuple[Report, str]]:
    """Reports whose evidence, and so whose pages, print a name of the person; with the digest of their decision."""
    for report in Report.objects.order_by("pk"):
        try:
            evidence = json.loads(storage.read_bytes(report.evidence_digest))
        except AssayError:
            continue  # gone or erased before: nothing is left to be read
        if names.pattern.search(json.dumps(evidence, ensure_ascii=False)):
            yield report, evidence.get("decision", {}).get("digest", "")


def _seal_anew(report: Report, decision_digest: str) -> None:
    """Have the same decision reported again. Its number says that it is a later issue."""
    decision = GateDecision.objects.filter(digest=decision_digest).first()
    if decision is not None:
        reporting.ask_for(decision, as_of=report.as_of, language=report.language)


def _forget_access(person: Person) -> None:
    """Everything by which the person got in, and traces of having been in."""
    for kind in (AccessToken, TotpDevice, SecurityKey, PendingStatement, FailedCredential, IdempotencyKey):
        kind.objects.filter(person=person).delete()
    for kind in (AccessAttempt, AccessLog, AccessFailureLog):
        kind.objects.filter(username__iexact=person.get_username()).delete()
    about = ContentType.objects.get_for_model(Person)
    LogEntry.objects.filter(content_type=about, object_id=str(person.pk)).delete()
    for session in Session.objects.iterator():
        if session.get_decoded().get("_auth_user_id") == str(person.pk):
            session.delete()


def _make_nobody(person: Person) -> None:
    """The row stays, because the record points to it; nothing in it says who it was."""
    person.username = f"erased-{person.pseudonym.removeprefix('p-')[:12]}"
    person.first_name = person.last_name = person.email = ""
    person.is_active = person.is_staff = person.is_superuser = False
    person.last_login = None
    person.set_unusable_password()
    person.save()
    person.groups.clear()
    person.user_permissions.clear()


def confirmable(person: Person) -> ErasureRequest | None:
    """What waits to be confirmed for a person, if anything."""
    return ErasureRequest.objects.filter(person=person, erasure=None).first()


def finish_now() -> None:
    """Do at once what a worker would do soon, for the command line. Not inside a transaction."""
    if transaction.get_connection().in_atomic_block:
        return
    ScrubPerformer().perform({})
