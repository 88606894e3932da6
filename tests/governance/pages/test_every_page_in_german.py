"""Every page of reviewers in German: what is shown alike in both languages is a name, or English that was left."""

from __future__ import annotations

import pytest
from django.db.models import Model
from django.test import Client
from django.urls import reverse

from governance.models import BreakGlass, Condition, Incident, PromotionRequest, Waiver
from governance.pages.urls import urlpatterns
from registry.models import DatasetWithdrawal, Person
from tests.governance.pages.conftest import Browser
from tests.governance.shown import left_in_english, on_record

#: What answers with data or a file, leads elsewhere, or takes forms only.
NO_PAGES = {
    *("home", "promotion-progress", "review-statement", "security-key-options", "policy-simulate-part"),
    *("document-order", "portfolio-order", "report"),
}
#: Pages about a row that this story does not have; each looks like those of another act.
OTHER_STORIES = {
    *("authenticator-confirm", "authenticator-retire", "security-key-confirm", "security-key-retire"),
    *("delegation-end", "erasure-confirm"),
}


@pytest.fixture
def places(exceptional: None, maya: Person) -> dict[str, str]:
    """The address of every page, by name."""
    rows: dict[str, Model] = {
        "glass-review": BreakGlass.objects.latest("pk"),
        "condition": Condition.objects.latest("pk"),
        "waiver": Waiver.objects.latest("pk"),
        "incident-close": Incident.objects.latest("pk"),
        "promotions": PromotionRequest.objects.get(broken_glass__isnull=False),
    }
    of_a_model = {"slug": "care-priority", "number": 1, "control": "aia-14-1", "stage": "staging"}
    of_all = {"withdrawal": DatasetWithdrawal.objects.get().pk, "pseudonym": maya.pseudonym, "index": 0}
    found = {}
    for pattern in urlpatterns:
        if pattern.name is None or pattern.name in NO_PAGES | OTHER_STORIES:
            continue
        path = str(pattern.pattern)
        slugs = {"policies": "house_rules", "datasets": "patients"}
        told = {**of_all, **of_a_model, "pk": rows.get(pattern.name, rows["promotions"]).pk}
        told["slug"] = slugs.get(path.partition("/")[0], told["slug"])
        found[pattern.name] = reverse(pattern.name, kwargs={name: told[name] for name in pattern.pattern.converters})
    return found


def test_every_page_is_german(
    places: dict[str, str], ada: Person, carla: Person, victor: Person, signed_in: Browser
) -> None:
    names, left = on_record(), dict[str, set[str]]()
    assert len(places) > 40
    left["policy-simulate"] = left_in_english(signed_in(carla), places.pop("policy-simulate"), names=names)
    left["sign-in"] = left_in_english(Client(), places.pop("sign-in"), names=names)
    for name, place in places.items():
        left[name] = left_in_english(signed_in(ada), place, names=names)
    left["review by a validator"] = left_in_english(signed_in(victor), places["promotion"], names=names)
    assert {name: texts for name, texts in left.items() if texts} == {}
