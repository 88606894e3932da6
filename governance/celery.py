"""The Celery application. `registry.work` says what is done; this only wakes workers."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from celery import Celery
from celery.signals import task_postrun, worker_init, worker_ready

from governance.service.message_files import use_whole_messages

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "governance.settings")

use_whole_messages()
app = Celery("assay")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["registry", "governance"])


def prepare_broker() -> None:
    """Make the folders of the embedded broker. Harmless for the others."""
    options: dict[str, Any] = app.conf.broker_transport_options or {}
    for name in ("data_folder_in", "data_folder_out", "control_folder"):
        if name in options:
            Path(options[name]).mkdir(parents=True, exist_ok=True)


@worker_init.connect
def _refuse_misconfiguration(**_signal: Any) -> None:
    # Only now are the apps loaded; at import time of this module they are not.
    from governance.service.startup import refuse_misconfiguration  # noqa: PLC0415

    refuse_misconfiguration()


@worker_ready.connect
def _sweep_at_start(**_signal: Any) -> None:
    """What was due while no worker ran is done now, not at the next beat."""
    from governance.service.startup import tell_of_start  # noqa: PLC0415  (the apps are loaded only now)

    tell_of_start()
    app.send_task("registry.tasks.sweep")


@task_postrun.connect
def _tell_refusals(**_signal: Any) -> None:
    """What a task was refused without a verb is told when its transaction has ended."""
    from registry.refused import write_waiting  # noqa: PLC0415  (the apps are loaded only now)

    write_waiting()
