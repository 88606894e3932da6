"""What is kept for a while only, and is no record: answers to repeated requests, and wrong credentials."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from governance.models import FailedCredential, IdempotencyKey
from governance.signatures.credentials import FAILURE_WINDOW


def forget() -> int:
    """Delete what has served its purpose; how many rows. Safe to repeat, and to run beside requests."""
    now = timezone.now()
    keys = IdempotencyKey.objects.filter(created_at__lt=now - timedelta(hours=settings.ASSAY_IDEMPOTENCY_HOURS))
    failures = FailedCredential.objects.filter(at__lt=now - FAILURE_WINDOW)
    return keys.delete()[0] + failures.delete()[0]
