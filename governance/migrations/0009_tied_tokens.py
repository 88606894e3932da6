from django.db import migrations, models
from django.db.migrations.state import StateApps


def tie(apps: StateApps, _editor: object) -> None:
    """A token that names models was made for these."""
    tokens = apps.get_model("governance", "AccessToken").objects
    tokens.filter(registered_models__isnull=False).update(tied=True)


class Migration(migrations.Migration):
    dependencies = [("governance", "0008_erasures")]

    operations = [
        migrations.AddField(
            model_name="accesstoken",
            name="tied",
            field=models.BooleanField(
                default=False,
                help_text="Made for single models. It stays so when the last of them is gone: then it opens nothing.",
            ),
        ),
        migrations.RunPython(tie, migrations.RunPython.noop),
    ]
