"""Every check that may run is documented as it is."""

from __future__ import annotations

import dataclasses

import pytest

from audits.checks.base import Check
from audits.checks.catalogue import load_checks
from deploy.build_checks_page import PAGE, page
from governance.settings import ASSAY_CHECKS

CHECKS = load_checks(ASSAY_CHECKS)


@pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS)
def test_every_parameter_and_metric_is_on_the_page(check: Check) -> None:
    text = PAGE.read_text(encoding="utf-8")
    section = text.split(f"## {check.id}\n", 1)[1].split("\n## ", 1)[0]
    for metric, sentence in check.metrics.items():
        assert f"| `{metric}` | {sentence.replace('|', '&#124;')} |" in section
    for field in dataclasses.fields(check.Parameters):
        assert f"| `{field.name}` |" in section


def test_the_page_is_what_the_checks_say() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert text == page(CHECKS.values()), "run python -m deploy.build_checks_page"
