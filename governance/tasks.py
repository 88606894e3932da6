"""The Celery side of what happens by the clock."""

from __future__ import annotations

from celery import shared_task

from governance import deadlines


@shared_task(name="governance.tasks.watch_deadlines")  # type: ignore[untyped-decorator]
def watch_deadlines() -> None:
    """Remind, escalate, expire."""
    deadlines.watch()
