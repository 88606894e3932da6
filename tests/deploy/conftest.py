from __future__ import annotations

import io
from pathlib import Path

import pytest

from deploy.layout import Layout
from deploy.progress import Progress


@pytest.fixture
def terminal() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def progress(terminal: io.StringIO) -> Progress:
    return Progress(terminal)


@pytest.fixture
def project(tmp_path: Path) -> Layout:
    """A project folder whose pins name a package that lies beside it, so that no test asks a registry."""
    (tmp_path / "tests").mkdir()
    (tmp_path / "requirements.txt").write_text("# none\n", encoding="utf-8")
    (tmp_path / "tests" / "requirements.txt").write_text("-r ../requirements.txt\n", encoding="utf-8")
    return Layout(tmp_path)
