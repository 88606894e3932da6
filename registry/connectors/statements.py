"""What one event says about the lineage graph, as plain values, and the names of its nodes.

Names: `dataset:<namespace>|<name>` or, where the emitter told versions apart, `dataset:<namespace>|<name>|<version>`;
`job:<namespace>|<name>`; `run:<id>`; `content:<digest>`. Registered versions are `dataset:<slug>/<number>` and
`model:<slug>/<number>`: without the bar no emitter can take their place by accident. A version's features are
`feature:<slug>/<number>|<column>`.

Two nodes of the same content are joined through its content node, by an edge in each direction. So a file that was
traced by one tool and registered by another is one thing to every walk, whichever was told first.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from registry.errors import AssayError
from registry.lineage import ColumnEdge, Edge

#: Roles that join two names of the same content; a walk follows them, a cycle of them means nothing.
SAME_CONTENT = "content"
SAME_NAME = "symlink"
IDENTITY_ROLES = (SAME_CONTENT, SAME_NAME)
VERSION_OF = "version"

#: The namespace in which emitters name registered versions.
OURS = "assay"
_REGISTERED = re.compile(r"(?:dataset|model):[a-z0-9]+(?:-[a-z0-9]+)*/[1-9][0-9]*", re.ASCII)
_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.ASCII)

MAX_NAME_BYTES = 1800  # what a unique index of PostgreSQL carries
MAX_STEP_BYTES = 2600  # the same for the four names of a step between columns together


class LineageRefusedError(AssayError):
    """The event cannot be kept: `field` names the place in it. Sending it again changes nothing."""

    code = "lineage-refused"


@dataclass(frozen=True, slots=True)
class StatedNode:
    """A node that an event mentions, with the facts it states. A fact that is None was taken back."""

    name: str
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """What stands before the first colon of the name."""
        return kind_of(self.name)


@dataclass(frozen=True, slots=True)
class Statement:
    """Everything one event says. Of two values of one fact the one with the greater `stamp` is kept."""

    stamp: str
    nodes: tuple[StatedNode, ...] = ()
    edges: tuple[Edge, ...] = ()
    columns: tuple[ColumnEdge, ...] = ()


def require_short(step: ColumnEdge, place: str) -> None:
    """Raises LineageRefusedError for a step whose names, which are indexed together, are too long."""
    names = (step.source_family, step.source_column, step.target_family, step.target_column)
    if sum(len(name.encode()) for name in names) > MAX_STEP_BYTES:
        raise LineageRefusedError(
            f"The names of both datasets and columns are together longer than {MAX_STEP_BYTES} bytes.", field=place
        )


def stamp(at: datetime, rank: int, digest: str) -> str:
    """Sorts by time, then by rank (an ending beats a beginning), then by the bytes of the event: never a tie."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}Z#{rank}#{digest.removeprefix('sha256:')[:16]}"


def dataset_name(namespace: str, name: str, version: str = "", *, place: str = "dataset") -> str:
    """The node name of a dataset, or of a registered version that is named in the namespace `assay`.

    Raises LineageRefusedError for one too long to be indexed, or for a name in `assay` that no version can have.
    """
    if namespace == OURS:
        if not _REGISTERED.fullmatch(name):
            raise LineageRefusedError(
                "Names in assay are dataset:<slug>/<number> or model:<slug>/<number>.", field=place
            )
        return name
    return _named("dataset", place, namespace, name, *((version,) if version else ()))


def job_name(namespace: str, name: str, *, place: str = "job") -> str:
    """The node name of a job. Raises LineageRefusedError."""
    return _named("job", place, namespace, name)


def feature_name(version: str, column: str, *, place: str = "signature.features") -> str:
    """The node name of one feature of `<slug>/<number>`. Raises LineageRefusedError for one too long to be indexed."""
    return _named("feature", place, version, column)


def run_name(text: str) -> str:
    """The node name of a run; a UUID has one spelling however it was written."""
    try:
        return f"run:{canonical_uuid(text)}"
    except ValueError:
        return f"run:{text}"


def canonical_uuid(text: str) -> str:
    """The one spelling of a UUID. Raises ValueError for what is none."""
    return text if _UUID.fullmatch(text) else str(uuid.UUID(text))


def column_of(feature: str) -> str:
    """The column that a feature node is about."""
    return feature.partition("|")[2].replace("%7C", "|").replace("%25", "%")


def group_of(name: str) -> str:
    """What is drawn as one box with the node: the features of one version; "" for all that stand alone."""
    return f"features:{name.partition(':')[2].partition('|')[0]}" if kind_of(name) == "feature" else ""


def kind_of(name: str) -> str:
    """What stands before the first colon."""
    return name.partition(":")[0]


def content_edges(name: str, digest: str) -> tuple[StatedNode, Edge, Edge]:
    """The content node of `digest`, and the edges that say it is what `name` holds."""
    content = f"content:{digest}"
    return StatedNode(content), Edge(name, content, SAME_CONTENT), Edge(content, name, SAME_CONTENT)


def family_of(name: str) -> str:
    """The name of a dataset without its version; any other name as it is."""
    parts = name.split("|")
    return "|".join(parts[:2]) if name.startswith("dataset:") else name


def label_of(name: str, job: str = "") -> str:
    """What people call the node: the last part of its name, its version, and for a run the job that it was of."""
    kind, _, rest = name.partition(":")
    parts = [part.replace("%7C", "|").replace("%25", "%") for part in rest.split("|")]
    if kind == "run":
        return f"{job} · {rest[:8]}" if job else rest
    return parts[0] if len(parts) == 1 else " @ ".join(part[:19] if at else part for at, part in enumerate(parts[1:]))


def unique(items: Iterable[Any]) -> tuple[Any, ...]:
    """Each once, in order of appearance."""
    return tuple(dict.fromkeys(items))


def _named(kind: str, place: str, *parts: str) -> str:
    name = f"{kind}:" + "|".join(part.replace("%", "%25").replace("|", "%7C") for part in parts)
    if len(name.encode()) > MAX_NAME_BYTES:
        raise LineageRefusedError(f"Namespace and name together are longer than {MAX_NAME_BYTES} bytes.", field=place)
    return name
