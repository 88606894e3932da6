from __future__ import annotations

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from registry.immutability import protect_but_removable


class Migration(migrations.Migration):

    dependencies = [
        ('registry', '0011_incident_permissions'),
    ]

    operations = [
        migrations.CreateModel(
            name='FingerprintBatch',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key_id', models.CharField(db_index=True, help_text="The holder's name of a key that stays there.", max_length=80)),
                ('count', models.PositiveIntegerField(help_text='How many were new.')),
                ('salt', models.BinaryField(max_length=32)),
                ('received_at', models.DateTimeField()),
                ('removed_at', models.DateTimeField(null=True)),
                ('dataset_version', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='fingerprint_batches', to='registry.datasetversion')),
                ('received_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'fingerprint batch',
                'verbose_name_plural': 'fingerprint batches',
                'ordering': ('pk',),
            },
        ),
        migrations.CreateModel(
            name='RecordFingerprint',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('value', models.BinaryField(max_length=32)),
                ('batch', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='fingerprints', to='registry.fingerprintbatch')),
            ],
            options={
                'verbose_name': 'record fingerprint',
                'constraints': [models.UniqueConstraint(fields=('value', 'batch'), name='fingerprint_once')],
            },
        ),
        protect_but_removable("registry_recordfingerprint"),
    ]
