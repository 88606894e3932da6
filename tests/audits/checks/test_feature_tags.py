"""Tags that follow columns from raw data to the model: over new names, past masks, and where nobody told of columns."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

import pytest

from audits.checks._feature_tags import FeatureTags
from audits.measurements import MetricValue
from registry.columns import with_columns
from registry.dataset_cards import card_of, write_card
from registry.datasets import DatasetDescription, register_dataset, register_dataset_version
from registry.models import DatasetVersion, ModelVersion, Person
from registry.provenance import lineage_of
from tests.people import COLUMNS, World
from tests.registry.lineage.events import data, facet, run_event, tell

pytestmark = pytest.mark.django_db
HERE = {"age": frozenset({"feature"}), "bmi": frozenset({"feature"})}


def steps(**fields: Any) -> dict[str, Any]:
    """Column lineage: a column here to (dataset, column there, transformation …)."""
    return facet(
        fields={
            name: {
                "inputFields": [
                    {"namespace": "s3://lake", "name": there, "field": column, "transformations": transformations}
                ]
            }
            for name, (there, column, *transformations) in fields.items()
        }
    )


def tagged(*columns: str, tag: str = "special_category") -> dict[str, Any]:
    return facet(tags=[{"key": tag, "value": "true", "field": column} for column in columns])


def two_jobs(maya: Person, world: World, first: Mapping[str, Any], second: Mapping[str, Any], **raw: Any) -> None:
    """raw -> anonymise -> clean -> prepare -> the evaluation data of the version."""
    raw_data = data("raw", tags=tagged("religion"), **raw)
    clean = data("clean", columnLineage=steps(**first))
    tell(
        maya,
        run_event(run=str(uuid.UUID(int=1)), job="anonymise", inputs=[raw_data], outputs=[clean]),
        run_event(
            run=str(uuid.UUID(int=2)),
            job="prepare",
            inputs=[data("clean")],
            outputs=[data("train", digest=world.evaluation.digest, columnLineage=steps(**second))],
        ),
    )


def found(version: ModelVersion, here: Mapping[str, frozenset[str]] = HERE) -> FeatureTags:
    return FeatureTags(lineage_of(version), here)


def value(tags: FeatureTags, metric: str, feature: str = "") -> MetricValue:
    [one] = [value for value in tags.values() if value.metric == metric and value.feature == feature]
    return one


def test_a_renamed_column_is_caught_through_two_jobs(world: World, maya: Person) -> None:
    """Planted: religion becomes f_12, and f_12 becomes bmi."""
    two_jobs(
        maya,
        world,
        {"f_12": ("raw", "religion"), "years": ("raw", "age")},
        {"bmi": ("clean", "f_12"), "age": ("clean", "years")},
    )
    tags = found(world.version())
    assert value(tags, "tags_lost").value == 1
    assert value(tags, "special_features").value == 1
    assert value(tags, "untold_features").value == 0
    assert tags.tables()["columns"].rows == (("special_features", "bmi"), ("tags_lost", "bmi"))
    [origin] = tags.tables()["origins"].rows
    assert origin == ("bmi", "special_category", "dataset:s3://lake|raw", "religion", "value", "column lineage")
    assert tags.notes() == ()


def test_a_declared_mask_ends_the_tag_and_is_told(world: World, maya: Person) -> None:
    mask = {"type": "DIRECT", "subtype": "TRANSFORMATION", "masking": True}
    two_jobs(
        maya,
        world,
        {"f_12": ("raw", "religion", mask), "years": ("raw", "age")},
        {"bmi": ("clean", "f_12"), "age": ("clean", "years")},
    )
    tags = found(world.version())
    assert value(tags, "tags_lost").value == 0
    assert value(tags, "tags_masked").value == 1
    assert [row[4] for row in tags.tables()["origins"].rows] == ["masked"]


@pytest.mark.parametrize(
    "ways",
    [
        [{"type": "DIRECT", "subtype": "TRANSFORMATION", "masking": False}],
        [{"type": "DIRECT", "subtype": "TRANSFORMATION"}],
        [{"type": "DIRECT", "masking": True}, {"type": "INDIRECT", "subtype": "CONDITIONAL"}],
        [{"type": "INDIRECT", "subtype": "CONDITIONAL", "masking": False}],
        [{"type": "INDIRECT"}],
    ],
)
def test_nothing_but_a_mask_on_every_way_ends_a_tag(world: World, maya: Person, ways: list[Any]) -> None:
    two_jobs(maya, world, {"f_12": ("raw", "religion", *ways)}, {"bmi": ("clean", "f_12"), "age": ("clean", "x")})
    assert value(found(world.version()), "tags_lost").value == 1


def test_a_mask_in_one_account_and_none_in_another_is_none(world: World, maya: Person) -> None:
    mask = {"type": "DIRECT", "masking": True}
    two_jobs(maya, world, {"f_12": ("raw", "religion", mask)}, {"bmi": ("clean", "f_12"), "age": ("raw", "age")})
    two_jobs(maya, world, {"f_12": ("raw", "religion")}, {"bmi": ("clean", "f_12")})
    assert value(found(world.version()), "tags_lost").value == 1


def test_choosing_rows_by_a_column_is_told_apart(world: World, maya: Person) -> None:
    by = {"type": "INDIRECT", "subtype": "FILTER"}
    two_jobs(maya, world, {"f_12": ("raw", "religion", by)}, {"bmi": ("clean", "f_12"), "age": ("raw", "age")})
    tags = found(world.version())
    assert value(tags, "tags_lost").value == 0
    assert value(tags, "tags_selecting").value == 1


def test_an_older_facet_says_masked_for_the_whole_step(world: World, maya: Person) -> None:
    origin = {"namespace": "s3://lake", "name": "raw", "field": "religion"}
    fields = {"bmi": {"inputFields": [origin], "transformationType": "MASKED"}, "age": {"inputFields": []}}
    output = data("train", digest=world.evaluation.digest, columnLineage=facet(fields=fields))
    tell(maya, run_event(inputs=[data("raw", tags=tagged("religion"))], outputs=[output]))
    assert value(found(world.version()), "tags_masked").value == 1


def test_a_column_of_untold_origin_has_no_value(world: World, maya: Person) -> None:
    """The second job tells of age only: where bmi comes from nobody knows, and raw holds a religion."""
    two_jobs(maya, world, {"years": ("raw", "age")}, {"age": ("clean", "years")})
    tags = found(world.version())
    assert value(tags, "tags_lost").value is None
    assert value(tags, "special_features", "bmi").value is None
    assert "bmi of dataset:patients/1" in value(tags, "tags_lost", "bmi").not_estimable
    assert value(tags, "untold_features").value == 1
    assert "nobody told from which column these come" in tags.notes()[0]


def test_untold_is_untold_of_sensitive_data_only(world: World, maya: Person) -> None:
    output = data("train", digest=world.evaluation.digest, columnLineage=steps(age=("raw", "age")))
    tell(maya, run_event(inputs=[data("raw")], outputs=[output]))
    assert value(found(world.version()), "tags_lost").value == 0


def test_without_any_column_lineage_names_are_followed_and_it_says_so(world: World, maya: Person) -> None:
    schema = facet(fields=[{"name": "age"}, {"name": "bmi"}])
    tell(
        maya,
        run_event(
            inputs=[data("raw", tags=tagged("bmi"), schema=schema)],
            outputs=[data("train", digest=world.evaluation.digest)],
        ),
    )
    tags = found(world.version())
    assert value(tags, "tags_lost").value == 1
    assert value(tags, "followed_by_name").value == 2
    assert tags.tables()["origins"].rows[0][5] == "name"
    assert tags.notes() == (
        "nobody told of steps between columns of dataset:patients/1: tags were followed by name there",
    )


def test_a_name_that_nothing_upstream_has_is_untold(world: World, maya: Person) -> None:
    schema = facet(fields=[{"name": "age"}, {"name": "religion"}])
    raw = data("raw", tags=tagged("religion"), schema=schema)
    tell(maya, run_event(inputs=[raw], outputs=[data("train", digest=world.evaluation.digest)]))
    tags = found(world.version())
    assert value(tags, "tags_lost", "bmi").value is None
    with pytest.raises(ValueError, match="not enough values"):
        value(tags, "tags_lost", "age")


def parent(maya: Person, **tags: list[str]) -> DatasetVersion:
    columns = [{**column, "tags": tags.get(str(column["name"]), [])} for column in COLUMNS]
    dataset = register_dataset(actor=maya, slug="register", name="Register")
    described = DatasetDescription(digest="sha256:" + "e" * 64, columns=columns, source="a clinic")
    return register_dataset_version(actor=maya, dataset=dataset, description=described)


def child(world: World, maya: Person, origin: DatasetVersion) -> DatasetVersion:
    described = DatasetDescription(digest="sha256:" + "f" * 64, columns=COLUMNS, derived_from=[origin])
    return register_dataset_version(actor=maya, dataset=world.evaluation.dataset, description=described)


def test_a_registered_derivation_is_followed_by_name_even_beside_an_emitters_account(
    world: World, maya: Person
) -> None:
    """An emitter adds to what the records say; a step it tells of takes no tag of a record away."""
    made = child(world, maya, parent(maya, bmi=["special_category"]))
    version = world.version(datasets={"evaluation": made})
    assert value(found(version), "tags_lost").value == 1
    output = data("train", digest=made.digest, columnLineage=steps(bmi=("harmless", "x"), age=("harmless", "y")))
    tell(maya, run_event(inputs=[data("harmless")], outputs=[output]))
    assert value(found(version), "tags_lost").value == 1


def test_a_card_that_names_the_column_takes_the_tag_off(world: World, maya: Person, dora: Person) -> None:
    two_jobs(maya, world, {"f_12": ("raw", "religion")}, {"bmi": ("clean", "f_12"), "age": ("raw", "age")})
    version = world.version()
    assert value(found(version), "tags_lost").value == 1
    before = card_of(world.evaluation)
    document = before.to_document() | {"columns": {"bmi": []}}
    write_card(
        actor=maya, version=world.evaluation, document=document, replaces=before.digest, reason="It is a body mass."
    )
    assert value(found(version), "tags_lost").value == 0


def test_a_tag_told_of_the_data_without_a_version_holds_for_its_versions(world: World, maya: Person) -> None:
    tell(
        maya,
        {
            "eventTime": "2026-11-21T08:00:00Z",
            "dataset": data("raw", tags=tagged("religion", tag="Special-Category")),
            "producer": "https://example.com",
            "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/DatasetEvent",
        },
        run_event(
            inputs=[data("raw", version="v7")],
            outputs=[
                data(
                    "train",
                    digest=world.evaluation.digest,
                    columnLineage=steps(bmi=("raw", "religion"), age=("raw", "a")),
                )
            ],
        ),
    )
    assert value(found(world.version()), "tags_lost").value == 1


def test_data_that_only_a_column_step_names_lies_upstream(world: World, maya: Person) -> None:
    output = data("train", digest=world.evaluation.digest, columnLineage=steps(bmi=("hidden", "religion")))
    tell(maya, run_event(outputs=[output]), run_event(job="tag", outputs=[data("hidden", tags=tagged("religion"))]))
    assert value(found(world.version()), "tags_lost").value == 1


def test_an_emitter_names_the_column_of_a_feature_of_a_registered_model(world: World, maya: Person) -> None:
    version = world.version()
    model = {
        "namespace": "assay",
        "name": f"model:{version}",
        "facets": {"columnLineage": steps(bmi=("raw", "religion"))},
    }
    tell(maya, run_event(inputs=[data("raw", tags=tagged("religion"))], outputs=[model]))
    assert value(found(version), "tags_lost").value == 1


def test_the_columns_are_complete_however_deep(world: World, maya: Person) -> None:
    """What a document holds is all that a walk over it asks for: filling it again finds nothing more."""
    two_jobs(maya, world, {"f_12": ("raw", "religion")}, {"bmi": ("clean", "f_12"), "age": ("clean", "years")})
    graph = lineage_of(world.version())
    assert with_columns(graph) == graph
    read = type(graph).from_document(graph.to_document())
    assert FeatureTags(read, HERE).tables() == FeatureTags(graph, HERE).tables()
