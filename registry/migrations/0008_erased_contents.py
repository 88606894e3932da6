"""Content and texts of a person can be erased, and nothing else of a record changes."""

from __future__ import annotations

from django.db import migrations, models

from registry.immutability import protect, protect_but_erasable


class Migration(migrations.Migration):

    dependencies = [
        ('registry', '0007_risk_acceptances'),
    ]

    operations = [
        migrations.CreateModel(
            name='ErasedBlob',
            fields=[
                ('digest', models.CharField(max_length=71, primary_key=True, serialize=False)),
                ('erased_at', models.DateTimeField()),
            ],
            options={
                'verbose_name': 'erased content',
                'verbose_name_plural': 'erased contents',
            },
        ),
        protect("registry_erasedblob"),
        protect_but_erasable("registry_datasetcard", "reason"),
        protect_but_erasable("registry_datasetwithdrawal", "reason"),
        protect_but_erasable("registry_riskacceptance", "justification", "measures", "printed_name"),
    ]
