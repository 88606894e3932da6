from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]

HEAVY = (
    "sklearn",
    "shap",
    "numba",
    "numpy",
    "pandas",
    "scipy",
    "fairlearn",
    "weasyprint",
    "pyhanko",
    "duckdb",
    "pyarrow",
)


def start(tmp_path: Path, code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        env={"PATH": os.environ["PATH"], "ASSAY_DATA": str(tmp_path), **environment},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("environment", "code"),
    [
        ({}, "assay.E002"),
        ({"SECRET_KEY": "short"}, "assay.E002"),
        ({"SECRET_KEY": "development-" + "x" * 50}, "assay.E002"),
        ({"SECRET_KEY": "x" * 50, "DEBUG": "1"}, "assay.E003"),
        ({"SECRET_KEY": "x" * 50}, "assay.E004"),
        ({"SECRET_KEY": "x" * 50, "ALLOWED_HOSTS": "*"}, "assay.E004"),
        ({"SECRET_KEY": "x" * 50, "ALLOWED_HOSTS": "assay.example.org"}, "assay.E005"),
        ({"ASSAY_ENV": "prodution", "SECRET_KEY": "x" * 50}, "assay.E001"),
        ({"ASSAY_ENV": "development", "ASSAY_CHECKS": "audits.checks.nothing.Nothing"}, "assay.E007"),
    ],
)
def test_a_misconfigured_service_does_not_start(tmp_path: Path, environment: dict[str, str], code: str) -> None:
    started = start(tmp_path, "import governance.wsgi", **environment)
    assert started.returncode != 0
    # An empty secret is refused by Django itself, in its own words.
    assert code in started.stderr or ("SECRET_KEY" in started.stderr and code == "assay.E002")


def test_production_refuses_keys_made_for_development(tmp_path: Path) -> None:
    made = start(
        tmp_path, "import governance.wsgi; from registry.signing import keyring; keyring()", ASSAY_ENV="development"
    )
    assert made.returncode == 0, made.stderr
    started = start(tmp_path, "import governance.wsgi", SECRET_KEY="x" * 50, ALLOWED_HOSTS="assay.example.org")
    assert "assay.E006" in started.stderr


def test_the_web_process_imports_nothing_that_measures_or_renders(tmp_path: Path) -> None:
    code = (
        "import sys, governance.wsgi, governance.urls\n"
        "from django.urls import get_resolver\n"
        "get_resolver().reverse_dict\n"
        f"print(sorted(set({HEAVY!r}) & set(sys.modules)))"
    )
    started = start(tmp_path, code, ASSAY_ENV="development")
    assert started.returncode == 0, started.stderr
    assert started.stdout.strip().splitlines()[-1] == "[]"
