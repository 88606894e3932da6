"""The Celery side of `registry.work`: three tasks, the same on every broker."""

from __future__ import annotations

from celery import shared_task
from django.db import transaction
from django.utils import timezone

from registry import key_history, ledger, mlflow_import, sinks, work


@shared_task(name="registry.tasks.perform")
def perform(item_id: int) -> None:
    """Do one work item, if nobody else does."""
    work.perform(item_id)


@shared_task(name="registry.tasks.sweep")
def sweep() -> None:
    """Wake workers for whatever was lost on the way."""
    work.sweep()


@shared_task(name="registry.tasks.publish_checkpoint")
def publish_checkpoint() -> None:
    """Sign the ledger's head and have it brought to whoever keeps checkpoints elsewhere."""
    key_history.record_keys()
    checkpoint = ledger.publish_checkpoint()
    with transaction.atomic():
        sinks.ask(f"hour:{timezone.now():%Y-%m-%dT%H}:{checkpoint.size}")


@shared_task(name="registry.tasks.pull_mlflow")
def pull_mlflow() -> None:
    """See what is new on the MLflow servers of ASSAY_MLFLOW_URLS; nothing without that setting."""
    mlflow_import.pull_all()


def send(item_id: int) -> None:
    """Wake a worker for one item."""
    perform.delay(item_id)


work.wakes(send)
