"""The lineage picture answers to pointer and keyboard, and 200 features stay legible."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page
from pytest_django.live_server_helper import LiveServer

from registry.canonical import digest
from registry.models import DatasetVersion, ModelVersion, Person
from registry.versions import VersionDescription, register_version
from tests.governance.pages.test_in_the_browser import page, sign_in
from tests.people import COLUMNS, SIGNATURE, World, dataset_version
from tests.registry.lineage.events import data, facet, run_event, tell

__all__ = ["page"]  # the fixture
pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db(transaction=True)]


def wide_version(world: World, maya: Person, count: int) -> tuple[ModelVersion, DatasetVersion]:
    """A version with `count` features, and the data it was trained on."""
    names = [f"feature_{number}" for number in range(count)]
    columns = [{"name": name, "type": "number", "tags": ["feature"]} for name in names] + COLUMNS[3:]
    rows = [{**dict.fromkeys(names, row), "outcome": row % 2, "prediction": row % 2} for row in range(20)]
    train = dataset_version(maya, "train", rows, columns=columns)
    description = VersionDescription(
        artifact_digest=digest(b"wide"),
        artifact_format="skops",
        signature={**SIGNATURE, "features": names},
        framework="scikit-learn",
        code_revision="4f1c2d0",
        datasets={"train": train, "evaluation": train},
    )
    version = register_version(actor=maya, model=world.model, description=description)
    fields = {
        name: {"inputFields": [{"namespace": "s3://lake", "name": "visits" if at % 2 else "register", "field": "raw"}]}
        for at, name in enumerate(names)
    }
    made = data("train", digest=train.digest, columnLineage=facet(fields=fields))
    tell(maya, run_event(inputs=[data("register"), data("visits")], outputs=[made]))
    return version, train


@pytest.mark.parametrize("count", [14, 200])
def test_features_unfold_and_each_answers_with_its_own_data(
    page: Page, live_server: LiveServer, world: World, maya: Person, victor: Person, count: int
) -> None:
    version, train = wide_version(world, maya, count)
    sign_in(page, live_server, victor)
    page.goto(f"{live_server.url}/models/{world.model.slug}/versions/{version.number}/")
    box = page.locator("[data-lineage]")
    picture = box.locator("svg:visible")
    assert picture.get_by_text(f"{count} features", exact=True).count() == 1
    assert picture.locator("[data-behind]").count() == 0

    unfold = box.get_by_role("button", name="Every feature by its name")
    unfold.click()
    assert unfold.get_attribute("aria-expanded") == "true"
    chips = box.locator("svg:visible [data-behind]")
    assert chips.count() == count
    first = chips.first.locator("text").bounding_box()
    assert first is not None
    assert first["height"] >= 7, "letters have a size that people read"

    box.locator('svg:visible [aria-label^="feature_3:"]').click()
    told = box.locator("[data-lineage-told]")
    assert "feature_3 of train/1" in told.inner_text()
    assert "visits" in told.inner_text()
    assert "register" not in told.inner_text()
    assert box.locator("svg:visible .is-faint[data-behind]").count() == count - 1

    page.keyboard.press("ArrowUp")
    assert f"{train} (dataset)" in told.inner_text()
    assert f"{count} features come from its columns" in told.inner_text()
    page.keyboard.press("Escape")
    assert told.inner_text() == ""
    unfold.click()
    assert box.locator("svg:visible [data-behind]").count() == 0
