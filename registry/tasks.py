"""The Celery side of `registry.work`: three tasks, the same on every broker."""

from __future__ import annotations

from celery import shared_task

from registry import ledger, work


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
    """Sign the ledger's head, so that whoever keeps checkpoints elsewhere has a fresh one."""
    ledger.publish_checkpoint()


def send(item_id: int) -> None:
    """Wake a worker for one item."""
    perform.delay(item_id)


work.wakes(send)
