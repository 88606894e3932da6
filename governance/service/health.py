"""`/healthz`: the process answers. `/readyz`: what it depends on answers too. Both open, both without detail."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from django.conf import settings
from django.core.files.storage import default_storage
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from governance.celery import app
from registry.signing import keyring

log = logging.getLogger("assay.health")

_BROKER_SECONDS = 2


@require_safe
@never_cache
def healthz(request: HttpRequest) -> JsonResponse:  # noqa: ARG001
    """200 while the process can answer at all. Asks nothing else, so that a broken database restarts no web process."""
    return JsonResponse({"status": "ok"})


@require_safe
@never_cache
def readyz(request: HttpRequest) -> JsonResponse:  # noqa: ARG001
    """200 when every dependency answers, else 503. The reasons are in the log, since anybody may ask."""
    results = {name: _probe(name, probe) for name, probe in PROBES.items()}
    ready = all(results.values())
    document = {
        "status": "ok" if ready else "failing",
        "checks": {name: "ok" if passed else "failing" for name, passed in results.items()},
    }
    return JsonResponse(document, status=200 if ready else 503)


def _probe(name: str, probe: Callable[[], None]) -> bool:
    try:
        probe()
    except Exception:  # a probe that breaks in any way has failed
        log.exception("not ready: %s", name)
        return False
    return True


def _database() -> None:
    """Reachable, and migrated to what this code expects."""
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        raise RuntimeError("migrations are missing: run manage.py migrate")


def _broker() -> None:
    """The embedded broker is a folder; any other must take a connection."""
    options = settings.CELERY_BROKER_TRANSPORT_OPTIONS
    if settings.CELERY_BROKER_URL.startswith("filesystem"):
        if not Path(options["data_folder_in"]).is_dir():
            raise RuntimeError("the folder of the embedded broker is missing")
        return
    with app.connection_for_write() as broker:
        broker.ensure_connection(max_retries=0, timeout=_BROKER_SECONDS)


def _storage() -> None:
    default_storage.exists("sha256")


def _keys() -> None:
    keyring()


PROBES: dict[str, Callable[[], None]] = {
    "database": _database,
    "broker": _broker,
    "storage": _storage,
    "keys": _keys,
}
