from __future__ import annotations

from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('registry', '0010_mlflow_models'),
    ]

    operations = [
        migrations.AlterModelOptions(
            name='registeredmodel',
            options={'ordering': ('slug',), 'permissions': (('register_version', 'Can register versions of this model'), ('request_promotion', 'Can request a promotion of this model'), ('review_promotion', 'Can review promotions of this model'), ('complete_promotion', 'Can put an approved version of this model into its stage'), ('request_waiver', 'Can ask for a waiver on this model'), ('decide_waiver', 'Can grant or refuse a waiver on this model'), ('break_glass', 'Can open a closed gate of this model in an emergency'), ('report_incident', 'Can report an incident of a version of this model'), ('close_incident', 'Can close an incident of a version of this model'), ('retire_version', 'Can take versions of this model out of use'), ('accept_risk', 'Can accept the residual risk of withdrawn data behind this model'), ('read_gate', 'Can ask the gates of this model'), ('read_report', 'Can read the reports of this model')), 'verbose_name': 'registered model'},
        ),
    ]
