"""Things that a body names. A name that leads nowhere is a fault of that field (422), not a missing page (404)."""

from __future__ import annotations

import re

from registry.errors import InvalidInputError
from registry.models import DatasetVersion

_NAMED = re.compile(r"([a-z0-9-]{1,80})/([1-9][0-9]{0,8})", re.ASCII)


def dataset_version_named(name: str, *, field: str) -> DatasetVersion:
    """The dataset version `<slug>/<number>`. Raises InvalidInputError."""
    match = _NAMED.fullmatch(name)
    if match is None:
        raise InvalidInputError("Name a dataset version as <dataset>/<number>.", field=field)
    found = (
        DatasetVersion.objects.select_related("dataset").filter(dataset__slug=match[1], number=int(match[2])).first()
    )
    if found is None:
        raise InvalidInputError(f"There is no dataset version {name}.", field=field)
    return found
