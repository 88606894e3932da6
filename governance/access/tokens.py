"""Bearer tokens of the API: shown once, kept as a digest, scoped, expiring."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from governance.models import AccessToken
from governance.refusals import recorded
from registry import ledger
from registry.authority import require
from registry.canonical import digest
from registry.errors import InvalidInputError
from registry.events import Event
from registry.models import Person, RegisteredModel

PREFIX = "assay_"


class Scope(StrEnum):
    """What a token may be used for. A scope never gives more than the person behind the token may do."""

    REGISTRY_WRITE = "registry:write"
    PROMOTION_REQUEST = "promotion:request"
    REVIEW_WRITE = "review:write"
    GATE_READ = "gate:read"
    REPORT_READ = "report:read"
    LINEAGE_WRITE = "lineage:write"
    POLICY_WRITE = "policy:write"
    MONITOR_WRITE = "monitor:write"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """The one moment in which the secret exists outside the caller's hands."""

    token: AccessToken
    secret: str


@recorded("owner")
def issue_token(
    *,
    actor: Person,
    owner: Person,
    label: str,
    scopes: Sequence[str],
    models: Sequence[RegisteredModel] = (),
    expires_at: datetime | None = None,
) -> IssuedToken:
    """Make a token for `owner`. Raises PermissionRefusedError, or InvalidInputError for a scope or an expiry.

    People may make tokens for themselves; one for somebody else (a pipeline) needs `governance.add_accesstoken`.
    """
    if actor.pk != owner.pk:
        require(actor, "governance.add_accesstoken")
    unknown = [scope for scope in scopes if scope not in set(Scope)]
    if unknown or not scopes:
        raise InvalidInputError(f"scopes are one or more of {', '.join(Scope)}.", field="scopes")
    if not label.strip():
        raise InvalidInputError("Say what the token is for.", field="label")
    now = timezone.now()
    latest = now + timedelta(days=settings.ASSAY_TOKEN_DAYS)
    expires_at = expires_at or latest
    if not now < expires_at <= latest:
        raise InvalidInputError(f"A token lives {settings.ASSAY_TOKEN_DAYS} days at most.", field="expires_at")
    secret = PREFIX + secrets.token_urlsafe(32)
    token = AccessToken.objects.create(
        digest=digest(secret.encode()),
        prefix=secret[:12],
        person=owner,
        label=label,
        scopes=sorted(set(scopes)),
        expires_at=expires_at,
        tied=bool(models),
    )
    token.registered_models.set(models)
    ledger.append(
        Event.TOKEN_ISSUED,
        subject=f"token:{token.pk}",
        actor=actor,
        facts={
            "owner": owner.pseudonym,
            "scopes": token.scopes,
            "models": sorted(model.slug for model in models),
            "expires_at": ledger.utc_text(expires_at),
        },
    )
    return IssuedToken(token, secret)


@recorded("token")
def revoke_token(*, actor: Person, token: AccessToken) -> None:
    """End a token now. Its owner may, and whoever holds `governance.change_accesstoken`."""
    if actor.pk != token.person_id:
        require(actor, "governance.change_accesstoken")
    token.revoked_at = timezone.now()
    token.save(update_fields=["revoked_at"])
    ledger.append(Event.TOKEN_REVOKED, subject=f"token:{token.pk}", actor=actor)


def find_token(secret: str) -> AccessToken | None:
    """The live token of `secret`: not revoked, not expired, its person active. None otherwise."""
    if not secret.startswith(PREFIX):
        return None
    return (
        AccessToken.objects.select_related("person")
        .filter(
            Q(revoked_at=None),
            digest=digest(secret.encode()),
            expires_at__gt=timezone.now(),
            person__is_active=True,
        )
        .first()
    )
