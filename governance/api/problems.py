"""Every error of the API in one shape: `application/problem+json` (RFC 9457) with a stable `code`.

HTTP statuses exist here and nowhere below: verbs raise what happened, this table says how the outside hears of it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.core.signals import got_request_exception
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils import translation
from django.views import defaults
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import set_rollback

from audits.frameworks.catalogue import CatalogueError, UnknownControlError
from audits.reports.bundle import BundleError
from audits.reports.dossier import DossierIncompleteError
from audits.reports.errors import SealError
from governance import edge
from governance import errors as governance_errors
from governance.api import errors as edge_errors
from governance.policies import PolicyAlteredError, PolicyError
from registry import errors as registry_errors
from registry.backup.copies import BackupError
from registry.canonical import CanonicalError
from registry.connectors.statements import LineageRefusedError
from registry.credentials import CredentialError
from registry.devices import DeviceError
from registry.dsse import AttestationError
from registry.errors import AssayError
from registry.keys import KeyringError
from registry.merkle import MerkleError, ProofError
from registry.notes import NoteError
from registry.outbound import OutboundFailedError, OutboundRefusedError
from registry.refused import HeldByDatabaseError

log = logging.getLogger("assay.api")

MEDIA_TYPE = "application/problem+json"
API_PREFIX = "/api/"

# The nearest class in the order of inheritance decides; a test holds that every error is found here.
STATUS: dict[type[AssayError], HTTPStatus] = {
    AssayError: HTTPStatus.INTERNAL_SERVER_ERROR,
    # registry
    registry_errors.InvalidInputError: HTTPStatus.UNPROCESSABLE_ENTITY,
    registry_errors.DigestMismatchError: HTTPStatus.UNPROCESSABLE_ENTITY,
    registry_errors.ArtifactRefusedError: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    registry_errors.DuplicateError: HTTPStatus.CONFLICT,
    registry_errors.StaleCardError: HTTPStatus.CONFLICT,
    registry_errors.UnknownSubjectError: HTTPStatus.NOT_FOUND,
    registry_errors.PermissionRefusedError: HTTPStatus.FORBIDDEN,
    registry_errors.ImmutableError: HTTPStatus.CONFLICT,
    HeldByDatabaseError: HTTPStatus.CONFLICT,
    registry_errors.ContentErasedError: HTTPStatus.GONE,
    registry_errors.StillSeenError: HTTPStatus.SERVICE_UNAVAILABLE,
    registry_errors.EvidenceMissingError: HTTPStatus.INTERNAL_SERVER_ERROR,
    registry_errors.LedgerError: HTTPStatus.INTERNAL_SERVER_ERROR,
    BackupError: HTTPStatus.INTERNAL_SERVER_ERROR,
    registry_errors.LeaseLostError: HTTPStatus.SERVICE_UNAVAILABLE,
    CanonicalError: HTTPStatus.UNPROCESSABLE_ENTITY,
    LineageRefusedError: HTTPStatus.UNPROCESSABLE_ENTITY,
    MerkleError: HTTPStatus.UNPROCESSABLE_ENTITY,
    ProofError: HTTPStatus.UNPROCESSABLE_ENTITY,
    NoteError: HTTPStatus.INTERNAL_SERVER_ERROR,
    AttestationError: HTTPStatus.INTERNAL_SERVER_ERROR,
    CredentialError: HTTPStatus.SERVICE_UNAVAILABLE,
    DeviceError: HTTPStatus.SERVICE_UNAVAILABLE,
    KeyringError: HTTPStatus.SERVICE_UNAVAILABLE,
    OutboundRefusedError: HTTPStatus.UNPROCESSABLE_ENTITY,
    OutboundFailedError: HTTPStatus.BAD_GATEWAY,
    # audits
    CatalogueError: HTTPStatus.INTERNAL_SERVER_ERROR,
    UnknownControlError: HTTPStatus.NOT_FOUND,
    BundleError: HTTPStatus.INTERNAL_SERVER_ERROR,
    DossierIncompleteError: HTTPStatus.CONFLICT,
    SealError: HTTPStatus.INTERNAL_SERVER_ERROR,
    # governance
    governance_errors.RefusalError: HTTPStatus.CONFLICT,
    governance_errors.NoGateError: HTTPStatus.UNPROCESSABLE_ENTITY,
    governance_errors.NotWaivableError: HTTPStatus.UNPROCESSABLE_ENTITY,
    governance_errors.PolicyTextError: HTTPStatus.UNPROCESSABLE_ENTITY,
    governance_errors.WrongCredentialError: HTTPStatus.FORBIDDEN,
    governance_errors.RoleNotHeldError: HTTPStatus.FORBIDDEN,
    governance_errors.RoleNotAskedError: HTTPStatus.UNPROCESSABLE_ENTITY,
    governance_errors.SeparationOfDutiesError: HTTPStatus.FORBIDDEN,
    governance_errors.ServiceAccountError: HTTPStatus.FORBIDDEN,
    governance_errors.NotDelegableError: HTTPStatus.FORBIDDEN,
    governance_errors.TooManyAttemptsError: HTTPStatus.TOO_MANY_REQUESTS,
    PolicyError: HTTPStatus.UNPROCESSABLE_ENTITY,
    PolicyAlteredError: HTTPStatus.INTERNAL_SERVER_ERROR,
    # the edge
    edge_errors.ScopeMissingError: HTTPStatus.FORBIDDEN,
    edge_errors.TokenTiedError: HTTPStatus.FORBIDDEN,
    edge_errors.IdempotencyKeyError: HTTPStatus.UNPROCESSABLE_ENTITY,
    edge_errors.FormatUnavailableError: HTTPStatus.NOT_ACCEPTABLE,
    edge_errors.NotYetError: HTTPStatus.NOT_FOUND,
    edge_errors.BodyTooLargeError: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    edge_errors.LengthRequiredError: HTTPStatus.LENGTH_REQUIRED,
}

# DRF's own codes, in our spelling.
_CODES = {
    "not_authenticated": "not-authenticated",
    "authentication_failed": "token-invalid",
    "permission_denied": "permission-refused",
    "not_found": "unknown-path",
    "method_not_allowed": "method-not-allowed",
    "unsupported_media_type": "unsupported-media-type",
    "not_acceptable": "not-acceptable",
    "parse_error": "malformed",
    "invalid": "malformed",
    "throttled": "throttled",
}


def status_of(error: AssayError) -> HTTPStatus:
    """The status of the nearest class in the table."""
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


def problem(status: int, code: str, detail: str, *, path: str, **extra: Any) -> dict[str, Any]:
    """The document. `extra` members with a value are added; `field` names the input at fault."""
    return {
        "type": f"urn:assay:problem:{code}",
        "title": HTTPStatus(status).phrase,
        "status": int(status),
        "code": code,
        "detail": detail,
        "instance": path,
        **{name: value for name, value in extra.items() if value},
    }


def exception_response(error: Exception, context: Mapping[str, Any]) -> Response:
    """The exception handler of the API: every exception becomes a problem, also the ones nobody foresaw."""
    set_rollback()
    request = context["request"]
    document, headers = _described(error, request._request)  # noqa: SLF001  (DRF's name for Django's request)
    response = Response(document, status=document["status"], headers=headers, content_type=MEDIA_TYPE)
    return edge.marked(response, document, recorded=getattr(error, "recorded", False))


def problem_response(request: HttpRequest, status: int, code: str, detail: str, **extra: Any) -> JsonResponse:
    """A problem outside of any view of the API."""
    document = problem(status, code, detail, path=request.path, **extra)
    return edge.marked(JsonResponse(document, status=status, content_type=MEDIA_TYPE), document)


def _described(error: Exception, request: HttpRequest) -> tuple[dict[str, Any], dict[str, str]]:
    path = request.path
    if isinstance(error, AssayError):
        return _of_ours(error, path), {"Retry-After": "5"} if error.retryable else {}
    if isinstance(error, Http404):
        error = exceptions.NotFound("There is nothing under this path.")
    elif isinstance(error, PermissionDenied):
        error = exceptions.PermissionDenied()
    elif isinstance(error, RequestDataTooBig):
        return problem(413, "body-too-large", "The body is longer than the service reads.", path=path), {}
    elif isinstance(error, SuspiciousOperation):
        error = exceptions.ParseError("The request cannot be read.")
    if isinstance(error, exceptions.APIException):
        return _of_drf(error, path)
    log.error("an unforeseen error answered %s %s", request.method, path, exc_info=error)
    got_request_exception.send(sender=None, request=request)
    return problem(500, "internal", "Something went wrong here; nothing was changed.", path=path), {}


def _of_ours(error: AssayError, path: str) -> dict[str, Any]:
    status = status_of(error)
    detail = error.problem
    if status == HTTPStatus.INTERNAL_SERVER_ERROR:
        log.error("%s: %s", error.code, error.problem)
        detail = "The service cannot do this now; its operator finds the reason in the log."
    return problem(
        status,
        error.code,
        detail,
        path=path,
        field=error.field,
        line=getattr(error, "line", None),
        retryable=error.retryable,
    )


def _of_drf(error: exceptions.APIException, path: str) -> tuple[dict[str, Any], dict[str, str]]:
    headers: dict[str, str] = {}
    challenge = getattr(error, "auth_header", None)
    if challenge:
        headers["WWW-Authenticate"] = challenge
    if isinstance(error, exceptions.ValidationError):
        errors = [{"field": place, "detail": text} for place, text in _places(error.detail)]
        first = errors[0]
        detail = f"{first['field']}: {first['detail']}" if first["field"] else first["detail"]
        return problem(400, "malformed", detail, path=path, field=first["field"], errors=errors), headers
    codes = error.get_codes()
    code = codes if isinstance(codes, str) else error.default_code
    return problem(error.status_code, _CODES.get(code, code), str(error.detail), path=path), headers


def _places(detail: Any, place: str = "") -> Iterator[tuple[str, str]]:
    """DRF's nested errors as `columns[0].name`, one pair for each message."""
    if isinstance(detail, Mapping):
        for name, inner in detail.items():
            yield from _places(inner, _inside(place, name))
    elif isinstance(detail, list | tuple):
        for index, inner in enumerate(detail):
            nested = isinstance(inner, Mapping | list | tuple)
            if nested and not inner:
                continue
            yield from _places(inner, f"{place}[{index}]" if nested else place)
    else:
        yield place, str(detail)


