"""What the caller may look at: the person's permission on the model, narrowed by the models the token is tied to."""

from __future__ import annotations

from uuid import UUID

from django.db.models import QuerySet
from rest_framework.request import Request

from governance.access.sight import VIEW, models_seen_by, require_sight
from governance.api.authentication import grant_of
from governance.api.errors import TokenTiedError
from governance.models import PromotionRequest
from registry.authority import models_permitting, require
from registry.errors import PermissionRefusedError, UnknownSubjectError
from registry.models import Dataset, DatasetVersion, ModelVersion, Person, RegisteredModel


def caller(request: Request) -> Person:
    """The authenticated person. The actor of a verb comes from here and never from a body."""
    person = request.user
    if not isinstance(person, Person):
        raise PermissionRefusedError("Nobody is signed in.")
    return person


def require_tie(request: Request, slug: str) -> None:
    """Raises TokenTiedError when the token is tied to other models, whether or not this one exists."""
    grant = grant_of(request)
    if grant is not None and grant.models is not None and slug not in grant.models:
        raise TokenTiedError(f"The token is not for the model {slug}.", field="model")


def model_for(request: Request, slug: str, permission: str | None = VIEW) -> RegisteredModel:
    """The model, if the caller may see it. `permission` None leaves the question to the verb that follows.

    Raises TokenTiedError, UnknownSubjectError or PermissionRefusedError.
    """
    require_tie(request, slug)
    model = RegisteredModel.objects.select_related("owner").filter(slug=slug).first()
    if model is None:
        raise UnknownSubjectError(f"No model {slug} is registered.", field="model")
    _require(request, permission, model)
    return model


def models_for(request: Request, permission: str = VIEW) -> QuerySet[RegisteredModel]:
    """Every model the caller may see."""
    person = caller(request)
    models = models_seen_by(person) if permission == VIEW else models_permitting(person, permission)
    grant = grant_of(request)
    return models if grant is None or grant.models is None else models.filter(slug__in=grant.models)


def version_for(request: Request, slug: str, number: int, permission: str | None = VIEW) -> ModelVersion:
    """The version, if the caller may see its model. Raises like `model_for`."""
    model = model_for(request, slug, permission)
    version = ModelVersion.objects.select_related("model", "created_by").filter(model=model, number=number).first()
    if version is None:
        raise UnknownSubjectError(f"The model {slug} has no version {number}.", field="version")
    return version


def promotion_for(request: Request, key: UUID, permission: str | None = VIEW) -> PromotionRequest:
    """The promotion request, if the caller may see its model. Raises like `model_for`."""
    found = (
        PromotionRequest.objects.select_related(
            "version__model", "version__created_by", "version__run_author", "policy_version__policy"
        )
        .select_related("run", "requested_by")
        .filter(pk=key)
        .first()
    )
    if found is None:
        raise UnknownSubjectError(f"There is no promotion request {key}.")
    require_tie(request, found.version.model.slug)
    _require(request, permission, found.version.model)
    return found


def _require(request: Request, permission: str | None, model: RegisteredModel) -> None:
    """Sight of a model may also be lent, every other permission is held."""
    if permission == VIEW:
        require_sight(caller(request), model)
    elif permission is not None:
        require(caller(request), permission, model)


def dataset_for(request: Request, slug: str) -> Dataset:
    """The dataset, if the caller may see datasets. Raises UnknownSubjectError or PermissionRefusedError."""
    require(caller(request), "registry.view_dataset")
    return known_dataset(slug)


def known_dataset(slug: str) -> Dataset:
    """The dataset of that name. Raises UnknownSubjectError."""
    dataset = Dataset.objects.select_related("owner").filter(slug=slug).first()
    if dataset is None:
        raise UnknownSubjectError(f"No dataset {slug} is registered.", field="dataset")
    return dataset


def known_dataset_version(slug: str, number: int) -> DatasetVersion:
    """The dataset version. Raises UnknownSubjectError."""
    version = (
        DatasetVersion.objects.select_related("dataset", "created_by", "withdrawal")
        .prefetch_related("derived_from__parent__dataset")
        .filter(dataset__slug=slug, number=number)
        .first()
    )
    if version is None:
        raise UnknownSubjectError(f"There is no dataset version {slug}/{number}.", field="dataset")
    return version
