"""Trying a draft on the past: part by part or at once, with every promotion that would have ended otherwise."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from governance.models import PolicyVersion, PromotionRequest
from governance.pages import simulation_pages
from governance.policy_versions import draft_policy
from registry.models import Person
from tests.governance.pages.conftest import Browser
from tests.people import World
from tests.stories import POLICY, ask, gap, measure, result

PAGE = reverse("policy-simulate", args=["house_rules", 2])
PART = reverse("policy-simulate-part", args=["house_rules", 2])


@pytest.fixture
def tighter(policy: PolicyVersion, carla: Person) -> PolicyVersion:
    """Carla's draft with a limit that nothing of the past meets."""
    return draft_policy(actor=carla, source=POLICY.replace('at_most: "0.20"', 'at_most: "0.01"'))


@pytest.fixture
def wider(policy: PolicyVersion, carla: Person) -> PolicyVersion:
    """Carla's draft with a limit that everything meets."""
    return draft_policy(actor=carla, source=POLICY.replace('at_most: "0.20"', 'at_most: "0.90"'))


@pytest.fixture
def blocked(world: World, maya: Person, policy: PolicyVersion) -> PromotionRequest:
    """A version that was stopped by its gap."""
    return measure(ask(maya, world.version(b"bad")), result(gap(0.45)))


def test_what_would_be_blocked_is_listed_with_its_reason(
    approved: PromotionRequest, tighter: PolicyVersion, carla: Person, signed_in: Browser
) -> None:
    answer = signed_in(carla).get(PAGE + "?all=1")
    shown = answer.content.decode()
    assert "1 of 1 past promotions" in shown
    assert str(approved.pk) in shown
    (replay,) = answer.context["newly_blocked"]
    assert replay.reasons[0]["subject"] == "selection-gap"
    assert replay.reasons[0]["explanation"] in shown
    assert "stricter" in shown


def test_what_would_be_released_is_listed_too(
    blocked: PromotionRequest, wider: PolicyVersion, carla: Person, signed_in: Browser
) -> None:
    answer = signed_in(carla).get(PAGE + "?all=1")
    assert [replay.request for replay in answer.context["released"]] == [str(blocked.pk)]
    assert "looser" in answer.content.decode()


def _parts(client: Client) -> list[dict[str, object]]:
    told, done = [], 0
    while True:
        part = client.get(f"{PART}?done={done}").json()
        told.append(part)
        if part["done"] == part["total"]:
            return told
        done = part["done"]


def test_the_parts_together_are_the_whole(
    approved: PromotionRequest,
    blocked: PromotionRequest,
    tighter: PolicyVersion,
    rosa: Person,
    signed_in: Browser,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(simulation_pages, "PART", 1)
    parts = _parts(signed_in(rosa))
    assert [part["done"] for part in parts] == [1, 2]
    assert sum(part["counts"]["newly-blocked"] for part in parts) == 1  # type: ignore[index]
    rows = "".join(part["rows"]["newly-blocked"] for part in parts)  # type: ignore[index]
    assert rows.count("<tr>") == 1
    assert str(approved.pk) in rows


@pytest.mark.parametrize("done", ["-1", "x", "99999999999999999999"])
def test_a_strange_part_is_empty_or_the_first(
    approved: PromotionRequest, tighter: PolicyVersion, carla: Person, signed_in: Browser, done: str
) -> None:
    assert signed_in(carla).get(f"{PART}?done={done}").status_code == 200


def test_without_a_past_the_page_says_so(tighter: PolicyVersion, carla: Person, signed_in: Browser) -> None:
    assert "No promotion was decided yet" in signed_in(carla).get(PAGE).content.decode()


def test_it_reads_every_model_so_it_is_not_for_everybody(
    tighter: PolicyVersion, maya: Person, victor: Person, signed_in: Browser
) -> None:
    for person in (maya, victor):
        assert signed_in(person).get(PAGE).status_code == 403
        assert signed_in(person).get(PART).status_code == 403


def test_the_page_of_a_version_says_which_way_each_change_leans(
    wider: PolicyVersion, rosa: Person, ada: Person, signed_in: Browser
) -> None:
    for name in ("policy-version", "policy-activate"):
        shown = signed_in(rosa).get(reverse(name, args=["house_rules", 2])).content.decode()
        assert "gates[to-staging].criteria[selection-gap].at_most" in shown
        assert "looser" in shown
        assert PAGE in shown
    admin = signed_in(ada).get(reverse("admin:governance_policyversion_change", args=[wider.pk])).content.decode()
    assert "looser" in admin
    assert PAGE in admin
