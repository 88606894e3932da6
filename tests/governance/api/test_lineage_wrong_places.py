"""A wrong value in any place of a document that was right, at every address of the lineage: never an answer of 5xx.

What was taken is read again in every form, for what was let in may break the reader.
"""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase
from rest_framework.test import APIClient

from governance.access.tokens import Scope, issue_token
from governance.models.access import Role
from registry import graph
from registry.exports import FORMS
from registry.lineage_events import rebuild
from registry.models import LineageEvent, Person
from registry.versions import register_model
from tests.governance.api.test_lineage_fuzz import anything
from tests.people import World, dataset_version, fair_rows, person
from tests.registry.lineage.events import PRODUCER, data, run_event
from tests.registry.lineage.events import RUN as RUN_ID

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
MD5 = "5afc23b9622f8f9ffa60824f4e97d0d5"
SHA = "sha256:" + "a" * 64
DVC = "/imports/dvc/"
Place = tuple[Any, ...]


def spec(name: str, **members: Any) -> dict[str, Any]:
    """A facet that says it is one of the specification."""
    known = f"https://openlineage.io/spec/facets/1-0-0/{name}.json#/$defs/{name}"
    return {"_producer": PRODUCER, "_schemaURL": known, **members}


OUTPUT = {
    **data(
        "clean",
        digest=SHA,
        version="v1",
        schema=spec("SchemaDatasetFacet", fields=[{"name": "age", "type": "int"}]),
        ownership=spec("OwnershipDatasetFacet", owners=[{"name": "team:care", "type": "OWNER"}]),
        symlinks=spec("SymlinksDatasetFacet", identifiers=[{"namespace": "hive", "name": "clean", "type": "TABLE"}]),
        tags={"_producer": PRODUCER, "_schemaURL": "x:y", "tags": [{"field": "age", "key": "pii", "value": "true"}]},
        lifecycleStateChange=spec("LifecycleStateChangeDatasetFacet", lifecycleStateChange="CREATE"),
        dataQualityAssertions={**spec("X"), "assertions": [{"assertion": "not_null", "success": True}]},
        columnLineage=spec(
            "ColumnLineageDatasetFacet",
            fields={
                "age": {
                    "inputFields": [
                        {
                            "namespace": "s3://lake",
                            "name": "raw",
                            "field": "age",
                            "transformations": [{"type": "INDIRECT", "subtype": "JOIN", "masking": False}],
                        }
                    ]
                }
            },
        ),
    ),
    "outputFacets": {},
}
RUN = run_event(
    inputs=[{"namespace": "assay", "name": "dataset:patients/1", "inputFacets": {}}],
    outputs=[OUTPUT, {"namespace": "assay", "name": "model:care-priority/1"}],
    parent=spec("ParentRunFacet", run={"runId": RUN_ID}, job={"namespace": "ml", "name": "all"}),
    errorMessage=spec("ErrorMessageRunFacet", message="no", programmingLanguage="Python"),
)
DATASET = {key: RUN[key] for key in ("eventTime", "producer", "schemaURL")} | {"dataset": OUTPUT}
COMMIT = {
    "repository": "https://git.example.com/credit",
    "commit": "c" * 40,
    "at": "2026-11-20T10:00:00Z",
    "subject": "Train",
    "tag": "credit@v1.0.0",
}
CROISSANT = {
    "@context": {"@vocab": "https://schema.org/", "rai": "http://mlcommons.org/croissant/RAI/"},
    "@type": "sc:Dataset",
    "name": "patients",
    "url": "https://data.example.com/patients",
    "version": "1.0",
    "license": ["https://creativecommons.org/licenses/by/4.0/"],
    "creator": [{"@type": "Person", "name": "A clinic"}],
    "rai:personalSensitiveInformation": ["Health"],
    "distribution": [
        {"@type": "cr:FileObject", "@id": "p.csv", "contentUrl": "https://e.com/p.csv", "sha256": SHA[7:]}
    ],
    "recordSet": [{"field": [{"name": "age", "dataType": "sc:Integer"}]}],
}
#: The files of a DVC repository, as values: YAML reads what JSON writes.
FILES = {
    "images.dvc": {"outs": [{"md5": f"{MD5}.dir", "size": 3, "nfiles": 1, "path": "images"}]},
    "dvc.lock": {
        "schema": "2.0",
        "stages": {
            "train": {
                "cmd": "python train.py",
                "deps": [{"path": "train.py", "md5": MD5}, {"path": "images", "md5": f"{MD5}.dir"}],
                "params": {"params.yaml": {"depth": 3}},
                "outs": [{"path": "model.skops", "md5": MD5, "size": 9}],
            }
        },
    },
    "dvc.yaml": {"artifacts": {"credit": {"path": "model.skops", "type": "model"}}},
}
#: Members that some other object has: what a schema does not name there, it does not check.
STRANGE = ("run", "job", "dataset", "inputs", "outputs", "facets", "inputFacets", "outputFacets", "eventType")
#: What YAML has and JSON has not, or a database has not; each stands in the place of a value.
HOSTILE = (
    ".inf",
    "2026-11-28",
    "{2026-11-28: x}",
    '"\\ud800"',
    '"\\0"',
    "&a [*a]",
    "*a",
    f"0x{'f' * 5000}",
    "!!set {a}",
)
MEMBERS = [{"md5": MD5, "relpath": "1.txt"}]


