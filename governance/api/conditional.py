"""`ETag` and 304 for reads that pipelines poll."""

from __future__ import annotations

import hashlib
from typing import Any

from django.utils.cache import patch_vary_headers
from django.utils.http import parse_etags
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response


def conditional(request: Request, document: Any) -> Response:
    """200 with a weak ETag over the document, or 304 when the caller holds it already.

    The document is always built first: a tag saves bytes, never the evaluation, so that it can outlive no change.
    """
    tag = f'W/"{hashlib.sha256(JSONRenderer().render(document)).hexdigest()[:32]}"'
    held = [entry.removeprefix("W/") for entry in parse_etags(request.headers.get("If-None-Match", ""))]
    matches = tag.removeprefix("W/") in held
    response = Response(status=304) if matches else Response(document)
    response["ETag"] = tag
    response["Cache-Control"] = "private, no-cache"
    patch_vary_headers(response, ("Authorization", "Cookie"))
    return response
