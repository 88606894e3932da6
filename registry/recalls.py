"""What falls with withdrawn data, and what was decided about it. The verbs are in governance.recalls."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from django.db.models import Max, QuerySet

from registry.closures import datasets_behind, models_made_with
from registry.lineage import Graph
from registry.models import DatasetVersion, DatasetWithdrawal, ModelVersion, RiskAcceptance, StageAssignment

__all__ = [
    "WithdrawnInput",
    "affected_deployments",
    "affected_versions",
    "clean_versions",
    "models_made_with",
    "unaccepted",
    "with_acceptances",
    "withdrawn_inputs",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawnInput:
    """A withdrawn dataset version behind a model version. `acceptance` is the newest one signed for the two."""

    name: str
    withdrawal: DatasetWithdrawal
    acceptance: RiskAcceptance | None


def withdrawn_inputs(version: ModelVersion) -> tuple[WithdrawnInput, ...]:
    """The withdrawn data behind `version`, by name, each with what was decided about it."""
    fallen = DatasetWithdrawal.objects.filter(dataset_version__in=datasets_behind(version))
    withdrawals = list(fallen.select_related("dataset_version__dataset"))
    if not withdrawals:
        return ()
    signed = RiskAcceptance.objects.filter(version=version, withdrawal__in=withdrawals).select_related("signed_by")
    newest = {row.withdrawal_id: row for row in signed.order_by("pk")}
    found = (
        WithdrawnInput(name=str(row.dataset_version), withdrawal=row, acceptance=newest.get(row.pk))
        for row in withdrawals
    )
    return tuple(sorted(found, key=lambda one: one.name))


def unaccepted(version: ModelVersion, now: datetime) -> tuple[str, ...]:
    """Names of the withdrawn data behind `version` for which no acceptance holds now."""
    inputs = withdrawn_inputs(version)
    return tuple(one.name for one in inputs if one.acceptance is None or one.acceptance.expires_at <= now)


def affected_versions(*datasets: DatasetVersion) -> QuerySet[ModelVersion]:
    """Model versions made or measured with any of `datasets` or with anything derived from one, by name."""
    return models_made_with(*datasets).select_related("model__owner").order_by("model__slug", "number")


def clean_versions(*datasets: DatasetVersion) -> dict[int, int]:
    """By the key of each affected model the newest version made with none of `datasets`, where there is one."""
    made_with = models_made_with(*datasets)
    clean = ModelVersion.objects.filter(model__in=made_with.values("model")).exclude(pk__in=made_with.values("pk"))
    return dict(clean.order_by().values_list("model").annotate(newest=Max("number")))


def affected_deployments(*datasets: DatasetVersion) -> QuerySet[StageAssignment]:
    """Where those versions are in use now: the current assignment of each stage."""
    return (
        StageAssignment.objects.current()
        .filter(version__in=models_made_with(*datasets))
        .select_related("model", "version")
        .order_by("model__slug", "stage", "pk")
    )


def with_acceptances(graph: Graph, version: ModelVersion, now: datetime) -> Graph:
    """The graph, saying on each withdrawn dataset until when somebody answers for it in `version`."""
    ends = {
        f"dataset:{one.name}": one.acceptance.expires_at.date().isoformat()
        for one in withdrawn_inputs(version)
        if one.acceptance is not None and one.acceptance.expires_at > now
    }
    if not ends:
        return graph
    nodes = (
        replace(node, facts={**node.facts, "risk_accepted_until": ends[node.id]}) if node.id in ends else node
        for node in graph.nodes
    )
    return replace(graph, nodes=tuple(nodes))
