"""The project's settings as tests meet them: the same, but with a data folder of their own and quick passwords."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

os.environ.setdefault("ASSAY_ENV", "development")
if "ASSAY_DATA" not in os.environ:
    os.environ["ASSAY_DATA"] = tempfile.mkdtemp(prefix="assay-tests-")
    atexit.register(shutil.rmtree, os.environ["ASSAY_DATA"], ignore_errors=True)
if "PYTEST_XDIST_WORKER" in os.environ:
    # Parallel workers inherit the folder. Each has its own below it: some tests swap or delete files of the store, and
    # those of another worker would find them so.
    own = Path(os.environ["ASSAY_DATA"], os.environ["PYTEST_XDIST_WORKER"])
    own.mkdir(parents=True, exist_ok=True)
    os.environ["ASSAY_DATA"] = str(own)

from governance.settings import *  # noqa: F403 - the environment had to be set first

# Hashing a password slowly is the point in production and the longest part of a test.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