def _inside(place: str, name: object) -> str:
    """One step further into the body; list positions come as numbers."""
    if isinstance(name, int):
        return f"{place}[{name}]"
    if name == "non_field_errors":
        return place
    return f"{place}.{name}" if place else str(name)


# -- Errors that Django answers itself: never HTML below /api/ --------------------------------------------------------
def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """handler400."""
    if request.path.startswith(API_PREFIX):
        return problem_response(request, 400, "malformed", "The request cannot be read.")
    with _readers_language(request):
        return defaults.bad_request(request, exception)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """handler403."""
    if request.path.startswith(API_PREFIX):
        return problem_response(request, 403, "permission-refused", "You may not do this.")
    with _readers_language(request):
        return defaults.permission_denied(request, exception)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """handler404."""
    if request.path.startswith(API_PREFIX):
        return unknown_path(request)
    with _readers_language(request):
        return defaults.page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    """handler500."""
    if request.path.startswith(API_PREFIX):
        return problem_response(request, 500, "internal", "Something went wrong here; nothing was changed.")
    with _readers_language(request):
        return defaults.server_error(request)


def _readers_language(request: HttpRequest) -> translation.override:
    """The language of this request. What fails before the middleware has chosen one meets that of the last request."""
    return translation.override(translation.get_language_from_request(request))


def unknown_path(request: HttpRequest, **_parts: Any) -> HttpResponse:
    """Whatever no other path of the API matches, with the usual reason for it."""
    hint = "" if request.path.endswith("/") else f" Did you mean {request.path}/ ?"
    return problem_response(request, 404, "unknown-path", f"The API has no such path.{hint}")
