from __future__ import annotations

import importlib
import pkgutil
import re
from pathlib import Path

import pytest

import audits
import governance
import registry
from registry.errors import AssayError

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"


def documented(name: str) -> set[str]:
    """Everything that stands in backticks in the first column of a table, where nothing may stand twice."""
    text = (DOCS / name).read_text(encoding="utf-8")
    told = re.findall(r"^\| `([^`]+)`", text, flags=re.MULTILINE)
    assert len(told) == len(set(told)), f"{name} tells twice of {sorted({one for one in told if told.count(one) > 1})}"
    return set(told)


def test_every_setting_is_documented_and_no_other() -> None:
    source = (ROOT / "governance" / "settings.py").read_text(encoding="utf-8")
    read = set(re.findall(r'env\.\w+\(\s*"([A-Z0-9_]+)"', source))
    told = {name for name in documented("settings.md") if not name.startswith("assay.")}
    assert read == told


def test_every_system_check_is_documented_and_no_other() -> None:
    source = (ROOT / "governance" / "service" / "system_checks.py").read_text(encoding="utf-8")
    raised = set(re.findall(r'id="(assay\.[EW]\d{3})"', source))
    assert raised == {name for name in documented("settings.md") if name.startswith("assay.")}


def every_error() -> list[type[AssayError]]:
    for package in (registry, audits, governance):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            skipped = (".migrations", ".child", ".zygote", "governance.settings", "governance.wsgi", "governance.demo")
            if not any(part in module.name for part in skipped):
                importlib.import_module(module.name)
    found: list[type[AssayError]] = []
    waiting = [AssayError]
    while waiting:
        error = waiting.pop()
        found.append(error)
        waiting.extend(error.__subclasses__())
    return found


def test_every_error_code_is_documented() -> None:
    codes = {
        error.code for error in every_error() if error.__module__.split(".")[0] in {"registry", "audits", "governance"}
    }
    assert codes <= documented("errors.md"), codes - documented("errors.md")


@pytest.mark.parametrize(
    "name",
    ["README.md", "THREAT_MODEL.md", "CHANGELOG.md", *(f"docs/{page.name}" for page in sorted(DOCS.glob("*.md")))],
)
def test_links_lead_somewhere(name: str) -> None:
    page = ROOT / name
    for target in re.findall(r"\]\((?!https?://|#)([^)#]+)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), f"{name} links to {target}"
