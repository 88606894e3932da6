"""Documents that follow the points of a law, on paper: ordered, sealed, found, refused."""

from __future__ import annotations

import io
import zipfile
from datetime import date, timedelta

import pytest
from django.utils import timezone

from audits.models import Report
from audits.reports.dossier import DossierIncompleteError
from governance.dossiers import orders
from governance.dossiers.orders import newest_dossier, order_dossier
from governance.models import PromotionRequest
from governance.performers import DossierPerformer
from registry import storage
from registry.errors import InvalidInputError, PermissionRefusedError
from registry.models import LedgerEntry, Person, WorkItem

pytestmark = pytest.mark.django_db(transaction=True)
TODAY = timezone.now().date()


def test_a_draft_is_ordered_and_waits_for_a_worker(in_review: PromotionRequest, maya: Person) -> None:
    number = order_dossier(actor=maya, version=in_review.version, kind="annex-iv", as_of=TODAY)
    assert number.startswith("ANNEX-IV-")
    assert number.endswith(orders.DRAFT)
    assert WorkItem.objects.get(key=f"dossier:{number}").payload["language"] == "en"


def test_a_final_document_with_open_points_is_refused_and_the_refusal_is_recorded(
    in_review: PromotionRequest, maya: Person
) -> None:
    with pytest.raises(DossierIncompleteError):
        order_dossier(actor=maya, version=in_review.version, kind="annex-iv", as_of=TODAY, final=True)
    assert not WorkItem.objects.filter(kind=orders.DOSSIER_WORK).exists()
    assert LedgerEntry.objects.order_by("-index")[0].event == "action.refused"


@pytest.mark.parametrize(
    "wrong", [{"kind": "annex-x"}, {"language": "fr"}, {"as_of": date(1999, 1, 1)}, {"as_of": date(2099, 1, 1)}]
)
def test_what_cannot_be_written_is_not_ordered(
    in_review: PromotionRequest, maya: Person, wrong: dict[str, object]
) -> None:
    with pytest.raises(InvalidInputError):
        order_dossier(**{"actor": maya, "version": in_review.version, "kind": "dpia", "as_of": TODAY, **wrong})  # type: ignore[arg-type]


def test_an_outsider_orders_none(in_review: PromotionRequest, otto: Person) -> None:
    with pytest.raises(PermissionRefusedError):
        order_dossier(actor=otto, version=in_review.version, kind="dpia", as_of=TODAY)


@pytest.mark.slow
def test_an_ordered_document_is_sealed_bundled_told_and_found(in_review: PromotionRequest, maya: Person) -> None:
    number = order_dossier(actor=maya, version=in_review.version, kind="annex-iv", as_of=TODAY, language="de")
    payload = WorkItem.objects.get(key=f"dossier:{number}").payload
    DossierPerformer().perform(payload)()
    DossierPerformer().perform(payload)()
    report = Report.objects.get(number=number)
    assert storage.read_bytes(report.file_digest).startswith(b"%PDF-")
    with zipfile.ZipFile(io.BytesIO(storage.read_bytes(report.bundle_digest))) as packed:
        assert {"document.pdf", "document.html", "document.md", "evidence.json", "MANIFEST.dsse.json"} <= set(
            packed.namelist()
        )
        assert 'lang="de"' in packed.read("document.html").decode()
    assert LedgerEntry.objects.filter(event="report.sealed", subject=report.subject).count() == 1
    version = in_review.version
    assert newest_dossier(version, "annex-iv", language="de") == report
    assert newest_dossier(version, "annex-iv", language="de", as_of=TODAY + timedelta(days=1)) is None
    assert newest_dossier(version, "annex-iv", language="de", final=True) is None
    assert newest_dossier(version, "annex-iv") is None
