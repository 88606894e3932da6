"""Writes docs/checks.md from the checks themselves: `python -m deploy.build_checks_page`.

What a check measures, its parameters with their defaults and its metrics stand in the code, once; this page repeats
them for people who write policies, and a test holds it to the code.
"""

from __future__ import annotations

import dataclasses
import inspect
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from audits.checks.base import Check
from audits.checks.catalogue import load_checks
from governance.settings import ASSAY_CHECKS

PAGE = Path(__file__).resolve().parents[1] / "docs" / "checks.md"

HEAD = """# The checks

A policy names a check by its id, gives it parameters, and sets limits on its metrics. A check measures and never knows
a limit. Every value comes with the rows it rests on and, where one can be computed, its interval; what cannot be
estimated says why, and a limit on it is inconclusive. Which intervals stand behind the numbers:
[statistics.md](statistics.md).
"""


def page(checks: Iterable[Check]) -> str:
    """The whole page, checks in the order of their ids."""
    return "\n".join([HEAD, *(_section(check) for check in sorted(checks, key=lambda check: check.id))])


def _section(check: Check) -> str:
    words = inspect.getdoc(inspect.getmodule(type(check))) or ""
    parameters = dataclasses.fields(check.Parameters)
    lines = [
        f"## {check.id}",
        "",
        f"{check.title}. Needs: {', '.join(sorted(check.needs))}. Version {check.version}.",
        "",
    ]
    lines += [words, ""]
    if parameters:
        lines += ["| parameter | default |", "|---|---|"]
        lines += [f"| `{field.name}` | `{_default(field)}` |" for field in parameters]
        lines.append("")
    lines += ["| metric | what it is |", "|---|---|"]
    lines += [f"| `{metric}` | {sentence.replace('|', '&#124;')} |" for metric, sentence in check.metrics.items()]
    return "\n".join([*lines, ""])


def _default(field: dataclasses.Field[Any]) -> str:
    if field.default is not dataclasses.MISSING:
        return repr(list(field.default) if isinstance(field.default, tuple) else field.default)
    return repr(field.default_factory()) if field.default_factory is not dataclasses.MISSING else "required"


def main() -> int:
    """Write the page."""
    PAGE.write_text(page(load_checks(ASSAY_CHECKS).values()), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
