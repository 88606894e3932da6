"""What the start finds wrong with the catalogue that the reports quote."""

from __future__ import annotations

from dataclasses import replace

import pytest

from audits.frameworks.catalogue import Catalogue, CatalogueError
from governance.service import system_checks


def test_the_catalogue_that_ships_starts() -> None:
    assert system_checks.catalogue_is_sound() == []


def test_a_catalogue_with_defects_does_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    shipped = Catalogue.load()
    spoilt = Catalogue(shipped.frameworks, (replace(shipped.control("gdpr-5-2"), title=""), *shipped.entries))
    monkeypatch.setattr(Catalogue, "load", lambda: spoilt)
    found = system_checks.catalogue_is_sound()
    assert {problem.id for problem in found} == {"assay.E009"}
    assert any("gdpr-5-2 is there 2 times" in problem.msg for problem in found)
    assert any("gdpr-5-2 has no title" in problem.msg for problem in found)


def test_a_catalogue_that_cannot_be_read_does_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreadable() -> Catalogue:
        raise CatalogueError("gdpr.json cannot be read: it ends early", field="gdpr.json")

    monkeypatch.setattr(Catalogue, "load", unreadable)
    (problem,) = system_checks.catalogue_is_sound()
    assert "gdpr.json cannot be read" in problem.msg
    assert problem.id == "assay.E009"
