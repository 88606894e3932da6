"""Ordering documents on a page, and reading them under Reports."""

from __future__ import annotations

import pytest
from django.urls import reverse
from django.utils import timezone

from audits.models import Report
from governance.models import PromotionRequest
from governance.reports.portfolio import subject_of
from registry import storage
from registry.models import LedgerEntry, Person, WorkItem
from tests.governance.pages.conftest import Browser

pytestmark = pytest.mark.django_db


def kept(subject: str, kind: str) -> Report:
    blob = storage.store_bytes(b"%PDF-1.7 sealed", media_type="application/pdf")
    return Report.objects.create(
        number=f"{kind.upper()}-20261121-AAAA", kind=kind, subject=subject, as_of=timezone.now().date(),
        file_digest=blob.digest, evidence_digest=blob.digest, created_at=timezone.now(),
    )  # fmt: skip


def test_a_document_is_ordered_on_the_page_of_its_version(
    staged: PromotionRequest, maya: Person, signed_in: Browser
) -> None:
    version, browser = staged.version, signed_in(maya)
    page = browser.get(reverse("model-version", args=[version.model.slug, version.number])).content.decode()
    place = reverse("document-order", args=[version.model.slug, version.number])
    assert place in page
    browser.post(place, {"kind": "annex-iv", "language": "de", "as_of": "2026-08-01"})
    payload = WorkItem.objects.get(kind="governance.dossier").payload
    assert (payload["language"], payload["as_of"]) == ("de", "2026-08-01")


@pytest.mark.parametrize("day", ["2099-01-01", "soon"])
def test_a_day_without_law_is_refused_on_the_page(
    staged: PromotionRequest, maya: Person, signed_in: Browser, day: str
) -> None:
    browser, told = signed_in(maya), {"kind": "annex-iv", "language": "en", "as_of": day}
    for place in (reverse("document-order", args=[staged.version.model.slug, 1]), reverse("portfolio-order")):
        answer = browser.post(place, told, follow=True).content.decode()
        assert "The day lies between" in answer or "Enter a valid date" in answer
    assert not WorkItem.objects.filter(kind__in=("governance.dossier", "governance.portfolio")).exists()


def test_a_final_document_with_open_points_is_refused_on_the_page(
    staged: PromotionRequest, maya: Person, signed_in: Browser
) -> None:
    place = reverse("document-order", args=[staged.version.model.slug, 1])
    answer = signed_in(maya).post(place, {"kind": "annex-iv", "language": "en", "final": "true"}, follow=True)
    assert "points are open" in answer.content.decode()
    assert not WorkItem.objects.filter(kind="governance.dossier").exists()


def test_the_portfolio_is_ordered_under_reports(staged: PromotionRequest, maya: Person, signed_in: Browser) -> None:
    signed_in(maya).post(reverse("portfolio-order"), {"language": "en"})
    payload = WorkItem.objects.get(kind="governance.portfolio").payload
    assert (payload["person"], payload["as_of"]) == (maya.pk, timezone.now().date().isoformat())


def test_a_document_is_listed_and_read_by_whoever_may_and_its_reading_recorded(
    staged: PromotionRequest, maya: Person, otto: Person, signed_in: Browser
) -> None:
    report = kept(f"version:{staged.version}", "annex-iv")
    place = reverse("report", args=[report.number])
    assert report.number in signed_in(maya).get(reverse("reports")).content.decode()
    assert signed_in(maya).get(place).content.startswith(b"%PDF-")
    assert LedgerEntry.objects.filter(event="report.read").count() == 1
    assert signed_in(otto).get(place).status_code == 404
    assert report.number not in signed_in(otto).get(reverse("reports")).content.decode()


def test_nobody_reads_the_portfolio_of_another(
    staged: PromotionRequest, maya: Person, rosa: Person, signed_in: Browser
) -> None:
    report = kept(subject_of(maya), "portfolio")
    assert signed_in(maya).get(reverse("report", args=[report.number])).status_code == 200
    assert signed_in(rosa).get(reverse("report", args=[report.number])).status_code == 404


def test_an_outsider_orders_nothing(staged: PromotionRequest, otto: Person, signed_in: Browser) -> None:
    place = reverse("document-order", args=[staged.version.model.slug, 1])
    assert signed_in(otto).post(place, {"kind": "dpia", "language": "en"}).status_code == 404
