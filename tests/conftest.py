"""What holds for every test: which ones use the database, and which need something this machine may not have."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from django.db import connection
from django.utils import translation
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

pytest_plugins = ["tests.append_only", "tests.people", "tests.stories", "tests.loans"]

# A busy machine is no defect: neither an example nor the making of one is timed. The rest is as Hypothesis has it.
usual = hypothesis_settings()
unhurried = {*usual.suppress_health_check, HealthCheck.too_slow}
hypothesis_settings.register_profile("steady", parent=usual, deadline=None, suppress_health_check=unhurried)
hypothesis_settings.load_profile("steady")
# For `make quick`: fewer examples, while the whole suite keeps the default.
hypothesis_settings.register_profile("quick", parent=hypothesis_settings(), max_examples=20)

DATABASE_FIXTURES = {
    "db",
    "transactional_db",
    "django_db_reset_sequences",
    "django_db_serialized_rollback",
    "live_server",
}
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(autouse=True)
def _english() -> None:
    """Django keeps the language of the last request in its thread; no test leans on the one before it."""
    translation.activate("en")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--run-network", action="store_true", help="also run tests that talk to another host")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("django_db") or DATABASE_FIXTURES.intersection(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.database)
        reason = _missing_for(item, run_network=config.getoption("--run-network"))
        if reason:
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(autouse=True)
def _nothing_waits() -> None:
    """A refusal of another test is not told in this one, whose transaction it has nothing to do with."""
    from registry.refused import forget

    forget()


def _missing_for(item: pytest.Item, *, run_network: bool) -> str | None:
    """Why this test cannot run here, in words; None when it can."""
    if item.get_closest_marker("postgres") and connection.vendor != "postgresql":
        return "needs PostgreSQL: set DATABASE_URL"
    if item.get_closest_marker("browser") and not browser_path():
        return "needs Chromium: apt-get install chromium"
    if item.get_closest_marker("network") and not run_network:
        return "talks to another host: give --run-network"
    return None


def browser_path() -> str | None:
    """Chromium's program on this machine, for Playwright's `executable_path`; ASSAY_BROWSER names another one."""
    named = os.environ.get("ASSAY_BROWSER")
    return named or next(filter(None, map(shutil.which, BROWSERS)), None)


@pytest.fixture(scope="session")
def chromium() -> str:
    path = browser_path()
    assert path, "a test that uses this fixture carries the marker `browser`"
    return path


@pytest.fixture(scope="session")
def shared() -> Path:
    """Data and samples beside the repository; the tests that need them are skipped where they are absent."""
    folder = Path(__file__).resolve().parent.parent.parent / "shared"
    if not folder.is_dir():
        pytest.skip("needs the folder ../shared with data sets and samples")
    return folder
