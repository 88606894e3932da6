"""The webhook of MLflow: a signed, fresh hint is taken, everything else is refused; and what was seen last."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from typing import Any

import pytest
from django.core.cache import cache
from django.utils import timezone
from rest_framework.test import APIClient

from governance.access.tokens import Scope
from registry import tasks
from registry.models import MlflowModel, Person
from tests.governance.api.conftest import Connect, refused
from tests.registry.lineage.events import SAMPLES

PATH = "/api/v1/integrations/mlflow/webhook/"
SECRET = "gov-shared-secret"


@pytest.fixture
def looks(settings: Any, pia: Person, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Looks at the servers that were asked for, by their delay."""
    settings.ASSAY_MLFLOW_WEBHOOK_SECRET = SECRET
    settings.ASSAY_MLFLOW_ACTOR = pia.username
    asked: list[float] = []
    monkeypatch.setattr(tasks.pull_mlflow, "apply_async", lambda *, countdown: asked.append(countdown))
    cache.clear()
    return asked


def deliver(body: str, at: int, *, secret: str = SECRET, **changed: str) -> Any:
    told = f"d-1.{at}.{body}".encode()
    signature = base64.b64encode(hmac.new(secret.encode(), told, hashlib.sha256).digest()).decode()
    headers: dict[str, Any] = {
        "HTTP_X_MLFLOW_DELIVERY_ID": "d-1",
        "HTTP_X_MLFLOW_TIMESTAMP": str(at),
        "HTTP_X_MLFLOW_SIGNATURE": f"v1,{signature}",
        **changed,
    }
    return APIClient().post(PATH, body, content_type="application/json", **headers)


def test_signed_hints_are_one_look(looks: list[float]) -> None:
    now = int(time.time())
    assert deliver('{"entity": "x"}', now).json() == {"accepted": True, "queued": True}
    assert deliver('{"entity": "y"}', now).json() == {"accepted": True, "queued": False}
    assert looks == [10]


@pytest.mark.parametrize(
    ("seconds", "secret", "changed"),
    [
        (0, "another", {}),
        (-400, SECRET, {}),
        (400, SECRET, {}),
        (0, SECRET, {"HTTP_X_MLFLOW_DELIVERY_ID": "d-2"}),
        (0, SECRET, {"HTTP_X_MLFLOW_SIGNATURE": ""}),
        (0, SECRET, {"HTTP_X_MLFLOW_TIMESTAMP": "soon"}),
    ],
)
def test_any_other_hint_is_refused(looks: list[float], seconds: int, secret: str, changed: dict[str, str]) -> None:
    refused(deliver("{}", int(time.time()) + seconds, secret=secret, **changed), 401, "token-invalid")
    assert looks == []


def test_without_a_secret_or_an_account_no_hint_is_taken(looks: list[float], settings: Any) -> None:
    settings.ASSAY_MLFLOW_ACTOR = "nobody"
    refused(deliver("{}", int(time.time())), 401, "token-invalid")
    settings.ASSAY_MLFLOW_ACTOR, settings.ASSAY_MLFLOW_WEBHOOK_SECRET = "pia", ""
    refused(deliver("{}", int(time.time()), secret=""), 401, "token-invalid")
    assert looks == []


def test_captured_deliveries_are_signed_as_we_expect(looks: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    folder = SAMPLES / "mlflow" / "webhooks"
    if not folder.is_dir():
        pytest.skip("the captured deliveries are not at hand")
    for path in sorted(folder.glob("*.json")):
        captured = json.loads(path.read_text())
        headers = {f"HTTP_{name.upper().replace('-', '_')}": text for name, text in captured["headers"].items()}
        del headers["HTTP_HOST"]
        monkeypatch.setattr(time, "time", lambda at=captured: float(at["headers"]["X-MLflow-Timestamp"]))
        answer = APIClient().post(PATH, captured["raw_body"], content_type="application/json", **headers)
        assert answer.status_code == 202, path.name
    assert looks


def test_what_was_seen_last_is_listed(connect: Connect, maya: Person, otto: Person) -> None:
    seen = {"server": "https://mlflow.example.com", "name": "risk", "aliases": {"champion": "2"}}
    MlflowModel.objects.create(**seen, snapshot="", seen_at=timezone.now())
    (row,) = connect(maya, Scope.REPORT_READ).get("/api/v1/integrations/mlflow/").json()["results"]
    assert row["aliases"] == {"champion": "2"}
    assert "10,000 rows" in row["digest_note"]
    refused(connect(otto, Scope.REPORT_READ).get("/api/v1/integrations/mlflow/"), 403, "permission-refused")


def test_findings_are_listed(connect: Connect, maya: Person, otto: Person) -> None:
    assert connect(maya, Scope.REPORT_READ).get("/api/v1/lineage/findings/").json() == []
    refused(connect(otto, Scope.REPORT_READ).get("/api/v1/lineage/findings/"), 403, "permission-refused")
