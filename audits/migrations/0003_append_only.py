"""Observations, findings and reports refuse UPDATE and DELETE in the database too."""

from __future__ import annotations

from django.db import migrations

from registry.immutability import protect


class Migration(migrations.Migration):
    dependencies = [("audits", "0002_initial"), ("registry", "0002_append_only")]

    operations = [protect("audits_observation", "audits_finding", "audits_report")]
