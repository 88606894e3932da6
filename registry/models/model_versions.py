from __future__ import annotations

from django.conf import settings
from django.db import models
from django.urls import reverse

from registry.models.immutable import Record


class RiskClass(models.TextChoices):
    """Risk classes a policy selects by. They follow the EU AI Act's scheme; who classified and why is governance."""

    MINIMAL = "minimal", "minimal"
    LIMITED = "limited", "limited (transparency duties)"
    HIGH = "high", "high"


class ProviderRole(models.TextChoices):
    """The organisation's role for this system (AI Act Art. 3(3)-(4))."""

    PROVIDER = "provider", "provider"
    DEPLOYER = "deployer", "deployer"


class RegisteredModel(models.Model):
    """A named model: what it is for and who answers for it. Its versions are the things that get promoted."""

    slug = models.SlugField(max_length=80, unique=True)
    name = models.CharField(max_length=200)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="owned_models")
    intended_purpose = models.TextField(help_text="What the system is for, as the instructions for use will say it.")
    role = models.CharField(max_length=16, choices=ProviderRole, default=ProviderRole.PROVIDER)
    risk_class = models.CharField(max_length=16, choices=RiskClass)
    affected_persons = models.TextField(blank=True, help_text="Whose lives its output touches.")
    tags = models.JSONField(default=list, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = "registered model"
        ordering = ("slug",)
        permissions = (
            ("register_version", "Can register versions of this model"),
            ("request_promotion", "Can request a promotion of this model"),
            ("review_promotion", "Can review promotions of this model"),
            ("complete_promotion", "Can put an approved version of this model into its stage"),
            ("request_waiver", "Can ask for a waiver on this model"),
            ("decide_waiver", "Can grant or refuse a waiver on this model"),
            ("break_glass", "Can open a closed gate of this model in an emergency"),
            ("report_incident", "Can report an incident of a version of this model"),
            ("close_incident", "Can close an incident of a version of this model"),
            ("retire_version", "Can take versions of this model out of use"),
            ("accept_risk", "Can accept the residual risk of withdrawn data behind this model"),
            ("read_gate", "Can ask the gates of this model"),
            ("read_report", "Can read the reports of this model"),
        )
        constraints = (
            models.CheckConstraint(condition=models.Q(risk_class__in=RiskClass.values), name="model_risk_class_known"),
        )

    def __str__(self) -> str:
        return self.slug

    def get_absolute_url(self) -> str:
        """The page of the model in the admin."""
        return reverse("admin:registry_registeredmodel_change", args=[self.pk])


class ArtifactFormat(models.TextChoices):
    """Model files we accept. Everything that runs code on loading is refused (`registry.artifacts`)."""

    SKOPS = "skops", "skops"
    ONNX = "onnx", "ONNX"
    XGBOOST_JSON = "xgboost-json", "XGBoost JSON"
    XGBOOST_UBJ = "xgboost-ubj", "XGBoost UBJ"
    LIGHTGBM_TEXT = "lightgbm-text", "LightGBM text"
    REMOTE_ENDPOINT = "remote-endpoint", "remote endpoint"


class ModelVersion(Record):
    """One immutable version: identified by the digest of its artifact, described by the digest of its record."""

    model = models.ForeignKey(RegisteredModel, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    artifact_digest = models.CharField(max_length=71, db_index=True)
    artifact_format = models.CharField(max_length=20, choices=ArtifactFormat)
    framework = models.CharField(max_length=80, blank=True)
    signature = models.JSONField(default=dict, help_text="task, features, target, positive_label, threshold")
    source_run = models.CharField(max_length=200, blank=True)
    run_author = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="training_runs"
    )
    code_revision = models.CharField(max_length=80, blank=True)
    metrics = models.JSONField(default=dict, blank=True, help_text="As declared by whoever trained it; not evidence.")
    record_digest = models.CharField(max_length=71)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="model_versions")
    created_at = models.DateTimeField()

    class Meta:
        verbose_name = "model version"
        ordering = ("model__slug", "-number")
        constraints = (
            models.UniqueConstraint(fields=("model", "number"), name="version_number_once_per_model"),
            models.UniqueConstraint(fields=("model", "artifact_digest"), name="artifact_once_per_model"),
        )

    def __str__(self) -> str:
        return f"{self.model.slug}/{self.number}"

    def get_absolute_url(self) -> str:
        """The page of the version in the admin."""
        return reverse("admin:registry_modelversion_change", args=[self.pk])


class VersionInput(Record):
    """A dataset version that a model version was made or measured with: one edge of its lineage."""

    class Role(models.TextChoices):
        """What the data was for."""

        TRAIN = "train", "training"
        VALIDATION = "validation", "validation"
        TEST = "test", "test"
        EVALUATION = "evaluation", "evaluation"
        REFERENCE = "reference", "reference"
        ATTRIBUTIONS = "attributions", "attributions computed elsewhere"

    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="inputs")
    dataset_version = models.ForeignKey("registry.DatasetVersion", on_delete=models.PROTECT, related_name="uses")
    role = models.CharField(max_length=16, choices=Role)

    class Meta:
        verbose_name = "version input"
        constraints = (models.UniqueConstraint(fields=("version", "role"), name="one_dataset_per_role"),)

    def __str__(self) -> str:
        return f"{self.dataset_version} as {self.role}"
