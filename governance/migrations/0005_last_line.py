"""The records of the workflow refuse change, and its rules hold in the database too."""

from __future__ import annotations

from django.db import migrations

from governance.last_line import install
from registry.immutability import protect

MOVES = {
    "auditing": ("blocked", "in_review", "withdrawn"),
    "blocked": ("auditing", "in_review", "approved", "completed", "rejected", "withdrawn", "expired"),
    "in_review": ("auditing", "blocked", "approved", "completed", "rejected", "withdrawn", "expired"),
    "approved": ("auditing", "completed", "withdrawn"),
    "completed": (),
    "rejected": (),
    "withdrawn": (),
    "expired": (),
}


class Migration(migrations.Migration):
    dependencies = [("governance", "0004_promotion_workflow"), ("registry", "0003_stage_places")]

    operations = [
        protect(
            "governance_review",
            "governance_waiverdecision",
            "governance_promotionround",
            "governance_condition",
            "governance_conditionmet",
            "governance_delegation",
            "governance_delegationend",
            "governance_breakglass",
            "governance_breakglassreview",
            "governance_decommission",
        ),
        install(MOVES),
    ]
