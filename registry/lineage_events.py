"""The verbs on lineage events: keep what an emitter said, derive the graph from it, derive it all anew."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from django.db import transaction
from django.utils import timezone

from registry import graph, ledger, row_sets
from registry.authority import require
from registry.canonical import digest, digest_of
from registry.connectors import croissant, dvc, git, mlflow, openlineage
from registry.connectors.statements import LineageRefusedError, Statement
from registry.events import Event
from registry.models import DatasetVersion, LineageDelivery, LineageEvent, LineageNode, ModelVersion, Person
from registry.strict_json import loads


class Connector(Protocol):
    """Reads one format. What it once took it can read for ever."""

    FORMAT: str

    def validate(self, event: Any, place: str = "") -> None:
        """Raises LineageRefusedError naming the place at fault."""
        ...

    def read(self, event: Mapping[str, Any], digest: str) -> Statement:
        """What a valid event says."""
        ...


CONNECTORS: dict[str, Connector] = {
    connector.FORMAT: connector for connector in (openlineage, dvc, git, croissant, mlflow)
}


@dataclass(frozen=True, slots=True)
class RawEvent:
    """One event as it arrived: its text, and the value that was read from it and found valid."""

    format: str
    content: str
    value: Mapping[str, Any]

    @property
    def digest(self) -> str:
        """Of the text in UTF-8."""
        return digest(self.content.encode())


def raw_event(form: str, text: str, place: str = "") -> RawEvent:
    """An event of a format from its text. Raises LineageRefusedError naming what is wrong with it."""
    try:
        value = loads(text)
    except ValueError as error:
        raise LineageRefusedError(f"The event is not JSON: {error}", field=place.rstrip(".") or "body") from None
    return checked(form, text, value, place)


def checked(form: str, text: str, value: Any, place: str = "") -> RawEvent:
    """An event that was read already, once it is seen to be valid. Raises LineageRefusedError."""
    if form not in CONNECTORS:
        raise LineageRefusedError(f"The formats are {', '.join(CONNECTORS)}.", field="format")
    CONNECTORS[form].validate(value, place)
    return RawEvent(form, text, value)


@dataclass(frozen=True, slots=True)
class Received:
    """How many events were new, and how many were held already."""

    kept: int
    repeated: int


def receive(*, actor: Person, events: Sequence[RawEvent]) -> Received:
    """Keep `events` and add what they say to the graph, all or none. An event that is held already changes nothing.

    Raises PermissionRefusedError, or LineageRefusedError for a name too long to be kept.
    """
    require(actor, "registry.add_lineageevent")
    by_digest = {event.digest: event for event in events}
    try:
        kept = _keep(actor, by_digest)
    except SameMomentError:  # now they are held
        kept = _keep(actor, by_digest)
    return Received(kept=kept, repeated=len(events) - kept)


class SameMomentError(Exception):
    """Another call brought some of the events while this one was on its way."""


@transaction.atomic
def _keep(actor: Person, by_digest: Mapping[str, RawEvent]) -> int:
    """Keep what is not held yet, by digest. Returns how many that were. Raises SameMomentError."""
    held = set(LineageEvent.objects.filter(digest__among=by_digest).values_list("digest", flat=True))
    fresh = {name: event for name, event in by_digest.items() if name not in held}
    if fresh:
        statements = [CONNECTORS[event.format].read(event.value, name) for name, event in fresh.items()]
        delivery = LineageDelivery(received_by=actor, received_at=timezone.now(), event_count=len(fresh))
        delivery.save()
        rows = [(delivery.pk, event.format, name, event.content) for name, event in sorted(fresh.items())]
        added = row_sets.add(LineageEvent, ("delivery", "format", "digest", "content"), rows, returning=("pk",))
        if len(added) < len(fresh):
            raise SameMomentError
        graph.apply(statements)
        ledger.append(
            Event.LINEAGE_RECEIVED,
            subject=f"lineage:{delivery.pk}",
            actor=actor,
            facts={"events": len(fresh), "digest": digest_of(sorted(fresh))},
        )
    return len(fresh)


def rebuild() -> None:
    """Derive the whole graph anew from the registered records and every kept event."""
    graph.rebuild(_kept_statements())


def complete_graph(**_signal: Any) -> None:
    """Derive the graph where records are older than it. Runs after each migrate."""
    nodes = LineageNode.objects
    if (
        nodes.filter(dataset_version__isnull=False).count() < DatasetVersion.objects.count()
        or nodes.filter(model_version__isnull=False).count() < ModelVersion.objects.count()
        or (ModelVersion.objects.exists() and not nodes.filter(kind="feature").exists())
    ):
        rebuild()


def contents_of(delivery: LineageDelivery) -> dict[str, Any]:
    """What the ledger says of a delivery besides its columns: the digests of its events as they are kept now."""
    texts = delivery.events.order_by("digest").values_list("format", "content")
    return {"events": [[form, digest(content.encode())] for form, content in texts]}


def _kept_statements() -> Iterator[Statement]:
    for event in LineageEvent.objects.order_by("pk").iterator(graph.BATCH):
        yield CONNECTORS[event.format].read(loads(event.content), event.digest)
