"""The project's settings as tests meet them: the same, but with a data folder of their own and quick passwords."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile

os.environ.setdefault("ASSAY_ENV", "development")
if "ASSAY_DATA" not in os.environ:
    # Parallel test workers inherit this; Django gives each a database of its own beside the others.
    os.environ["ASSAY_DATA"] = tempfile.mkdtemp(prefix="assay-tests-")
    atexit.register(shutil.rmtree, os.environ["ASSAY_DATA"], ignore_errors=True)

from governance.settings import *  # noqa: F403 - the environment had to be set first

# Hashing a password slowly is the point in production and the longest part of a test.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
