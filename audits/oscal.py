"""What our OSCAL files have in common: identifiers that do not change from run to run, and a check of references.

Schemas and common validators say whether each part is well formed; none says whether a reference leads anywhere. So
`dangling` does, and our own files must pass it before they leave. Pure.
"""

from __future__ import annotations

import re
import uuid
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from typing import Any

VERSION = "1.2.1"
#: Properties of our own stand under this name.
NAMESPACE = "urn:assay:oscal"
_ROOT = uuid.uuid5(uuid.NAMESPACE_URL, NAMESPACE)

_TOKEN = re.compile(r"[^A-Za-z0-9._-]+")
_LISTS = frozenset({"party-uuids", "location-uuids", "with-ids", "statement-ids"})
_NAMES = frozenset({"role-id", "control-id", "target-id", "component-id", "param-id"})


def identify(*names: object) -> str:
    """The identifier of a thing with these names: the same names, the same identifier."""
    return str(uuid.uuid5(_ROOT, "\x1f".join(map(str, names))))


def token(text: str) -> str:
    """`text` as OSCAL writes identifiers: begins with a letter or underscore, holds no space."""
    made = _TOKEN.sub("-", text).strip("-.") or "unnamed"
    return made if made[0].isalpha() or made[0] == "_" else f"_{made}"


def line(text: object) -> str:
    """One line that is not empty, as OSCAL wants the value of a property to be."""
    return " ".join(str(text).split()) or "not stated"


def prop(name: str, value: object, *, remarks: str = "") -> dict[str, str]:
    """A property of our own."""
    made = {"name": token(name), "ns": NAMESPACE, "value": line(value)}
    return {**made, "remarks": remarks} if remarks else made


def dangling(document: Mapping[str, Any], known: Collection[str] = ()) -> tuple[str, ...]:
    """Every reference of the document that leads nowhere and every identifier that is there twice, one sentence each.

    `known` are identifiers of an imported document, such as the controls and statements of a catalog.
    """
    declared = Counter(_declared(document))
    doubles = [f"{name} is declared {times} times." for name, times in declared.items() if times > 1]
    places = {*declared, *known}
    lost = [
        f"{where} refers to {name}, which is not there." for where, name in _referred(document) if name not in places
    ]
    return (*doubles, *dict.fromkeys(lost))


def _declared(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        yield from (value[key] for key in ("uuid", "id") if isinstance(value.get(key), str))
        for entry in value.values():
            yield from _declared(entry)
    elif isinstance(value, list):
        for entry in value:
            yield from _declared(entry)


def _referred(value: Any, where: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, entry in value.items():
            place = f"{where}/{key}"
            if isinstance(entry, str) and (key.endswith("-uuid") or key in _NAMES):
                yield place, entry
            elif key == "href" and str(entry).startswith("#"):
                yield place, str(entry)[1:]
            elif key in _LISTS:
                yield from ((place, name) for name in entry)
            else:
                yield from _referred(entry, place)
    elif isinstance(value, list):
        for number, entry in enumerate(value):
            yield from _referred(entry, f"{where}/{number}")
