"""Who answers for a version although data behind it was withdrawn, and until when."""

from __future__ import annotations

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from registry.immutability import protect


class Migration(migrations.Migration):

    dependencies = [
        ("registry", "0006_lineage_graph"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name='registeredmodel',
            options={'ordering': ('slug',), 'permissions': (('register_version', 'Can register versions of this model'), ('request_promotion', 'Can request a promotion of this model'), ('review_promotion', 'Can review promotions of this model'), ('complete_promotion', 'Can put an approved version of this model into its stage'), ('request_waiver', 'Can ask for a waiver on this model'), ('decide_waiver', 'Can grant or refuse a waiver on this model'), ('break_glass', 'Can open a closed gate of this model in an emergency'), ('retire_version', 'Can take versions of this model out of use'), ('accept_risk', 'Can accept the residual risk of withdrawn data behind this model'), ('read_gate', 'Can ask the gates of this model'), ('read_report', 'Can read the reports of this model')), 'verbose_name': 'registered model'},
        ),
        migrations.CreateModel(
            name='RiskAcceptance',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('justification', models.TextField(help_text='Why the remaining risk to people is acceptable.')),
                ('measures', models.TextField(help_text='What protects people meanwhile.')),
                ('expires_at', models.DateTimeField()),
                ('role', models.CharField(max_length=40)),
                ('printed_name', models.CharField(max_length=200)),
                ('method', models.CharField(max_length=20)),
                ('signed_at', models.DateTimeField()),
                ('signed_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('version', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='risk_acceptances', to='registry.modelversion')),
                ('withdrawal', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='acceptances', to='registry.datasetwithdrawal')),
            ],
            options={
                'verbose_name': 'risk acceptance',
                'ordering': ('-pk',),
            },
        ),
        protect("registry_riskacceptance"),
    ]
