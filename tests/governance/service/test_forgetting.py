from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from governance.models import FailedCredential, IdempotencyKey
from governance.service.forgetting import forget
from governance.settings import CELERY_BEAT_SCHEDULE
from governance.tasks import forget as task
from registry.models import Person


def test_what_has_served_its_purpose_goes_and_the_rest_stays(maya: Person) -> None:
    now = timezone.now()
    for key, hours in (("old", settings.ASSAY_IDEMPOTENCY_HOURS + 1), ("young", settings.ASSAY_IDEMPOTENCY_HOURS - 1)):
        row = IdempotencyKey.objects.create(person=maya, key=key, request_digest="x", status=201, body={})
        IdempotencyKey.objects.filter(pk=row.pk).update(created_at=now - timedelta(hours=hours))
    for minutes in (1, 16):
        FailedCredential.objects.create(person=maya, at=now - timedelta(minutes=minutes))

    assert forget() == 2
    assert [row.key for row in IdempotencyKey.objects.all()] == ["young"]
    assert FailedCredential.objects.count() == 1
    assert forget() == 0


def test_the_clock_does_it_every_hour() -> None:
    assert CELERY_BEAT_SCHEDULE["forget"] == {"task": task.name, "schedule": 3600.0}
