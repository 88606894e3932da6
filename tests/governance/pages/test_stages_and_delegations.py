"""Bringing back, taking out, taking out of use, and standing in: each on a page, each refused there."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from governance.access.roles import group_for
from governance.models import Decommission, Delegation, DelegationEnd, PromotionRequest
from governance.models.access import Role
from governance.promotions import complete, request_promotion
from registry.models import Person, StageAssignment
from tests.governance.pages.conftest import Browser
from tests.people import PASSWORD, World
from tests.stories import approve, measure

ROLL_BACK = reverse("stage-roll-back", args=["care-priority", "staging"])
RETIRE = reverse("version-retire", args=["care-priority", 1])
DECOMMISSION = reverse("version-decommission", args=["care-priority", 1])
GIVE = reverse("delegation-give")


def here() -> int | None:
    version = StageAssignment.objects.current().get(stage="staging").version
    return version.number if version else None


@pytest.fixture
def replaced(staged: PromotionRequest, world: World, maya: Person, victor: Person, rosa: Person, mel: Person) -> None:
    """Version 2 took its place."""
    later = request_promotion(actor=maya, version=world.version(b"model two"), to_stage="staging", reason="Better.")
    measure(later)
    approve(later, victor, "model_validator")
    approve(later, rosa, "risk_officer")
    complete(actor=mel, request=later)


@pytest.mark.usefixtures("replaced")
class TestRollingBack:
    def test_brings_the_former_version_back(self, mel: Person, signed_in: Browser) -> None:
        client = signed_in(mel)
        assert "version 1" in client.get(ROLL_BACK).content.decode()
        assert client.post(ROLL_BACK, {"reason": "Version 2 is slow.", "to": "1"}).status_code == 302
        assert here() == 1

    @pytest.mark.parametrize("told", [{"reason": ""}, {"reason": "Slow.", "to": "2"}, {"reason": "Slow.", "to": "9"}])
    def test_of_something_impossible_is_refused(self, mel: Person, signed_in: Browser, told: dict[str, str]) -> None:
        assert signed_in(mel).post(ROLL_BACK, told).status_code == 422
        assert here() == 2

    def test_is_not_for_victor(self, victor: Person, signed_in: Browser) -> None:
        assert "No group of yours" in signed_in(victor).get(ROLL_BACK).content.decode()
        assert signed_in(victor).post(ROLL_BACK, {"reason": "Slow."}).status_code == 422
        assert here() == 2

    def test_shows_what_was_there_on_a_day(self, mel: Person, signed_in: Browser) -> None:
        page = reverse("model", args=["care-priority"])
        client = signed_in(mel)
        today = timezone.now().date()
        assert [row.version.number for row in client.get(page, {"on": today.isoformat()}).context["then"]] == [2]
        before = client.get(page, {"on": (today - timedelta(days=1)).isoformat()})
        assert "All stages were empty." in before.content.decode()
        assert "A day is written" in client.get(page, {"on": "yesterday"}).content.decode()


@pytest.mark.usefixtures("staged")
class TestTakingOut:
    def test_empties_the_stage(self, rosa: Person, signed_in: Browser) -> None:
        assert signed_in(rosa).post(RETIRE, {"stage": "staging", "reason": "Too old."}).status_code == 302
        assert here() is None

    @pytest.mark.parametrize("told", [{"stage": "staging"}, {"stage": "production", "reason": "Too old."}])
    def test_is_refused_half_filled_in(self, rosa: Person, signed_in: Browser, told: dict[str, str]) -> None:
        assert signed_in(rosa).post(RETIRE, told).status_code == 422
        assert here() == 1

    def test_is_not_for_mel(self, mel: Person, signed_in: Browser) -> None:
        assert signed_in(mel).post(RETIRE, {"stage": "staging", "reason": "Too old."}).status_code == 422
        assert here() == 1

    def test_of_use_is_signed_and_final(self, rosa: Person, signed_in: Browser) -> None:
        client = signed_in(rosa)
        told = {"reason": "It harmed people.", "password": PASSWORD}
        assert client.post(DECOMMISSION, told | {"password": "guessed"}).status_code == 422
        assert not Decommission.objects.exists()
        assert client.post(DECOMMISSION, told).status_code == 302
        assert (here(), Decommission.objects.get().method) == (None, "password")
        assert client.post(DECOMMISSION, told).status_code == 422
        assert "out of use since" in client.get(reverse("model-version", args=["care-priority", 1])).content.decode()


class TestStandingIn:
    @staticmethod
    def told(to: Person, **changes: str) -> dict[str, str]:
        until = (timezone.now() + timedelta(days=7)).date().isoformat()
        return {
            "delegate": str(to.pk),
            "role": "model_validator",
            "until": until,
            "reason": "On leave.",
            "password": PASSWORD,
            **changes,
        }

    def test_is_given_listed_and_ended(self, victor: Person, vera: Person, signed_in: Browser) -> None:
        client = signed_in(victor)
        assert client.post(GIVE, self.told(vera)).status_code == 302
        row = Delegation.objects.get()
        assert (row.delegator, row.delegate, row.role, row.model) == (victor, vera, "model_validator", None)
        assert "On leave." in client.get(reverse("delegations")).content.decode()
        end = reverse("delegation-end", args=[row.pk])
        assert signed_in(vera).post(end).status_code == 302
        assert DelegationEnd.objects.get().ended_by == vera
        assert client.post(end).status_code == 422

    @pytest.mark.parametrize(
        "changes",
        [
            {"role": "risk_officer"},
            {"until": "2099-01-01"},
            {"reason": " "},
            {"password": "guessed"},
            {"delegate": "0"},
        ],
        ids=["a role not held", "for ever", "without a reason", "with a wrong password", "to nobody"],
    )
    def test_is_refused(self, victor: Person, vera: Person, signed_in: Browser, changes: dict[str, str]) -> None:
        assert signed_in(victor).post(GIVE, self.told(vera, **changes)).status_code == 422
        assert not Delegation.objects.exists()

    def test_cannot_be_ended_by_a_stranger(
        self, victor: Person, vera: Person, otto: Person, signed_in: Browser
    ) -> None:
        otto.groups.add(group_for(Role.AUDITOR))
        signed_in(victor).post(GIVE, self.told(vera))
        end = reverse("delegation-end", args=[Delegation.objects.get().pk])
        assert signed_in(otto).post(end).status_code == 404
        assert not DelegationEnd.objects.exists()
