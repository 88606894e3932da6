from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from audits.models import Report
from governance.models import PromotionRequest
from governance.refusals import subject_id
from governance.tokens import Scope
from registry import storage
from registry.models import LedgerEntry, Person
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


@pytest.mark.parametrize("form", ["oscal", "html", "docx", ""])
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