def _places(value: Any, above: Place = ()) -> Iterator[Place]:
    yield above
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, entry in inside:
        yield from _places(entry, (*above, step))


@st.composite
def misplaced(draw: st.DrawFn, right: Any) -> Any:
    """`right` with one to three changes: another value, a value less, or a member that belongs elsewhere."""
    wrong = copy.deepcopy(right)
    for _ in range(draw(st.integers(1, 3))):
        *above, last = draw(st.sampled_from([place for place in _places(wrong) if place] or [(None,)]))
        if last is None:
            return wrong
        part = wrong
        for step in above:
            part = part[step]
        how = draw(st.sampled_from(["other", "other", "none", "more"]))
        if how == "more" and isinstance(part, dict):
            part[draw(st.sampled_from(STRANGE))] = draw(anything)
        elif how != "none":
            part[last] = draw(anything | st.sampled_from([10**30, "x" * 4000, "\x00", "\ud800", "a|b/1", "..", []]))
        else:
            del part[last]
    return wrong


@st.composite
def yaml_texts(draw: st.DrawFn, right: Any) -> str:
    """`right` as text, with something hostile in the place of a value."""
    wrong = copy.deepcopy(right)
    *above, last = draw(st.sampled_from([place for place in _places(wrong) if place]))
    part = wrong
    for step in above:
        part = part[step]
    part[last] = "@"
    return json.dumps(wrong).replace('"@"', draw(st.sampled_from(HOSTILE)))


@st.composite
def repositories(draw: st.DrawFn) -> Any:
    """An event of DVC whose files, and the directory manifest that has to bear its own MD5, were changed."""
    chosen = draw(st.sampled_from(sorted(FILES)))
    files = {name: json.dumps(right) for name, right in FILES.items()}
    files[chosen] = draw(yaml_texts(FILES[chosen]) | misplaced(FILES[chosen]).map(json.dumps))
    manifest = json.dumps(draw(misplaced(MEMBERS)))
    key = hashlib.md5(manifest.encode(), usedforsecurity=False).hexdigest()
    files = {name: text.replace(f"{MD5}.dir", f"{key}.dir") for name, text in files.items()} | {f"{key}.dir": manifest}
    event = {"repository": "https://git.example.com/credit", "revision": "c" * 40, "files": files, "held": {"a": SHA}}
    return draw(st.just(event) | st.just(event) | misplaced(event))


BODIES: dict[str, st.SearchStrategy[Any]] = {
    "": misplaced(RUN) | misplaced(DATASET),
    "/batch": st.lists(misplaced(RUN) | misplaced(DATASET), max_size=2),
    DVC: repositories(),
    "/imports/git/": misplaced(COMMIT),
    "/imports/croissant/": misplaced(CROISSANT),
    "/imports/gopher/": anything,
}


class WrongPlaces(TestCase):
    """Each example is rolled back."""

    def _prepare(self) -> None:
        """A registered version whose data the events speak of; one client that may send, and one that may read."""
        maya = person("maya", Role.DATA_SCIENTIST)
        model = register_model(
            actor=maya, slug="care-priority", name="Care", intended_purpose="Whom to call first.", risk_class="high"
        )
        World(model, dataset_version(maya, "patients", fair_rows(20)), maya).version()
        self.sender = self._client(person("pia", Role.OPERATOR, is_service=True), Scope.LINEAGE_WRITE)
        self.reader = self._client(maya, Scope.REPORT_READ)

    @settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        sent=st.sampled_from(sorted(set(BODIES) - {DVC})).flatmap(lambda path: st.tuples(st.just(path), BODIES[path]))
    )
    def test_a_wrong_value_in_any_place_is_named_or_kept(self, sent: tuple[str, Any]) -> None:
        self._send(*sent)

    @settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
    @given(repository=repositories())
    def test_a_wrong_value_in_any_file_of_a_repository_is_named_or_kept(self, repository: Any) -> None:
        self._send(DVC, repository)

    def _send(self, path: str, body: Any) -> None:
        """Anything below 500; what was taken is kept, gives the same graph when it is built anew, and can be read."""
        self._prepare()
        answer = self.sender.post(f"/api/v1/lineage{path}", json.dumps(body), content_type="application/json")
        assert answer.status_code in (200, 400, 422), answer.content
        kept = LineageEvent.objects.exists()
        assert kept == (answer.status_code == 200)
        if kept:
            told = graph.document()
            rebuild()
            assert graph.document() == told
            self._read()

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        where=st.sampled_from(["models/care-priority/versions/1/lineage/", "lineage/findings/"]),
        question=st.dictionaries(st.sampled_from(["direction", "format", "page", "x"]), st.text(max_size=10)),
    )
    def test_no_question_breaks_the_reading(self, where: str, question: dict[str, str]) -> None:
        self._prepare()
        assert self.reader.get(f"/api/v1/{where}", question).status_code in (200, 400)

    def _read(self) -> None:
        version = "/api/v1/models/care-priority/versions/1/lineage/"
        for form in (*FORMS, "svg"):
            assert self.reader.get(version, {"format": form, "direction": "both"}).status_code == 200, form
        assert self.reader.get(f"{version}columns/").status_code == 200
        assert self.reader.get("/api/v1/lineage/findings/").status_code == 200

    def _client(self, who: Person, scope: Scope) -> APIClient:
        issued = issue_token(actor=who, owner=who, label="fuzz", scopes=[scope])
        client = APIClient(raise_request_exception=False)
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {issued.secret}")
        return client
