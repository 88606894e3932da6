"""Cards of dataset versions, and why a version was withdrawn."""

from __future__ import annotations

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from registry.immutability import protect


class Migration(migrations.Migration):

    dependencies = [
        ('registry', '0003_stage_places'),
    ]

    operations = [
        migrations.CreateModel(
            name='DatasetCard',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('revision', models.PositiveIntegerField()),
                ('document', models.JSONField(help_text='The card, as registry.cards writes it.')),
                ('digest', models.CharField(db_index=True, max_length=71)),
                ('reason', models.TextField(help_text='What changed, and how the writer knows.')),
                ('written_at', models.DateTimeField()),
            ],
            options={
                'verbose_name': 'dataset card',
                'ordering': ('dataset_version', 'revision'),
            },
        ),
        migrations.AddField(
            model_name='datasetwithdrawal',
            name='kind',
            field=models.CharField(choices=[('consent', 'consent was withdrawn'), ('licence', 'the licence or agreement ended'), ('defect', 'the data is wrong'), ('erasure', 'erasure was asked for (GDPR Art. 17)'), ('other', 'another reason')], default='other', max_length=10),
        ),
        migrations.AddConstraint(
            model_name='datasetwithdrawal',
            constraint=models.CheckConstraint(condition=models.Q(('kind__in', ('consent', 'licence', 'defect', 'erasure', 'other'))), name='withdrawal_kind_known'),
        ),
        migrations.AddField(
            model_name='datasetcard',
            name='dataset_version',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='cards', to='registry.datasetversion'),
        ),
        migrations.AddField(
            model_name='datasetcard',
            name='owner',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='dataset_cards', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='datasetcard',
            name='written_by',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddConstraint(
            model_name='datasetcard',
            constraint=models.UniqueConstraint(fields=('dataset_version', 'revision'), name='card_revision_once'),
        ),
        protect("registry_datasetcard", "registry_datasetwithdrawal"),
    ]
