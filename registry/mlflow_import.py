"""MLflow by pull: what its registry says now, kept as a snapshot whenever that differs from what was seen last.

Pulling and comparing is right where messages get lost: MLflow sends none for several changes, and none again after a
failure. Of the aliases the whole maps are compared, so a move is told even when it went there and back in between.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from registry import ledger, outbound
from registry.canonical import digest_of
from registry.connectors import mlflow
from registry.errors import AssayError
from registry.events import Event
from registry.lineage_events import raw_event, receive
from registry.models import MlflowModel, Person
from registry.strict_json import loads

log = logging.getLogger("assay.mlflow")

MOST_ANSWER = 32 << 20
_PAGE = 200


@dataclass(frozen=True, slots=True)
class MovedAlias:
    """`before` or `after` is "" where the alias was made or removed."""

    model: str
    alias: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Pulled:
    """What one look at a server found."""

    models: int
    changed: int
    moved: tuple[MovedAlias, ...]


def pull_all() -> None:
    """Look at every configured server. One that does not answer is logged and leaves the others alone."""
    if not settings.ASSAY_MLFLOW_URLS:
        return
    actor = Person.objects.filter(username=settings.ASSAY_MLFLOW_ACTOR, is_active=True).first()
    if actor is None:
        log.error("ASSAY_MLFLOW_ACTOR names nobody who signs in, so nothing is pulled from MLflow")
        return
    for server in settings.ASSAY_MLFLOW_URLS:
        try:
            pull(actor=actor, server=server)
        except AssayError as error:
            log.warning("nothing was pulled from %s: %s", server, error)


def pull(*, actor: Person, server: str) -> Pulled:
    """Keep a snapshot of each registered model that changed; tell of each alias that moved.

    Raises OutboundRefusedError, OutboundFailedError, LineageRefusedError or PermissionRefusedError. Each model is kept
    in a transaction of its own, so that one that cannot be read does not hide the others that were.
    """
    server = server.rstrip("/")
    count, changed, moved = 0, 0, []
    for model in _pages(server, "registered-models/search", "registered_models"):
        count += 1
        snapshot = _snapshot(server, model)
        now_moved = _keep(actor, server, snapshot)
        changed += now_moved is not None
        moved += now_moved or []
    return Pulled(count, changed, tuple(moved))


@transaction.atomic
def _keep(actor: Person, server: str, snapshot: Mapping[str, Any]) -> list[MovedAlias] | None:
    """None when it is what was seen last."""
    now, name, aliases = timezone.now(), snapshot["model"]["name"], mlflow.aliases_of(snapshot["model"])
    seen, fresh = MlflowModel.objects.select_for_update().get_or_create(
        server=server, name=name, defaults={"snapshot": "", "seen_at": now}
    )
    digest = digest_of(snapshot)
    if seen.snapshot == digest:
        MlflowModel.objects.filter(pk=seen.pk).update(seen_at=now)
        return None
    gone = sorted(set(seen.aliases) - set(aliases))
    event = {**snapshot, "at": now.isoformat(), "gone_aliases": gone}
    receive(actor=actor, events=[raw_event(mlflow.FORMAT, json.dumps(event, sort_keys=True))])
    moved = [
        MovedAlias(name, alias, seen.aliases.get(alias, ""), aliases.get(alias, ""))
        for alias in sorted({*seen.aliases, *aliases})
        if not fresh and seen.aliases.get(alias) != aliases.get(alias)
    ]
    for move in moved:
        ledger.append(
            Event.ALIAS_MOVED,
            subject=f"mlflow:{name}"[:200],
            actor=actor,
            facts={"server": server, "alias": move.alias, "from": move.before or None, "to": move.after or None},
        )
    MlflowModel.objects.filter(pk=seen.pk).update(aliases=aliases, snapshot=digest, seen_at=now)
    return moved


def _snapshot(server: str, model: Mapping[str, Any]) -> dict[str, Any]:
    """The model with all its versions, and the runs that made them; without what changes by looking."""
    name = str(model.get("name", ""))
    quoted = name.replace("'", "''")
    whole = _asked(server, "registered-models/get", name=name).get("registered_model", {})
    versions = list(_pages(server, "model-versions/search", "model_versions", filter=f"name='{quoted}'"))
    runs = {}
    for key in sorted({version["run_id"] for version in versions if version.get("run_id")}):
        try:
            runs[key] = _asked(server, "runs/get", run_id=key).get("run", {})
        except outbound.OutboundFailedError:
            log.warning("the run %s of %s is not to be had from %s", key, name, server)
    return {
        "server": server,
        "model": {part: whole.get(part) for part in ("name", "aliases", "description", "tags")},
        "versions": sorted(versions, key=lambda version: str(version.get("version"))),
        "runs": runs,
    }


def _pages(server: str, path: str, member: str, **query: str) -> Iterator[dict[str, Any]]:
    token = ""
    while True:
        more = {"page_token": token} if token else {}
        answer = _asked(server, path, **query, **more, max_results=str(_PAGE))
        yield from answer.get(member, [])
        token = answer.get("next_page_token", "")
        if not token:
            return


def _asked(server: str, path: str, **query: str) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {settings.ASSAY_MLFLOW_TOKEN}"} if settings.ASSAY_MLFLOW_TOKEN else {}
    url = f"{server}/api/2.0/mlflow/{path}?{urlencode(query)}"
    answer = outbound.get(url, headers=headers, most=MOST_ANSWER + 1)
    if answer.status != 200 or len(answer.content) > MOST_ANSWER:  # noqa: PLR2004  (OK)
        raise outbound.OutboundFailedError(f"{path} was answered with {answer.status}.", field="url")
    try:
        found = loads(answer.content.decode())
    except ValueError as error:
        raise outbound.OutboundFailedError(f"{path} was not answered with JSON: {error}", field="url") from None
    return found if isinstance(found, dict) else {}
