"""Who may look at which page, how it is served, and what it costs."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from guardian.shortcuts import assign_perm

from governance.access.roles import group_for
from governance.models import PolicyVersion, PromotionRequest
from governance.models.access import Role
from governance.promotions import request_promotion
from registry.ledger import publish_checkpoint
from registry.models import LedgerEntry, Person
from tests.governance.pages.conftest import Browser
from tests.people import PASSWORD, World
from tests.stories import approve, gap, measure, result

HOSTILE = '<script>alert("x")</script><img src=x onerror=alert(1)>'

#: Pages about one model: Otto gets the same 404 as for something that does not exist.
ABOUT_A_MODEL = {
    "the review page": lambda r: reverse("promotion", args=[r.pk]),
    "its progress": lambda r: reverse("promotion-progress", args=[r.pk]),
    "the review form": lambda r: reverse("promotion-review", args=[r.pk]),
    "withdrawing": lambda r: reverse("promotion-withdraw", args=[r.pk]),
    "running again": lambda r: reverse("promotion-rerun", args=[r.pk]),
    "completing": lambda r: reverse("promotion-complete", args=[r.pk]),
    "asking for a waiver": lambda r: reverse("waiver-ask", args=[r.pk]),
    "the model": lambda r: reverse("model", args=[r.version.model.slug]),
    "taking out of a stage": lambda r: reverse("version-retire", args=[r.version.model.slug, r.version.number]),
    "taking out of use": lambda r: reverse("version-decommission", args=[r.version.model.slug, r.version.number]),
    "rolling back": lambda r: reverse("stage-roll-back", args=[r.version.model.slug, "staging"]),
    "the version": lambda r: reverse("model-version", args=[r.version.model.slug, r.version.number]),
    "asking for a promotion": lambda r: reverse("promotion-ask", args=[r.version.model.slug, r.version.number]),
}
#: Pages about everything: Otto is told that he may not.
ABOUT_EVERYTHING = {
    "policies": lambda _r: reverse("policies"),
    "a policy version": lambda r: reverse("policy-version", args=[r.policy_version.policy.slug, 1]),
    "drafting": lambda _r: reverse("policy-draft"),
    "activating": lambda r: reverse("policy-activate", args=[r.policy_version.policy.slug, 1]),
    "recalling": lambda r: reverse("policy-recall", args=[r.policy_version.policy.slug, 1]),
    "the ledger": lambda _r: reverse("ledger"),
    "a ledger entry": lambda _r: reverse("ledger-entry", args=[0]),
    "withdrawing data": lambda _r: reverse("dataset-withdraw", args=["patients", 1]),
}
LISTS = {
    "the queue": lambda _r: reverse("promotions"),
    "the models": lambda _r: reverse("models"),
    "the delegations": lambda _r: reverse("delegations"),
    "giving a delegation": lambda _r: reverse("delegation-give"),
    "the reports": lambda _r: reverse("reports"),
}
Address = Callable[[PromotionRequest], str]
EVERY_PAGE: dict[str, Address] = {**ABOUT_A_MODEL, **ABOUT_EVERYTHING, **LISTS}


@pytest.mark.parametrize("address", EVERY_PAGE.values(), ids=EVERY_PAGE.keys())
def test_nobody_reads_without_signing_in(in_review: PromotionRequest, address: Address) -> None:
    answer = Client().get(address(in_review))

    assert answer.status_code == 302
    assert answer["Location"].startswith(reverse("sign-in"))


@pytest.mark.parametrize("address", EVERY_PAGE.values(), ids=EVERY_PAGE.keys())
def test_an_auditor_reads_every_page_under_the_strict_policy(
    in_review: PromotionRequest, otto: Person, signed_in: Browser, address: Address
) -> None:
    otto.groups.add(group_for(Role.AUDITOR))

    answer = signed_in(otto).get(address(in_review))

    assert answer.status_code == 200
    policy = answer["Content-Security-Policy"]
    assert "unsafe-inline" not in policy
    assert "unsafe-eval" not in policy
    assert "default-src 'none'" in policy
    assert "no-store" in answer["Cache-Control"]
    text = answer.content.decode()
    assert not re.search(r"<script(?![^>]*\ssrc=)", text), "an inline script would not run"
    assert not re.search(r"\s(style|on\w+)=\"", text), "an inline style or handler would not work"


@pytest.mark.parametrize("address", ABOUT_A_MODEL.values(), ids=ABOUT_A_MODEL.keys())
def test_otto_cannot_tell_a_model_that_he_may_not_see_from_none(
    in_review: PromotionRequest, otto: Person, signed_in: Browser, address: Address
) -> None:
    assert signed_in(otto).get(address(in_review)).status_code == 404
    assert signed_in(otto).post(address(in_review)).status_code in (404, 405)


@pytest.mark.parametrize("address", ABOUT_EVERYTHING.values(), ids=ABOUT_EVERYTHING.keys())
def test_otto_may_not_see_what_concerns_everything(
    in_review: PromotionRequest, otto: Person, signed_in: Browser, address: Address
) -> None:
    assert signed_in(otto).get(address(in_review)).status_code == 403


@pytest.mark.parametrize("address", LISTS.values(), ids=LISTS.keys())
def test_the_lists_of_otto_are_empty(
    in_review: PromotionRequest, otto: Person, signed_in: Browser, address: Address
) -> None:
    assert "care-priority" not in signed_in(otto).get(address(in_review) + "?show=all").content.decode()


def test_a_permission_on_one_model_shows_that_model_only(
    in_review: PromotionRequest, otto: Person, signed_in: Browser
) -> None:
    team = Group.objects.create(name="care team")
    assign_perm("registry.view_registeredmodel", team, in_review.version.model)
    otto.groups.add(team)

    assert signed_in(otto).get(in_review.get_absolute_url()).status_code == 200


def test_the_queue_offers_a_request_to_those_it_waits_for(
    in_review: PromotionRequest, victor: Person, rosa: Person, dora: Person, maya: Person, signed_in: Browser
) -> None:
    def waiting(person: Person) -> int:
        return len(signed_in(person).get(reverse("promotions") + "?show=mine").context["rows"])

    assert [waiting(person) for person in (victor, rosa, dora, maya)] == [1, 1, 0, 0]

    approve(in_review, victor, "model_validator")

    assert [waiting(person) for person in (victor, rosa)] == [0, 1]


def test_the_queue_costs_the_same_however_many_requests_there_are(
    in_review: PromotionRequest,
    world: World,
    maya: Person,
    victor: Person,
    signed_in: Browser,
) -> None:
    client = signed_in(victor)
    client.get(reverse("promotions"))
    with CaptureQueriesContext(connection) as few:
        client.get(reverse("promotions") + "?show=all")
    for number in range(5):
        version = world.version(f"model {number}".encode())
        measure(request_promotion(actor=maya, version=version, to_stage="staging", reason="more"))
    with CaptureQueriesContext(connection) as many:
        answer = client.get(reverse("promotions") + "?show=all")

    assert len(answer.context["rows"]) == 6
    assert len(many) == len(few)


def test_the_review_page_names_what_blocks_and_who_is_missing(
    asked: PromotionRequest, victor: Person, rosa: Person, signed_in: Browser
) -> None:
    measure(asked, result(gap(0.4)))

    text = signed_in(victor).get(asked.get_absolute_url()).content.decode()

    assert "The gate to staging is closed" in text
    assert 'href="#finding-selection-gap"' in text
    assert 'id="finding-selection-gap"' in text
    assert '<span class="tag" title="aia-10-2-f">EU AI Act Art. 10(2)(f)</span>' in text
    assert "Rosa Reyes can review" in text


def test_an_open_gate_says_until_when(approved: PromotionRequest, victor: Person, signed_in: Browser) -> None:
    text = signed_in(victor).get(approved.get_absolute_url()).content.decode()

    assert "The gate to staging is open" in text
    assert "It holds until" in text


def test_an_approval_that_fell_with_a_role_shows_a_closed_gate(
    approved: PromotionRequest, victor: Person, rosa: Person, signed_in: Browser
) -> None:
    victor.groups.clear()

    text = signed_in(rosa).get(approved.get_absolute_url()).content.decode()

    assert "The gate to staging has closed again" in text


def test_progress_tells_which_checks_run(asked: PromotionRequest, victor: Person, signed_in: Browser) -> None:
    told = signed_in(victor).get(reverse("promotion-progress", args=[asked.pk])).json()

    assert (told["state"], told["done"], told["total"]) == ("auditing", 0, 2)
    assert {check["words"] for check in told["checks"]} == {"running"}
    assert "progress.js" in signed_in(victor).get(asked.get_absolute_url()).content.decode()


def test_hostile_words_stay_words(
    policy: PolicyVersion, world: World, maya: Person, victor: Person, signed_in: Browser
) -> None:
    version = world.version(b"hostile", source_run=HOSTILE)
    request = measure(
        request_promotion(actor=maya, version=version, to_stage="staging", reason=HOSTILE), result(gap(0.4))
    )
    approve(request, victor, "model_validator", verdict="request_changes", meaning="rejected", reason=HOSTILE)
    client = signed_in(victor)
    for address in EVERY_PAGE.values():
        text = client.get(address(request)).content.decode()
        assert "<script>alert" not in text
        assert "<img src=x" not in text
    assert "&lt;script&gt;alert" in client.get(request.get_absolute_url()).content.decode()


def test_every_entry_page_checks_its_proof(in_review: PromotionRequest, victor: Person, signed_in: Browser) -> None:
    publish_checkpoint()
    client = signed_in(victor)
    for index in LedgerEntry.objects.values_list("index", flat=True):
        assert "Proved by the tree" in client.get(reverse("ledger-entry", args=[index])).content.decode()


def test_signing_in_leads_on_and_a_wrong_password_does_not(maya: Person) -> None:
    client = Client()
    door = client.get(reverse("sign-in"))
    assert "unsafe-inline" not in door["Content-Security-Policy"]

    wrong = client.post(reverse("sign-in"), {"username": "maya", "password": "nope"})
    assert wrong.status_code == 200
    assert "_auth_user_id" not in client.session

    right = client.post(reverse("sign-in"), {"username": "maya", "password": PASSWORD})
    assert right["Location"] == reverse("home")


@pytest.mark.django_db
def test_the_admin_has_no_other_door() -> None:
    answer = Client().get(reverse("admin:login") + "?next=/admin/")

    assert answer["Location"] == reverse("sign-in") + "?next=/admin/"
