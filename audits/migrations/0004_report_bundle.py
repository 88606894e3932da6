"""Reports keep the digest of their evidence bundle; SQLite rebuilds the table for it, so it is protected anew."""

from __future__ import annotations

from django.db import migrations, models

from registry.immutability import protect


class Migration(migrations.Migration):
    dependencies = [("audits", "0003_append_only")]

    operations = [
        migrations.AddField(
            model_name="report",
            name="bundle_digest",
            field=models.CharField(
                blank=True,
                default="",
                help_text="The zip with every form of the report; empty for old ones.",
                max_length=71,
            ),
        ),
        protect("audits_report"),
    ]
