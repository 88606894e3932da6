"""Classifications, who owes an answer, and signed answers; all append-only."""

from __future__ import annotations

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from registry.immutability import protect


class Migration(migrations.Migration):
    dependencies = [
        ("governance", "0005_last_line"),
        ("registry", "0003_stage_places"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Attestation",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("control_id", models.CharField(max_length=60)),
                ("question", models.TextField(help_text="The duty as it was put to the person.")),
                ("answer", models.TextField()),
                ("evidence_digest", models.CharField(blank=True, max_length=71)),
                ("printed_name", models.CharField(max_length=200)),
                ("method", models.CharField(max_length=20)),
                ("signed_at", models.DateTimeField()),
                ("expires_on", models.DateField()),
                (
                    "model",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="attestations",
                        to="registry.registeredmodel",
                    ),
                ),
                (
                    "signed_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "ordering": ("-pk",),
                "permissions": (("attest_control", "Can answer for controls of a model"),),
            },
        ),
        migrations.CreateModel(
            name="Classification",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("answers", models.JSONField(help_text="Every question with its answer.")),
                ("reasons", models.TextField(help_text="Why the answers are what they are.")),
                (
                    "outcome",
                    models.CharField(
                        choices=[
                            ("prohibited", "prohibited"),
                            ("high", "high"),
                            ("limited", "limited"),
                            ("minimal", "minimal"),
                        ],
                        max_length=10,
                    ),
                ),
                (
                    "document",
                    models.JSONField(help_text="The steps that led to the outcome, and the controls that follow."),
                ),
                ("as_of", models.DateField()),
                ("printed_name", models.CharField(max_length=200)),
                ("method", models.CharField(max_length=20)),
                ("signed_at", models.DateTimeField()),
                (
                    "model",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="classifications",
                        to="registry.registeredmodel",
                    ),
                ),
                (
                    "signed_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "ordering": ("-pk",),
                "permissions": (("classify_model", "Can classify models as legal reviewer"),),
            },
        ),
        migrations.CreateModel(
            name="ControlAssignment",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("control_id", models.CharField(max_length=60)),
                ("due", models.DateField()),
                ("assigned_at", models.DateTimeField()),
                (
                    "assigned_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "model",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="control_assignments",
                        to="registry.registeredmodel",
                    ),
                ),
                (
                    "owner",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="controls_owed",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "control assignment",
                "ordering": ("-pk",),
            },
        ),
        protect("governance_classification", "governance_controlassignment", "governance_attestation"),
    ]
