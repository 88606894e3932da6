from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from registry.models import Person

Browser = Callable[[Person], Client]


@pytest.fixture
def signed_in() -> Browser:
    """A client in which the person is signed in."""

    def sign_in(person: Person) -> Client:
        client = Client()
        client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
        return client

    return sign_in
