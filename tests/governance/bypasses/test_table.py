"""The table as a whole."""

from __future__ import annotations

from governance.promotions import request_promotion
from tests.governance.bypasses.scene import Scene
from tests.people import World, dataset_version, fair_rows
from tests.stories import measure


def test_a_dataset_that_changed_is_another_version_and_never_the_same_subject(scene: Scene) -> None:
    before = scene.approved().subject_digest
    changed = dataset_version(scene.maya, "patients-2", fair_rows(402))
    author = World(scene.model, changed, scene.mel)
    other = request_promotion(
        actor=scene.maya, version=author.version(b"model two"), to_stage="staging", reason="new data"
    )
    assert measure(other).subject_digest != before
