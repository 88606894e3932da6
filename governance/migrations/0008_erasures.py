"""A person can be erased: texts of records may become `[erased]`, and nothing else of them changes."""

from __future__ import annotations

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from governance.last_line import install
from registry.immutability import protect, protect_but_erasable


#: As they were when this was written.
ERASABLE = {
    "governance_attestation": ("answer", "printed_name"),
    "governance_breakglass": ("justification", "printed_name"),
    "governance_breakglassreview": ("reason", "printed_name"),
    "governance_classification": ("reasons", "printed_name"),
    "governance_condition": ("text",),
    "governance_conditionmet": ("evidence",),
    "governance_decommission": ("reason", "printed_name"),
    "governance_delegation": ("reason",),
    "governance_erasurerequest": ("ground",),
    "governance_policystatuschange": ("reason",),
    "governance_promotionround": ("reason",),
    "governance_review": ("printed_name", "reason"),
    "governance_waiver": ("justification", "compensating_control"),
    "governance_waiverdecision": ("printed_name", "reason"),
}
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

    dependencies = [
        ('governance', '0007_decision_receipts'),
        ('registry', '0008_erased_contents'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='ErasureRequest',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('ground', models.TextField(help_text='Why, and why no duty to keep stands against it.')),
                ('method', models.CharField(max_length=20)),
                ('requested_at', models.DateTimeField()),
                ('person', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='erasure_requests', to=settings.AUTH_USER_MODEL)),
                ('requested_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'erasure request',
                'ordering': ('-requested_at',),
            },
        ),
        migrations.CreateModel(
            name='Erasure',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('method', models.CharField(max_length=20)),
                ('erased_at', models.DateTimeField()),
                ('rows', models.PositiveIntegerField(help_text='Records in which a text was erased.')),
                ('reports', models.JSONField(default=list, help_text='Numbers of the reports whose files were erased.')),
                ('confirmed_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('request', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='erasure', to='governance.erasurerequest')),
            ],
            options={
                'ordering': ('-erased_at',),
                'permissions': (('erase_person', "Can ask for and confirm the erasure of a person's data"),),
            },
        ),
        protect("governance_erasure"),
        *(protect_but_erasable(table, *texts) for table, texts in ERASABLE.items()),
        install(MOVES),
    ]
