"""Incidents of versions, and their ends; append-only but for texts that erase a person."""

from __future__ import annotations

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from registry.immutability import protect_but_erasable


class Migration(migrations.Migration):

    dependencies = [
        ('governance', '0010_security_keys'),
        ('registry', '0011_incident_permissions'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Incident',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('title', models.CharField(max_length=200)),
                ('description', models.TextField(help_text='What happened, to whom, and what was done at once.')),
                ('serious', models.BooleanField(help_text='A serious incident in the sense of Article 3(49) of the AI Act.')),
                ('reported_at', models.DateTimeField()),
                ('reported_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('version', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='incidents', to='registry.modelversion')),
            ],
            options={
                'ordering': ('-pk',),
            },
        ),
        migrations.CreateModel(
            name='IncidentEnd',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('reason', models.TextField(help_text='What was found, and what keeps it from happening again.')),
                ('printed_name', models.CharField(max_length=200)),
                ('method', models.CharField(max_length=20)),
                ('closed_at', models.DateTimeField()),
                ('closed_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('incident', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='end', to='governance.incident')),
            ],
            options={
                'verbose_name': 'end of an incident',
                'verbose_name_plural': 'ends of incidents',
            },
        ),
        protect_but_erasable("governance_incident", "title", "description"),
        protect_but_erasable("governance_incidentend", "reason", "printed_name"),
    ]
