"""What the edge refuses is told, once, by whom, and without letting anybody flood the ledger."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.urls import reverse

from governance.edge import QUIET_SECONDS, Quiet
from governance.models import PromotionRequest
from registry import refused
from registry.errors import ImmutableError
from registry.models import LedgerEntry, Person
from tests.people import person


def told() -> list[dict[str, Any]]:
    entries = LedgerEntry.objects.filter(event="action.refused").order_by("index")
    return [json.loads(bytes(entry.body)) for entry in entries]


def test_the_entry_says_who_tried_what_and_where(in_review: PromotionRequest, otto: Person) -> None:
    client = Client()
    client.force_login(otto, backend="django.contrib.auth.backends.ModelBackend")
    client.post(reverse("promotion-review", args=[in_review.pk]), {})
    (entry,) = told()
    assert (entry["actor"], entry["subject"]) == (otto.pseudonym, "edge:promotion-review")
    assert entry["facts"] == {
        "verb": "POST promotions/<uuid:pk>/review/",
        "code": "unknown-path",
        "at": {"pk": str(in_review.pk)},
    }


def test_what_a_caller_wrote_is_not_kept(maya: Person, db: None) -> None:
    client = Client()
    client.force_login(maya, backend="django.contrib.auth.backends.ModelBackend")
    client.post("/api/v1/models/", {"Maya Medina": "x"}, content_type="application/json")
    client.post("/api/v1/Maya-Medina-was-here/", {}, content_type="application/json")
    text = json.dumps(told())
    assert len(told()) == 2
    assert "Medina" not in text


def test_callers_without_an_account_do_not_fill_the_ledger(db: None) -> None:
    client = Client()
    for number in range(50):
        client.post(f"/api/v1/models/{number}/versions/", {}, content_type="application/json")
    assert len(told()) == 1


def test_a_pipeline_that_polls_what_it_may_not_see_does_not_fill_it_either(otto: Person) -> None:
    client = Client()
    client.force_login(otto, backend="django.contrib.auth.backends.ModelBackend")
    for _ in range(5):
        client.get("/api/v1/policies/")
    assert [entry["facts"]["code"] for entry in told()] == ["permission-refused"]
    for _ in range(5):
        client.post("/api/v1/policies/", {"source": "x"}, content_type="application/json")
    assert len(told()) == 6


def test_those_left_out_are_counted() -> None:
    now = [0.0]
    quiet = Quiet(lambda: now[0])
    assert [quiet.admits("token-invalid") for _ in range(4)] == [0, None, None, None]
    assert quiet.admits("scope-missing") == 0
    now[0] = QUIET_SECONDS
    assert [quiet.admits("token-invalid") for _ in range(2)] == [3, None]


def test_a_good_answer_looks_nobody_up(db: None, django_assert_num_queries: Any) -> None:
    client = Client()
    with django_assert_num_queries(0):
        assert client.get(reverse("sign-in")).status_code == 200


@pytest.mark.django_db(transaction=True)
def test_the_entry_outlives_the_transaction_in_which_it_was_tried() -> None:
    tom = person("tom")
    with pytest.raises(ImmutableError), transaction.atomic():
        LedgerEntry.objects.all().delete()
    assert told() == []
    refused.write_waiting(tom)
    (entry,) = told()
    assert entry["actor"] == tom.pseudonym
    assert entry["facts"] == {"verb": "delete", "code": "immutable"}


@pytest.mark.django_db(transaction=True)
def test_the_entry_is_written_at_once_outside_of_a_transaction_and_after_a_commit() -> None:
    with pytest.raises(ImmutableError):
        LedgerEntry.objects.update(event="x")
    assert len(told()) == 1
    with transaction.atomic():
        with pytest.raises(ImmutableError):
            LedgerEntry.objects.update(event="x")
        assert len(told()) == 1
    assert len(told()) == 2


@pytest.mark.django_db(transaction=True)
def test_a_thousand_refusals_in_one_transaction_are_counted() -> None:
    with transaction.atomic():
        for _ in range(1000):
            with pytest.raises(ImmutableError):
                LedgerEntry.objects.update(event="x")
    assert len(told()) == refused.MOST_WAITING
    assert told()[-1]["facts"]["more"] == 1000 - refused.MOST_WAITING
