"""A place for each version of a stage that is not exclusive, and the ledger entry behind each assignment."""

from __future__ import annotations

from django.db import migrations, models

from registry.immutability import protect


class Migration(migrations.Migration):
    dependencies = [("registry", "0002_append_only")]

    operations = [
        migrations.AlterModelOptions(
            name='registeredmodel',
            options={'ordering': ('slug',), 'permissions': (('register_version', 'Can register versions of this model'), ('request_promotion', 'Can request a promotion of this model'), ('review_promotion', 'Can review promotions of this model'), ('complete_promotion', 'Can put an approved version of this model into its stage'), ('request_waiver', 'Can ask for a waiver on this model'), ('decide_waiver', 'Can grant or refuse a waiver on this model'), ('break_glass', 'Can open a closed gate of this model in an emergency'), ('retire_version', 'Can take versions of this model out of use'), ('read_gate', 'Can ask the gates of this model'), ('read_report', 'Can read the reports of this model')), 'verbose_name': 'registered model'},
        ),
        migrations.AddField(
            model_name="stageassignment",
            name="place",
            field=models.CharField(blank=True, default="", help_text="Empty in an exclusive stage.", max_length=20),
        ),
        migrations.AddField(
            model_name="stageassignment",
            name="entry",
            field=models.PositiveBigIntegerField(help_text="Index of the ledger entry that tells of it.", null=True),
        ),
        migrations.AddConstraint(
            model_name="stageassignment",
            constraint=models.UniqueConstraint(
                condition=models.Q(("entry__isnull", False)), fields=("entry",), name="one_assignment_per_entry"
            ),
        ),
        protect("registry_stageassignment"),
    ]
