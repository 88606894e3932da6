"""Decides; and the project package. Loads the Celery application so that `shared_task` finds it."""

from governance.celery import app as celery_app

__all__ = ["celery_app"]
