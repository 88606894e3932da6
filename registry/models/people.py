from __future__ import annotations

import uuid

from django.contrib.auth.models import AbstractUser
from django.db import models


def new_pseudonym() -> str:
    """A random actor id. It never derives from the name, so that erasing the person leaves nothing to guess."""
    return f"p-{uuid.uuid4().hex}"


class Person(AbstractUser):
    """Somebody who can sign in: a human reviewer, or a service account of a pipeline.

    The ledger knows people only by `pseudonym`; the link to a name lies here and can be erased.
    """

    pseudonym = models.CharField(max_length=34, unique=True, default=new_pseudonym, editable=False)
    is_service = models.BooleanField(
        "service account",
        default=False,
        help_text="A pipeline, not a human being: it may register, request and ask the gate, and never reviews.",
    )

    class Meta(AbstractUser.Meta):
        verbose_name = "person"
        verbose_name_plural = "people"

    @property
    def printed_name(self) -> str:
        """The name as it stands beside a signature."""
        return self.get_full_name() or self.get_username()
