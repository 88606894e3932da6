from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from governance.access.tokens import Scope, issue_token
from registry.models import Person, RegisteredModel

Connect = Callable[..., APIClient]

ALL_SCOPES = tuple(Scope)


@pytest.fixture
def connect(db: None) -> Connect:
    """`connect(person, Scope…, models=[…])`: a client with a token of that person."""

    def made(person: Person, *scopes: Scope, models: list[RegisteredModel] | None = None) -> APIClient:
        issued = issue_token(
            actor=person, owner=person, label="story", scopes=scopes or ALL_SCOPES, models=models or []
        )
        client = APIClient(enforce_csrf_checks=True)
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {issued.secret}")
        return client

    return made


def refused(answer: Any, status: int, code: str, field: str = "") -> dict[str, Any]:
    """The problem document of an answer, once it is seen to be the one expected."""
    assert answer["Content-Type"] == "application/problem+json", answer.content
    problem: dict[str, Any] = answer.json()
    found = (answer.status_code, problem["status"], problem["code"], problem.get("field", ""))
    assert found == (status, status, code, field), problem
    assert problem["detail"]
    return problem
