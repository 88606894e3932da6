"""The WSGI application."""

from __future__ import annotations

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "governance.settings")

application = get_wsgi_application()

# After the settings are loaded, before the first request is served.
from governance.service.startup import refuse_misconfiguration, tell_of_start  # noqa: E402

refuse_misconfiguration()
tell_of_start()
