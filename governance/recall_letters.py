"""The letter to the owner of models that were made with withdrawn data. It names versions and carries no evidence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage
from django.urls import reverse

from registry import recalls, work
from registry.models import DatasetWithdrawal, Person

REMEDY = (
    "Register a version that was trained without this data, or have the data protection officer answer for the risk "
    "that remains, signed and for a limited time."
)
#: Versions named in a letter; the page has all of them.
NAMED = 20


class RecallLetterPerformer:
    """Sends one letter. Somebody may get it twice after a crash, but nobody not at all."""

    def perform(self, payload: Mapping[str, Any]) -> work.Effect:
        """Send it now; nobody is written to without an address."""
        withdrawal = DatasetWithdrawal.objects.select_related("dataset_version__dataset").get(pk=payload["withdrawal"])
        owner = Person.objects.get(pk=payload["person"])
        if owner.email and owner.is_active:
            letter(withdrawal, owner).send()
        return lambda: None

    def gave_up(self, payload: Mapping[str, Any], error: str) -> work.Effect:  # noqa: ARG002  (the protocol's signature)
        """A letter that cannot be sent changes nothing; the work item keeps the error for the operator."""
        return lambda: None


def letter(withdrawal: DatasetWithdrawal, owner: Person) -> EmailMessage:
    """What happened, which versions of theirs are affected, where they are in use, and where to go on."""
    dataset = withdrawal.dataset_version
    versions = [str(one) for one in recalls.affected_versions(dataset).filter(model__owner=owner)[: NAMED + 1]]
    deployments = recalls.affected_deployments(dataset).filter(model__owner=owner)
    in_use = [f"{row.version} in {row.stage}" for row in deployments[: NAMED + 1]]
    page = reverse("dataset-withdraw", args=[dataset.dataset.slug, dataset.number])
    body = [
        f"{dataset} was withdrawn: {withdrawal.get_kind_display()}. Every gate of the versions made with it is closed.",
        f"Affected versions of yours: {_listed(versions)}.",
        f"In use now: {_listed(in_use) or 'none of them'}.",
        REMEDY,
        f"{settings.ASSAY_BASE_URL}{page}",
    ]
    return EmailMessage(subject=f"{dataset} was withdrawn", body="\n\n".join(body) + "\n", to=[owner.email])


def _listed(names: list[str]) -> str:
    told = ", ".join(names[:NAMED])
    return f"{told} and more" if len(names) > NAMED else told
