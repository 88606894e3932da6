"""The Celery side of what happens by the clock."""

from __future__ import annotations

from celery import shared_task

from governance import deadlines
from governance.service import forgetting


@shared_task(name="governance.tasks.watch_deadlines")  # type: ignore[untyped-decorator]
def watch_deadlines() -> None:
    """Remind, escalate, expire."""
    deadlines.watch()


@shared_task(name="governance.tasks.forget")  # type: ignore[untyped-decorator]
def forget() -> None:
    """Delete answers to repeated requests and wrong credentials that have served their purpose."""
    forgetting.forget()
