from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
import yaml
from django.core.management import call_command
from django.test import Client
from django.urls import URLPattern

from governance.access.tokens import Scope
from governance.api.urls import VERSION_1


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    """The OpenAPI document; making it must raise no warning."""
    written = StringIO()
    call_command("spectacular", "--validate", "--fail-on-warn", stdout=written)
    loaded: dict[str, Any] = yaml.safe_load(written.getvalue())
    return loaded


def operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [(path, method, entry) for path, methods in document["paths"].items() for method, entry in methods.items()]


def test_every_path_is_described(document: dict[str, Any]) -> None:
    assert len(document["paths"]) == len(VERSION_1)


def test_every_operation_says_what_it_is_for_and_how_it_fails(document: dict[str, Any]) -> None:
    for path, method, entry in operations(document):
        assert entry["summary"], (path, method)
        assert entry["description"], (path, method)
        assert "application/problem+json" in entry["responses"]["default"]["content"], (path, method)


def test_every_post_can_be_repeated_safely(document: dict[str, Any]) -> None:
    for path, method, entry in operations(document):
        named = {parameter["name"] for parameter in entry.get("parameters", [])}
        assert ("Idempotency-Key" in named) == (method == "post"), (path, method)


@pytest.mark.parametrize("pattern", VERSION_1, ids=lambda pattern: pattern.name)
def test_every_method_of_every_view_declares_its_scopes(pattern: URLPattern) -> None:
    view: Any = vars(pattern.callback)["view_class"]
    methods = {name.upper() for name in ("get", "post", "put", "patch", "delete") if hasattr(view, name)}
    assert set(view.scopes) == methods
    assert all(scopes and set(scopes) <= set(Scope) for scopes in view.scopes.values())


def test_every_post_is_idempotent() -> None:
    for pattern in VERSION_1:
        post = getattr(vars(pattern.callback)["view_class"], "post", None)
        wrapped = post is None or "idempotency" in post.__code__.co_filename
        assert wrapped, pattern.name


def test_schema_and_its_page_come_from_this_host_alone(db: None) -> None:
    assert Client().get("/api/schema/").status_code == 200
    page = Client().get("/api/docs/")
    assert page.status_code == 200
    assert "https://" not in page.content.decode()
