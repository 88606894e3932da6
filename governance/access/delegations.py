"""The verbs on delegations: who is away names somebody to review in their role, for a limited time."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone

from governance.access.roles import roles_anywhere, roles_of
from governance.errors import NotDelegableError, WrongStateError
from governance.models import Delegation, DelegationEnd
from governance.policies import REVIEWING_ROLES
from governance.refusals import recorded
from governance.signatures.credentials import prove
from registry import ledger
from registry.authority import require
from registry.errors import InvalidInputError
from registry.events import Event
from registry.models import Person, RegisteredModel

REVIEW = "registry.review_promotion"


@recorded("delegate")
def delegate_role(
    *,
    actor: Person,
    delegate: Person,
    role: str,
    ends_at: datetime,
    reason: str,
    starts_at: datetime | None = None,
    model: RegisteredModel | None = None,
    password: str = "",
    otp: str = "",
) -> Delegation:
    """Let `delegate` review in the actor's `role` until `ends_at`, on one model or on all.

    Only a role that the actor holds by themselves; what was delegated to them goes no further. Raises
    WrongCredentialError, NotDelegableError, or InvalidInputError naming the field.
    """
    method = prove(actor, password=password, otp=otp)
    held = roles_of(actor, REVIEW, model) if model else roles_anywhere(actor, REVIEW)
    if role not in held or role not in REVIEWING_ROLES:
        raise NotDelegableError(f"You do not review as {role} yourself, so you cannot pass it on.", field="role")
    _require_another(actor, delegate)
    if not reason.strip():
        raise InvalidInputError("Say why; whoever looks for a reviewer will read it.", field="reason")
    now = timezone.now()
    starts_at = max(starts_at or now, now)
    _require_span(starts_at, ends_at)
    delegation = Delegation(
        delegator=actor,
        delegate=delegate,
        role=role,
        model=model,
        reason=reason,
        starts_at=starts_at,
        ends_at=ends_at,
        created_at=now,
    )
    delegation.save()
    _tell_given(delegation, method)
    return delegation


@recorded("delegation")
def end_delegation(*, actor: Person, delegation: Delegation) -> DelegationEnd:
    """The delegator is back, or the delegate gives it up; whoever manages people may end it too.

    What the delegate reviewed until then stands. Raises PermissionRefusedError, or WrongStateError when it is over.
    """
    delegation = Delegation.objects.select_for_update().get(pk=delegation.pk)
    if actor.pk not in (delegation.delegator_id, delegation.delegate_id):
        require(actor, "registry.change_person")
    now = timezone.now()
    if delegation.ends_at <= now or hasattr(delegation, "ending"):
        raise WrongStateError("This delegation is over already.")
    ending = DelegationEnd(delegation=delegation, ended_by=actor, ended_at=now)
    ending.save()
    ledger.append(Event.DELEGATION_ENDED, subject=f"delegation:{delegation.pk}", actor=actor)
    return ending


def _require_another(actor: Person, delegate: Person) -> None:
    if delegate.pk == actor.pk or delegate.is_service or not delegate.is_active:
        raise NotDelegableError("Name another human being with an active account.", field="delegate")


def _require_span(starts_at: datetime, ends_at: datetime) -> None:
    longest = timedelta(days=settings.ASSAY_DELEGATION_DAYS)
    if not starts_at < ends_at <= starts_at + longest:
        raise InvalidInputError(
            f"A delegation ends after it starts, within {settings.ASSAY_DELEGATION_DAYS} days.", field="ends_at"
        )


def _tell_given(delegation: Delegation, method: str) -> None:
    ledger.append(
        Event.DELEGATION_GIVEN,
        subject=f"delegation:{delegation.pk}",
        actor=delegation.delegator,
        facts={
            "delegate": delegation.delegate.pseudonym,
            "role": delegation.role,
            "model": delegation.model.slug if delegation.model else None,
            "starts_at": ledger.utc_text(delegation.starts_at),
            "ends_at": ledger.utc_text(delegation.ends_at),
            "method": method,
            "reason": ledger.commit_text(delegation.reason),
        },
    )
