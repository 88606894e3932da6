"""Anything at all sent to `/lineage`: an answer below 500, and a graph that still follows from what was kept."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase
from rest_framework.test import APIClient

from governance.access.tokens import Scope, issue_token
from governance.models.access import Role
from registry import graph
from registry.lineage_events import rebuild
from registry.models import LineageEvent
from tests.people import person
from tests.registry.lineage.events import data, run_event

text = st.text(max_size=20)
anything: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=10,
)
facets = st.fixed_dictionaries(
    {"_producer": text, "_schemaURL": st.sampled_from(["x:y", "https://openlineage.io/spec/facets/1-0-0/X.json"])},
    optional=dict.fromkeys(
        ("fields", "owners", "tags", "identifiers", "datasetVersion", "digest", "assertions"), anything
    ),
)
names = st.sampled_from(
    [
        "schema",
        "ownership",
        "tags",
        "symlinks",
        "version",
        "columnLineage",
        "assay_dataset",
        "dataQualityAssertions",
        "x",
    ]
)
datasets = st.builds(
    lambda name, given: {**data(name), "facets": given},
    st.one_of(text, st.just("x" * 5000)),
    st.dictionaries(names, facets, max_size=3),
)
nearly = st.builds(
    run_event,
    job=text,
    state=st.one_of(st.sampled_from(["START", "COMPLETE"]), text),
    at=st.one_of(st.datetimes().map(lambda at: f"{at.isoformat()}Z"), text),
    inputs=st.lists(datasets, max_size=2),
    outputs=st.lists(datasets, max_size=2),
)
broken = st.builds(
    lambda event, member, value: {**event, member: value},
    nearly,
    st.sampled_from(["run", "job", "inputs", "outputs", "eventTime", "eventType", "producer", "dataset"]),
    anything,
)


@pytest.mark.slow
class Anything(TestCase):
    """Each example is rolled back."""

    @settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        body=st.one_of(anything, nearly, broken, st.lists(st.one_of(nearly, broken), max_size=3)), packed=st.booleans()
    )
    def test_no_body_breaks_the_endpoint(self, body: Any, *, packed: bool) -> None:
        content = json.dumps(body).encode()
        answer = self._send(gzip.compress(content) if packed else content, "gzip" if packed else "identity")
        kept = LineageEvent.objects.count()
        assert answer.status_code in (200, 400, 422), answer.content
        assert bool(kept) == (answer.status_code == 200)
        told = graph.document()
        rebuild()
        assert graph.document() == told

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(content=st.binary(max_size=200), encoding=st.sampled_from(["gzip", "identity", "deflate", ""]))
    def test_no_bytes_break_the_endpoint(self, content: bytes, encoding: str) -> None:
        answer = self._send(content, encoding)
        assert 400 <= answer.status_code < 500
        assert not LineageEvent.objects.exists()

    def _send(self, content: bytes, encoding: str) -> Any:
        pia = person("pia", Role.OPERATOR, is_service=True)
        issued = issue_token(actor=pia, owner=pia, label="fuzz", scopes=[Scope.LINEAGE_WRITE])
        client = APIClient(raise_request_exception=False)
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {issued.secret}")
        return client.post("/api/v1/lineage", content, content_type="application/json", HTTP_CONTENT_ENCODING=encoding)


pytestmark = pytest.mark.django_db
