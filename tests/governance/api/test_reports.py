from __future__ import annotations

import io
import zipfile
from datetime import date
from typing import Any

import pytest
from django.utils import timezone

from audits.models import Report
from governance.access.tokens import Scope
from governance.models import PromotionRequest
from governance.refusals import subject_id
from registry import storage
from registry.models import LedgerEntry, Person, WorkItem
from tests.governance.api.conftest import Connect, refused

SEALED = b"%PDF-1.7 sealed"
EVIDENCE = b'{"decision":"open"}'


def path(request: PromotionRequest) -> str:
    return f"/api/v1/promotions/{request.pk}/report/"


@pytest.fixture
def report(approved: PromotionRequest) -> Report:
    kept = Report(
        number="AR-1",
        subject=subject_id(approved),
        as_of=timezone.now().date(),
        file_digest=storage.store_bytes(SEALED, media_type="application/pdf").digest,
        evidence_digest=storage.store_bytes(EVIDENCE, media_type="application/json").digest,
        created_at=timezone.now(),
    )
    kept.save()
    return kept


def test_the_sealed_file_comes_byte_for_byte_and_reading_it_is_recorded(
    connect: Connect, maya: Person, approved: PromotionRequest, report: Report
) -> None:
    answer = connect(maya, Scope.REPORT_READ).get(path(approved))
    assert (answer.content, answer["Content-Type"]) == (SEALED, "application/pdf")
    assert 'filename="AR-1.pdf"' in answer["Content-Disposition"]
    assert LedgerEntry.objects.filter(event="report.read").count() == 1


def test_the_evidence_comes_as_json(connect: Connect, maya: Person, approved: PromotionRequest, report: Report) -> None:
    assert connect(maya, Scope.REPORT_READ).get(path(approved), {"format": "json"}).json() == {"decision": "open"}


@pytest.mark.parametrize("form", ["docx", "PDF", ""])
def test_a_form_that_does_not_exist_is_named(
    connect: Connect, maya: Person, approved: PromotionRequest, report: Report, form: str
) -> None:
    answer = connect(maya, Scope.REPORT_READ).get(path(approved), {"format": form})
    refused(answer, 406, "format-unavailable", "format")


def test_before_a_decision_there_is_none_yet(connect: Connect, maya: Person, in_review: PromotionRequest) -> None:
    answer = connect(maya, Scope.REPORT_READ).get(path(in_review))
    assert refused(answer, 404, "not-yet")["retryable"] is True


def test_an_outsider_reads_none(connect: Connect, otto: Person, approved: PromotionRequest, report: Report) -> None:
    refused(connect(otto, Scope.REPORT_READ).get(path(approved)), 403, "permission-refused")
    assert not LedgerEntry.objects.filter(event="report.read").exists()


def test_a_file_that_was_changed_is_not_handed_out(
    connect: Connect, maya: Person, approved: PromotionRequest, report: Report, monkeypatch: Any
) -> None:
    monkeypatch.setattr(storage, "digest_file", lambda _path: "sha256:" + "0" * 64)
    answer = connect(maya, Scope.REPORT_READ).get(path(approved))
    assert answer.status_code >= 400
    assert SEALED not in answer.content


@pytest.fixture
def bundled(approved: PromotionRequest) -> Report:
    """A report ordered for the law of 1 August 2026, with its bundle."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as opened:
        opened.writestr("bom.cdx.json", b"{}")
    kept = Report(
        number="AR-1-L20260801",
        subject=subject_id(approved),
        as_of=date(2026, 8, 1),
        file_digest=storage.store_bytes(SEALED, media_type="application/pdf").digest,
        evidence_digest=storage.store_bytes(EVIDENCE, media_type="application/json").digest,
        bundle_digest=storage.store_bytes(packed.getvalue(), media_type="application/zip").digest,
        created_at=timezone.now(),
    )
    kept.save()
    return kept


def test_the_law_of_another_day_is_found_by_that_day_only(
    connect: Connect, maya: Person, approved: PromotionRequest, bundled: Report
) -> None:
    client = connect(maya, Scope.REPORT_READ)
    assert client.get(path(approved), {"as_of": "2026-08-01"})["Digest"] == bundled.file_digest
    refused(client.get(path(approved), {"as_of": "2026-06-30"}), 404, "not-yet")
    refused(client.get(path(approved)), 404, "not-yet")


def test_a_form_comes_out_of_the_bundle_and_reading_it_is_recorded(
    connect: Connect, maya: Person, approved: PromotionRequest, bundled: Report
) -> None:
    client = connect(maya, Scope.REPORT_READ)
    answer = client.get(path(approved), {"as_of": "2026-08-01", "format": "cyclonedx"})
    assert (answer.content, answer["Content-Type"]) == (b"{}", "application/vnd.cyclonedx+json; version=1.6")
    assert 'filename="AR-1-L20260801.bom.cdx.json"' in answer["Content-Disposition"]
    whole = client.get(path(approved), {"as_of": "2026-08-01", "format": "bundle"})
    assert whole["Digest"] == bundled.bundle_digest
    assert LedgerEntry.objects.filter(event="report.read").count() == 2


def test_a_report_older_than_the_bundles_has_no_other_forms(
    connect: Connect, maya: Person, approved: PromotionRequest, report: Report
) -> None:
    answer = connect(maya, Scope.REPORT_READ).get(path(approved), {"format": "oscal"})
    refused(answer, 406, "format-unavailable", "format")


@pytest.mark.parametrize(
    ("question", "field"),
    [({"as_of": "yesterday"}, "as_of"), ({"as_of": ""}, "as_of"), ({"language": "fr"}, "language")],
)
def test_a_day_or_language_that_cannot_be_is_named(
    connect: Connect, maya: Person, approved: PromotionRequest, question: dict[str, str], field: str
) -> None:
    refused(connect(maya, Scope.REPORT_READ).get(path(approved), question), 422, "invalid-input", field)


def test_the_law_of_another_day_is_ordered(connect: Connect, maya: Person, approved: PromotionRequest) -> None:
    answer = connect(maya, Scope.REPORT_READ).post(path(approved), {"as_of": "2026-08-01"}, format="json")
    assert answer.status_code == 202
    assert answer.json()["number"].endswith("-L20260801")
    assert answer["Location"] == f"{path(approved)}?as_of=2026-08-01&language=en"
    assert WorkItem.objects.filter(key=f"report:{answer.json()['number']}").count() == 1


def test_an_outsider_orders_nothing(connect: Connect, otto: Person, approved: PromotionRequest) -> None:
    answer = connect(otto, Scope.REPORT_READ).post(path(approved), {"as_of": "2026-08-01"}, format="json")
    refused(answer, 403, "permission-refused")


def test_an_order_for_no_day_is_refused(connect: Connect, maya: Person, approved: PromotionRequest) -> None:
    answer = connect(maya, Scope.REPORT_READ).post(path(approved), {"as_of": "2199-01-01"}, format="json")
    refused(answer, 422, "invalid-input", "as_of")
