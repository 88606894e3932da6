from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from governance import celery_app
from governance.service import health


def test_a_living_process_says_so(db: None) -> None:
    answer = Client().get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_a_ready_service_says_so(db: None) -> None:
    answer = Client().get("/readyz")
    assert (answer.status_code, set(answer.json()["checks"])) == (200, {"database", "broker", "storage", "keys"})


@pytest.mark.parametrize("name", sorted(health.PROBES))
def test_a_broken_dependency_is_named_and_not_explained(db: None, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    def broken() -> None:
        raise OSError("postgres://user:secret@host")

    monkeypatch.setitem(health.PROBES, name, broken)
    answer = Client().get("/readyz")
    assert (answer.status_code, answer.json()["checks"][name]) == (503, "failing")
    assert "secret" not in answer.content.decode()


def test_a_broker_that_nobody_reaches_is_noticed(db: None, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.CELERY_BROKER_URL = "amqp://127.0.0.1:9"
    monkeypatch.setattr(celery_app, "connection_for_write", _unreachable)
    assert Client().get("/readyz").json()["checks"]["broker"] == "failing"


def _unreachable() -> Any:
    from kombu.connection import Connection

    return Connection("amqp://127.0.0.1:9//")  # type: ignore[no-untyped-call]
