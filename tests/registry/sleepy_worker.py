"""A Celery application with one more kind of work: sleep, then write one ledger entry. Run as a program by tests."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")

import django

django.setup()

from governance.celery import app  # noqa: E402
from registry import ledger, work  # noqa: E402
from registry.events import Event  # noqa: E402

__all__ = ["app"]


class Sleeper:
    def perform(self, payload: Mapping[str, Any]) -> work.Effect:
        time.sleep(payload["seconds"])
        return lambda: _tell(payload["name"])

    def gave_up(self, payload: Mapping[str, Any], error: str) -> work.Effect:
        return lambda: _tell(f"{payload['name']}: {error}")


def _tell(name: str) -> None:
    ledger.append(Event.RUN_OPENED, subject=f"sleep:{name}")


work.performs("test.sleep", Sleeper())
