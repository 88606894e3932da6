"""The root of all paths."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path
from django.views.i18n import set_language

from governance.service.health import healthz, readyz

handler400 = "governance.api.problems.bad_request"
handler403 = "governance.api.problems.permission_denied"
handler404 = "governance.api.problems.page_not_found"
handler500 = "governance.api.problems.server_error"

urlpatterns = [
    path("healthz", healthz, name="healthz"),
    path("readyz", readyz, name="readyz"),
    path("api/", include("governance.api.urls")),
    path("language/", set_language, name="set_language"),
    # Before the admin: the pages have a sign-in of their own in place of the admin's.
    path("", include("governance.pages.urls")),
    path("admin/", admin.site.urls),
]
