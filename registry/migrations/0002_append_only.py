"""The records refuse UPDATE and DELETE in the database too; the ledger gets its one head."""

from __future__ import annotations

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from registry.immutability import protect


def make_head(apps: Apps, _editor: BaseDatabaseSchemaEditor) -> None:
    apps.get_model("registry", "LedgerHead").objects.get_or_create(id=1)


class Migration(migrations.Migration):
    dependencies = [("registry", "0001_initial")]

    operations = [
        migrations.RunPython(make_head, migrations.RunPython.noop),
        protect(
            "registry_blob",
            "registry_checkpoint",
            "registry_ledgerentry",
            "registry_ledgernode",
            "registry_modelversion",
            "registry_versioninput",
            "registry_datasetversion",
            "registry_datasetderivation",
            "registry_datasetwithdrawal",
            "registry_stageassignment",
        ),
    ]
