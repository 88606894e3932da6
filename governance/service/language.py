"""In which language a request is answered: people in theirs, programs in English."""

from __future__ import annotations

from django.http import HttpRequest
from django.middleware.locale import LocaleMiddleware
from django.utils import translation

from governance.api.problems import API_PREFIX


class Language(LocaleMiddleware):
    """Middleware: the language of the reader for pages, and English for the API, whatever its caller's browser speaks.

    Otherwise the framework's words in a problem document would be German, and those of ours beside them English.
    """

    def process_request(self, request: HttpRequest) -> None:
        """Choose the language of this request."""
        if not request.path.startswith(API_PREFIX):
            super().process_request(request)
            return
        translation.activate("en")
        request.LANGUAGE_CODE = "en"
