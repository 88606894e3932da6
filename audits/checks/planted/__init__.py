"""The planted cases of the checks that are shipped, written into a folder when they are needed.

A family of checks has a module here with a mapping `PLANTED`, from the id of each check to the function that plants its
pair; a test holds that no listed check goes without. A check of one's own brings its cases in a method
`controls(folder)` that answers `audits.controls.Control` values.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from audits.checks.base import Check
from audits.checks.planted import decisions, models, records
from audits.checks.planted.cases import Plant
from audits.controls import Control

PLANTED: Mapping[str, Plant] = {**decisions.PLANTED, **models.PLANTED, **records.PLANTED}


def controls_of(check: Check, folder: Path) -> tuple[Control, ...]:
    """The planted cases of a check, made in `folder`; none where nobody has planted any."""
    own: Plant | None = getattr(check, "controls", None)
    plant = own or PLANTED.get(check.id)
    if plant is None:
        return ()
    folder.mkdir(exist_ok=True)
    return tuple(plant(folder))
