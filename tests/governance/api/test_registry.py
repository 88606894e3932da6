from __future__ import annotations

import io
import pickle
import zipfile
from typing import Any

import pytest

from governance.access.tokens import Scope
from registry.canonical import digest
from registry.models import Blob, DatasetVersion, DatasetWithdrawal, LedgerEntry, ModelVersion, Person, RegisteredModel
from tests.governance.api.conftest import Connect, refused
from tests.people import COLUMNS, SIGNATURE, World, csv_bytes, fair_rows

MODEL = {"slug": "triage", "name": "Triage", "intended_purpose": "Sort letters.", "risk_class": "minimal"}
VERSIONS = "/api/v1/models/care-priority/versions/"
OCTETS = "application/octet-stream"


def skops_bytes() -> bytes:
    """An archive with the schema that skops writes, and nothing in it."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("schema.json", '{"protocol": 2, "_skops_version": "0.16", "__class__": "dict"}')
    return content.getvalue()


SKOPS = skops_bytes()


def version_body(**changes: Any) -> dict[str, Any]:
    return {
        "artifact_digest": digest(SKOPS),
        "artifact_format": "skops",
        "signature": SIGNATURE,
        "datasets": {"evaluation": "patients/1"},
        **changes,
    }


def test_a_model_is_registered_and_read_back(connect: Connect, maya: Person) -> None:
    client = connect(maya)
    made = client.post("/api/v1/models/", MODEL, format="json")
    assert made.status_code == 201
    read = client.get(made["Location"]).json()
    assert read == {**made.json(), "stages": []}
    assert (read["owner"], read["role"], read["created_at"][-1]) == ("maya", "provider", "Z")


@pytest.mark.parametrize(
    ("change", "status", "code", "field"),
    [
        ({"slug": "Not A Slug"}, 422, "invalid-input", "slug"),
        ({"risk_class": "grave"}, 422, "invalid-input", "risk_class"),
        ({"role": "bystander"}, 422, "invalid-input", "role"),
        ({"owner": "nobody"}, 422, "invalid-input", "owner"),
        ({"slug": "care-priority"}, 409, "duplicate", "slug"),
        ({"name": "n" * 201}, 400, "malformed", "name"),
    ],
)
def test_a_wrong_model_names_its_field_and_leaves_nothing(
    connect: Connect, maya: Person, world: World, change: dict[str, str], status: int, code: str, field: str
) -> None:
    before = LedgerEntry.objects.count()
    client = connect(maya)
    refused(client.post("/api/v1/models/", {**MODEL, **change}, format="json"), status, code, field)
    assert RegisteredModel.objects.count() == 1
    later = LedgerEntry.objects.order_by("index")[before:].values_list("event", flat=True)
    assert set(later) <= {"token.issued", "session.opened", "action.refused"}


def test_a_version_is_declared_uploaded_and_read_back(connect: Connect, maya: Person, world: World) -> None:
    client = connect(maya, Scope.REGISTRY_WRITE)
    made = client.post(VERSIONS, version_body(), format="json")
    assert made.status_code == 201, made.content
    assert made.json()["artifact_held"] is False
    put = client.put(f"{VERSIONS}1/artifact/", SKOPS, content_type=OCTETS)
    assert put.json()["digest"] == digest(SKOPS)
    read = client.get(made["Location"]).json()
    assert (read["artifact_held"], read["datasets"]) == (True, {"evaluation": "patients/1"})


@pytest.mark.parametrize(
    ("change", "status", "code", "field"),
    [
        ({"artifact_digest": "md5:0"}, 422, "invalid-input", "artifact_digest"),
        ({"artifact_format": "pickle"}, 422, "invalid-input", "artifact_format"),
        ({"datasets": {"evaluation": "patients/2"}}, 422, "invalid-input", "datasets.evaluation"),
        ({"datasets": {"evaluation": "patients"}}, 422, "invalid-input", "datasets.evaluation"),
        ({"datasets": {"holiday": "patients/1"}}, 422, "invalid-input", "datasets"),
        ({"signature": {**SIGNATURE, "features": []}}, 422, "invalid-input", "signature.features"),
        ({"signature": {**SIGNATURE, "note": 2**60}}, 422, "not-canonical", "$.signature.note"),
        ({"signature": []}, 400, "malformed", "signature"),
        ({"run_author": "nobody"}, 422, "invalid-input", "run_author"),
        ({"created_by": "victor"}, 400, "malformed", "created_by"),
    ],
)
def test_a_wrong_version_names_its_field_and_leaves_nothing(
    connect: Connect, maya: Person, world: World, change: dict[str, Any], status: int, code: str, field: str
) -> None:
    refused(connect(maya).post(VERSIONS, version_body(**change), format="json"), status, code, field)
    assert not ModelVersion.objects.exists()


def test_the_same_bytes_are_one_version(connect: Connect, maya: Person, world: World) -> None:
    client = connect(maya)
    client.post(VERSIONS, version_body(), format="json")
    refused(client.post(VERSIONS, version_body(), format="json"), 409, "duplicate", "artifact_digest")


@pytest.mark.parametrize(
    ("content", "status", "code", "field"),
    [
        (b"", 422, "invalid-input", "artifact"),
        (pickle.dumps({"model": 1}), 415, "artifact-refused", "artifact"),
        (pickle.dumps({"model": 1}, protocol=0), 415, "artifact-refused", "artifact"),
        (b"\x1f\x8b joblib", 415, "artifact-refused", "artifact"),
        (b"what is this", 422, "invalid-input", "artifact"),
        (b'{"learner": {}}', 422, "invalid-input", "artifact_format"),
        (SKOPS + b"\0", 422, "digest-mismatch", "digest"),
    ],
)
def test_an_artifact_that_is_not_the_declared_one_is_not_kept(
    connect: Connect, maya: Person, world: World, content: bytes, status: int, code: str, field: str
) -> None:
    client = connect(maya)
    client.post(VERSIONS, version_body(), format="json")
    before = set(Blob.objects.values_list("digest", flat=True))
    problem = refused(client.put(f"{VERSIONS}1/artifact/", content, content_type=OCTETS), status, code, field)
    assert set(Blob.objects.values_list("digest", flat=True)) == before
    assert code != "artifact-refused" or "skops.io.dump" in problem["detail"]


def test_a_pickle_is_refused_even_where_its_digest_was_declared(connect: Connect, maya: Person, world: World) -> None:
    content = pickle.dumps({"model": 1})
    client = connect(maya)
    client.post(VERSIONS, version_body(artifact_digest=digest(content)), format="json")
    answer = client.put(f"{VERSIONS}1/artifact/", content, content_type=OCTETS)
    refused(answer, 415, "artifact-refused", "artifact")
    told = LedgerEntry.objects.filter(event="action.refused").order_by("-index")[0]
    assert b'"artifact-refused"' in bytes(told.body)


def test_an_upload_has_a_length_a_limit_and_is_no_form(
    connect: Connect, maya: Person, world: World, settings: Any
) -> None:
    client = connect(maya)
    client.post(VERSIONS, version_body(), format="json")
    path = f"{VERSIONS}1/artifact/"
    refused(client.put(path, {"file": io.BytesIO(SKOPS)}, format="multipart"), 415, "unsupported-media-type")
    chunked = client.generic("PUT", path, "", content_type=OCTETS, HTTP_TRANSFER_ENCODING="chunked")
    refused(chunked, 411, "length-required")
    settings.ASSAY_MAX_ARTIFACT_BYTES = 10
    refused(client.put(path, SKOPS, content_type=OCTETS), 413, "body-too-large", "content")


def test_an_outsider_uploads_nothing(connect: Connect, maya: Person, otto: Person, world: World) -> None:
    connect(maya).post(VERSIONS, version_body(), format="json")
    answer = connect(otto).put(f"{VERSIONS}1/artifact/", SKOPS, content_type=OCTETS)
    refused(answer, 403, "permission-refused")


@pytest.mark.parametrize(
    "path",
    ["models/nothing/", "models/nothing/versions/", f"models/care-priority/versions/{2**70}/", "datasets/nothing/"],
)
def test_what_is_not_registered_is_not_found(connect: Connect, maya: Person, world: World, path: str) -> None:
    assert refused_code(connect(maya).get(f"/api/v1/{path}")) == (404, "unknown-subject")


def refused_code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


CONTENT = csv_bytes(fair_rows(40))


def dataset_body(**changes: Any) -> dict[str, Any]:
    return {"digest": digest(CONTENT), "columns": COLUMNS, "source": "register", "licence": "CC0-1.0", **changes}


def test_a_dataset_version_is_declared_uploaded_and_read_back(connect: Connect, maya: Person, world: World) -> None:
    client = connect(maya)
    client.post("/api/v1/datasets/", {"slug": "wards", "name": "Wards"}, format="json")
    body = dataset_body(derived_from=["patients/1"], retention_until="2031-01-01")
    made = client.post("/api/v1/datasets/wards/versions/", body, format="json")
    assert made.status_code == 201, made.content
    assert client.put("/api/v1/datasets/wards/versions/1/content/", CONTENT, content_type="text/csv").status_code == 200
    read = client.get(made["Location"]).json()
    assert (read["content_held"], read["derived_from"], read["withdrawn_at"]) == (True, ["patients/1"], None)


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"digest": "sha256:short"}, "invalid-input", "digest"),
        ({"media_type": "application/vnd.ms-excel"}, "invalid-input", "media_type"),
        ({"columns": [{"name": "a", "type": "colour"}]}, "invalid-input", "columns[0].type"),
        ({"columns": [{"name": "a", "tags": ["secret"]}]}, "invalid-input", "columns[0].tags"),
        ({"columns": [{"name": "a"}, {"name": "a"}]}, "invalid-input", "columns[1].name"),
        ({"derived_from": ["patients/9"]}, "invalid-input", "derived_from[0]"),
    ],
)
def test_a_wrong_dataset_version_names_its_field_and_leaves_nothing(
    connect: Connect, maya: Person, world: World, change: dict[str, Any], code: str, field: str
) -> None:
    answer = connect(maya).post("/api/v1/datasets/patients/versions/", dataset_body(**change), format="json")
    refused(answer, 422, code, field)
    assert DatasetVersion.objects.count() == 1


@pytest.mark.parametrize(
    ("content", "code", "field"), [(b"", "invalid-input", "content"), (b"a\n1\n", "digest-mismatch", "digest")]
)
def test_content_that_is_not_the_declared_one_is_not_kept(
    connect: Connect, maya: Person, world: World, content: bytes, code: str, field: str
) -> None:
    client = connect(maya)
    client.post("/api/v1/datasets/patients/versions/", dataset_body(), format="json")
    answer = client.put("/api/v1/datasets/patients/versions/2/content/", content, content_type="text/csv")
    refused(answer, 422, code, field)
    assert client.get("/api/v1/datasets/patients/versions/2/").json()["content_held"] is False


class TestWithdrawal:
    PATH = "/api/v1/datasets/patients/versions/1/withdraw/"

    def test_lists_every_affected_version(self, connect: Connect, dora: Person, version: ModelVersion) -> None:
        answer = connect(dora).post(self.PATH, {"reason": "consent withdrawn"}, format="json")
        assert answer.status_code == 201
        assert answer.json()["affected"] == [{"model": "care-priority", "version": 1}]
        assert answer.json()["deployments"] == []

    def test_needs_the_right_and_a_reason(
        self, connect: Connect, maya: Person, dora: Person, version: ModelVersion
    ) -> None:
        refused(connect(maya).post(self.PATH, {"reason": "x"}, format="json"), 403, "permission-refused")
        refused(connect(dora).post(self.PATH, {"reason": " "}, format="json"), 422, "invalid-input", "reason")
        assert not DatasetWithdrawal.objects.exists()

    def test_happens_once(self, connect: Connect, dora: Person, version: ModelVersion) -> None:
        client = connect(dora)
        client.post(self.PATH, {"reason": "consent withdrawn"}, format="json")
        refused(client.post(self.PATH, {"reason": "again"}, format="json"), 409, "duplicate")
