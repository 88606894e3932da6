"""What was decided and said refuses UPDATE and DELETE in the database too."""

from __future__ import annotations

from django.db import migrations

from registry.immutability import protect


class Migration(migrations.Migration):
    dependencies = [("governance", "0002_initial"), ("registry", "0002_append_only")]

    operations = [
        protect(
            "governance_policyversion",
            "governance_policystatuschange",
            "governance_review",
            "governance_waiver",
            "governance_waiverdecision",
            "governance_gatedecision",
        ),
    ]
