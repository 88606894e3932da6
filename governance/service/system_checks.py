"""Misconfiguration is found at start-up, each with an id, what is wrong and how to mend it (docs/settings.md)."""

from __future__ import annotations

import os
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register  # noqa: A004  (Django's own name)

from audits.checks.catalogue import CheckLoadError
from audits.frameworks.catalogue import Catalogue, CatalogueError
from audits.frameworks.integrity import problems as catalogue_problems
from audits.runs import known_checks
from registry.credentials import CredentialError, credential_names, exposed_files, read_credential
from registry.keys import Keyring, KeyringError
from registry.signing import seal_device


@register("assay")
def environment_is_known(**_kwargs: Any) -> list[CheckMessage]:
    """E001: ASSAY_ENV must be one of two words, so that a typing error does not switch the strict side off."""
    if settings.ASSAY_ENV in ("production", "development"):
        return []
    return [
        Error(
            f"ASSAY_ENV is {settings.ASSAY_ENV!r}.",
            hint="Set it to production or development.",
            id="assay.E001",
        )
    ]


@register("assay")
def secrets_are_real(**_kwargs: Any) -> list[CheckMessage]:
    """E002-E004: outside of development a missing secret, DEBUG, or a wildcard host stops the start."""
    if settings.DEVELOPMENT:
        return []
    problems: list[CheckMessage] = []
    if len(settings.SECRET_KEY) < 32 or settings.SECRET_KEY.startswith("development-"):  # noqa: PLR2004
        problems.append(
            Error(
                "SECRET_KEY is missing, too short, or the one made for development.",
                hint='Set SECRET_KEY, for example to the output of: python -c "import secrets; '
                'print(secrets.token_urlsafe(48))"',
                id="assay.E002",
            )
        )
    if settings.DEBUG:
        problems.append(
            Error("DEBUG is on in production.", hint="Unset DEBUG, or set ASSAY_ENV=development.", id="assay.E003")
        )
    if not settings.ALLOWED_HOSTS or "*" in settings.ALLOWED_HOSTS:
        problems.append(
            Error(
                "ALLOWED_HOSTS is empty or admits every host.",
                hint="Name the host names under which the service is reached.",
                id="assay.E004",
            )
        )
    return problems


@register("assay")
def keys_are_real(**_kwargs: Any) -> list[CheckMessage]:
    """E005-E006, E010: keys must be there and, in production, must not be the ones made for development."""
    missing = [name for name in ("MODULE", "TOKEN", "KEY", "PIN") if not getattr(settings, f"ASSAY_PKCS11_{name}")]
    if settings.ASSAY_SIGNER not in {"file", "pkcs11"} or (settings.ASSAY_SIGNER == "pkcs11" and missing):
        told = f"ASSAY_SIGNER is {settings.ASSAY_SIGNER}"
        hint = f"Give {', '.join(f'ASSAY_PKCS11_{name}' for name in missing)}." if missing else "Use file or pkcs11."
        return [Error(f"The seal key's device is not named: {told}.", hint=hint, id="assay.E010")]
    if settings.DEVELOPMENT:
        return []
    try:
        keyring = Keyring.open(settings.ASSAY_KEYS, seal_device=seal_device())
    except (KeyringError, OSError) as error:
        return [
            Error(
                f"The signing keys cannot be read: {error}",
                hint="Point ASSAY_SIGNING_KEY_FOLDER to the folder with the service's keys (docs/settings.md).",
                id="assay.E005",
            )
        ]
    if keyring.is_development:
        return [
            Error(
                "The signing keys are development keys.",
                hint="Install keys whose certificate your organisation issued (docs/settings.md, Keys).",
                id="assay.E006",
            )
        ]
    return []


@register("assay")
def checks_are_loadable(**_kwargs: Any) -> list[CheckMessage]:
    """E007: every entry of ASSAY_CHECKS is a check."""
    try:
        known_checks()
    except CheckLoadError as error:
        return [Error(str(error), hint="Correct or remove the entry in ASSAY_CHECKS.", id="assay.E007")]
    return []


@register("assay", deploy=True)
def database_is_for_production(**_kwargs: Any) -> list[CheckMessage]:
    """W001-W002: SQLite and the embedded broker work, but carry one host only."""
    problems: list[CheckMessage] = []
    if settings.DATABASES["default"]["ENGINE"].endswith("sqlite3"):
        problems.append(
            Warning("The database is SQLite.", hint="Set DATABASE_URL to PostgreSQL for production.", id="assay.W001")
        )
    if settings.CELERY_BROKER_URL.startswith("filesystem"):
        problems.append(
            Warning(
                "The broker is the embedded one.",
                hint="Set CELERY_BROKER_URL to amqp:// or redis:// for more than one host.",
                id="assay.W002",
            )
        )
    return problems


@register("assay")
def evidence_folder_is_writable(**_kwargs: Any) -> list[CheckMessage]:
    """E008: evidence that cannot be written would be lost with the first upload."""
    folder = settings.ASSAY_STORAGE
    if "://" in folder or os.access(_nearest_existing(folder), os.W_OK):
        return []
    return [Error(f"The evidence folder {folder} cannot be written.", hint="Correct ASSAY_STORAGE.", id="assay.E008")]


@register("assay")
def catalogue_is_sound(**_kwargs: Any) -> list[CheckMessage]:
    """E009: a report must not quote a control that is there twice, leads nowhere or contradicts its own dates."""
    hint = "Restore the files in audits/frameworks/, or correct the one that you added."
    try:
        found = catalogue_problems(Catalogue.load())
    except CatalogueError as error:
        found = (str(error),)
    return [
        Error(f"The catalogue of law and standards has a defect: {one}", hint=hint, id="assay.E009") for one in found
    ]


@register("assay")
def endpoint_credentials_are_usable(**_kwargs: Any) -> list[CheckMessage]:
    """E011, W003: what is wrong with a credential would otherwise show only in the middle of an audit."""
    problems: list[CheckMessage] = []
    try:
        names = credential_names()
    except CredentialError as error:
        return [Error(str(error), hint="Correct ASSAY_ENDPOINT_CREDENTIALS, or unset it.", id="assay.E011")]
    for name in names:
        try:
            credential = read_credential(name)
            credential.context()
        except CredentialError as error:
            hint = "Correct the file; docs/settings.md shows its form."
            problems.append(Error(str(error), hint=hint, id="assay.E011"))
            continue
        problems += [
            Warning(f"Everybody on this host can read {path}.", hint=f"chmod 600 {path}", id="assay.W003")
            for path in exposed_files(credential)
        ]
    return problems


def _nearest_existing(path: str) -> str:
    while path and not os.path.exists(path):  # noqa: PTH110
        path = os.path.dirname(path)  # noqa: PTH120
    return path or "/"
