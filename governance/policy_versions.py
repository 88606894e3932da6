"""The verbs on policy versions: draft, activate by somebody else, recall. And which one is in force for a model."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from django.db.models import Max
from django.utils import timezone

from audits.checks.base import parse_parameters
from audits.frameworks.catalogue import Catalogue
from audits.runs import known_checks
from governance.errors import ProhibitedUseError, SeparationOfDutiesError, WrongStateError
from governance.models import Classification, Policy, PolicyStatusChange, PolicyVersion
from governance.policies import Vocabulary, parse_policy, select_policy
from governance.refusals import recorded
from governance.signatures.credentials import prove
from registry import ledger
from registry.authority import require
from registry.errors import DuplicateError, InvalidInputError
from registry.events import Event
from registry.models import Person, RegisteredModel

LIBRARY = Path(__file__).parent / "policy_library"
Status = PolicyStatusChange.Status


@lru_cache(maxsize=1)
def vocabulary() -> Vocabulary:
    """The checks, metrics and controls that a policy of this installation may name."""
    checks = known_checks()
    return Vocabulary(
        checks={name: tuple(check.metrics) for name, check in checks.items()},
        controls=frozenset(control.id for control in Catalogue.load().all()),
        validate_parameters=lambda name, parameters: parse_parameters(checks[name], parameters),
    )


def policy_in_force(model: RegisteredModel) -> PolicyVersion:
    """The one active policy version that selects `model`. Raises NoPolicyError for none or more than one.

    Raises ProhibitedUseError when the newest classification says that no policy may let the model through.
    """
    classified = Classification.objects.filter(model=model).first()
    if classified is not None and classified.outcome == "prohibited":
        raise ProhibitedUseError(f"{model.slug} is classified as a prohibited practice.", field="model")
    active = {version.policy.slug: version for version in PolicyVersion.objects.active().select_related("policy")}
    chosen = select_policy(
        [version.rules for version in active.values()],
        risk_class=model.risk_class,
        tags=model.tags,
        model=model.slug,
    )
    return active[chosen.slug]


@recorded("policy")
def draft_policy(*, actor: Person, source: str, policy: Policy | None = None) -> PolicyVersion:
    """Add the next version of the policy that `source` (YAML) names, as a draft.

    Raises PermissionRefusedError, PolicyError with line and field, InvalidInputError when the text is of another policy
    than `policy`, or DuplicateError when this very text is a version already.
    """
    require(actor, "governance.draft_policy")
    rules = parse_policy(source, vocabulary=vocabulary())
    if policy is not None and rules.slug != policy.slug:
        raise InvalidInputError(f"The text is of policy {rules.slug}, not {policy.slug}.", field="slug")
    named = Policy.objects.get_or_create(slug=rules.slug, defaults={"title": rules.title})[0]
    named = Policy.objects.select_for_update().get(pk=named.pk)
    if named.versions.filter(digest=rules.digest).exists():
        raise DuplicateError(f"This text is a version of {rules.slug} already.", field="source")
    version = PolicyVersion(
        policy=named,
        number=(named.versions.aggregate(newest=Max("number"))["newest"] or 0) + 1,
        source=source,
        document=rules.to_document(),
        digest=rules.digest,
        author=actor,
        created_at=timezone.now(),
    )
    version.save()
    ledger.append(Event.POLICY_DRAFTED, subject=f"policy:{version}", actor=actor, facts={"digest": version.digest})
    return version


@recorded("policy_version")
def activate_policy(
    *, actor: Person, policy_version: PolicyVersion, password: str = "", otp: str = "", reason: str = ""
) -> PolicyVersion:
    """Put a draft into force; the version in force before is retired. Requests that are open keep what they pinned.

    Raises PermissionRefusedError, WrongCredentialError, SeparationOfDutiesError for its author, WrongStateError for
    anything but a draft.
    """
    Policy.objects.select_for_update().get(pk=policy_version.policy_id)
    require(actor, "governance.activate_policy")
    method = prove(actor, password=password, otp=otp)
    if actor.pk == policy_version.author_id:
        raise SeparationOfDutiesError("You wrote this version, so somebody else must put it into force.")
    if policy_version.current_status != Status.DRAFT:
        raise WrongStateError(f"{policy_version} is {policy_version.current_status}, not a draft.")
    for former in PolicyVersion.objects.active().filter(policy=policy_version.policy_id):
        _change(former, Status.RETIRED, actor, f"replaced by {policy_version}", Event.POLICY_RETIRED, method)
    _change(policy_version, Status.ACTIVE, actor, reason, Event.POLICY_ACTIVATED, method)
    return policy_version


@recorded("policy_version")
def recall_policy(
    *, actor: Person, policy_version: PolicyVersion, reason: str, password: str = "", otp: str = ""
) -> PolicyVersion:
    """Declare that a version should not have been in force: the gates of all it let through close with this commit."""
    Policy.objects.select_for_update().get(pk=policy_version.policy_id)
    require(actor, "governance.activate_policy")
    method = prove(actor, password=password, otp=otp)
    if not reason.strip():
        raise InvalidInputError("Say why the policy is recalled.", field="reason")
    if policy_version.current_status not in (Status.ACTIVE, Status.RETIRED):
        raise WrongStateError(
            f"{policy_version} is {policy_version.current_status}; only what was in force is recalled."
        )
    _change(policy_version, Status.RECALLED, actor, reason, Event.POLICY_RECALLED, method)
    return policy_version


def _change(version: PolicyVersion, status: str, actor: Person, reason: str, event: Event, method: str) -> None:
    PolicyStatusChange(
        policy_version=version, status=status, changed_by=actor, reason=reason, changed_at=timezone.now()
    ).save()
    ledger.append(
        event,
        subject=f"policy:{version}",
        actor=actor,
        facts={"digest": version.digest, "method": method, "reason": ledger.commit_text(reason) if reason else None},
    )
