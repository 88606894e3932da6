"""From which columns the features of a version were made."""

from __future__ import annotations

from typing import Any

import pytest

from registry.columns import FeatureOrigin, origins_of
from registry.connectors.statements import LineageRefusedError
from registry.models import LineageEvent, ModelVersion, Person
from registry.provenance import lineage_of
from tests.people import World
from tests.registry.lineage.events import data, facet, run_event, tell

pytestmark = pytest.mark.django_db


def origins(version: ModelVersion) -> tuple[FeatureOrigin, ...]:
    return origins_of(version, lineage_of(version))


def steps(**fields: tuple[str, str]) -> dict[str, Any]:
    """Column lineage: a column here to (dataset, column) there."""
    return facet(
        fields={
            name: {"inputFields": [{"namespace": "s3://lake", "name": there, "field": column}]}
            for name, (there, column) in fields.items()
        }
    )


def test_a_feature_is_followed_over_steps_and_names_of_the_same_content(world: World, maya: Person) -> None:
    digest = world.evaluation.digest
    clean = data("clean", digest=digest, columnLineage=steps(age=("raw", "birthday"), bmi=("raw", "weight")))
    tell(maya, run_event(inputs=[data("raw")], outputs=[clean]))
    origin = {entry.feature: entry.columns for entry in origins(world.version())}
    assert origin["age"] == (("patients/1", "age"), ("clean", "age"), ("raw", "birthday"))
    assert ("raw", "weight") in origin["bmi"]
    assert ("raw", "weight") not in origin["age"], "features are not mixed"


def test_a_circle_of_columns_ends(world: World, maya: Person) -> None:
    digest = world.evaluation.digest
    there = data("clean", digest=digest, columnLineage=steps(age=("raw", "age")))
    back = data("raw", columnLineage=steps(age=("clean", "age")))
    tell(maya, run_event(outputs=[there, back]))
    assert {entry.feature: len(entry.columns) for entry in origins(world.version())}["age"] == 3


def test_what_nobody_told_of_is_the_declared_column_alone(world: World) -> None:
    assert [entry.columns for entry in origins(world.version())] == [
        (("patients/1", "age"),),
        (("patients/1", "bmi"),),
    ]


def test_the_queries_do_not_grow_with_the_features(
    world: World, maya: Person, django_assert_max_num_queries: Any
) -> None:
    digest = world.evaluation.digest
    clean = data("clean", digest=digest, columnLineage=steps(age=("raw", "birthday"), bmi=("raw", "weight")))
    tell(maya, run_event(inputs=[data("raw")], outputs=[clean]))
    version = world.version()
    with django_assert_max_num_queries(10):
        origins(version)


@pytest.mark.parametrize(("there", "column"), [("r" * 1500, "c" * 1500), ("raw", "c" * 3000)])
def test_names_too_long_to_be_indexed_are_refused_with_their_place(maya: Person, there: str, column: str) -> None:
    event = run_event(outputs=[data("clean", columnLineage=steps(age=(there, column)))])
    with pytest.raises(LineageRefusedError) as refusal:
        tell(maya, event)
    assert refusal.value.field == "outputs[0].facets.columnLineage"
    assert not LineageEvent.objects.exists()
