"""Paths of the API. Everything that matches none of them is a problem document too, never a page."""

from __future__ import annotations

from django.urls import include, path, re_path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView

from governance.api import (
    assurance,
    cards,
    datasets,
    delegations,
    dossiers,
    emergencies,
    evidence_schemas,
    explanations,
    gates,
    health,
    incidents,
    ledger,
    lineage,
    policies,
    portfolio,
    promotions,
    recalls,
    registered_models,
    reports,
    reviews,
    stages,
    tokens,
    versions,
)
from governance.api.problems import unknown_path

_MODEL_VERSION = "models/<slug:slug>/versions/<int:number>/"
_DATASET_VERSION = "datasets/<slug:slug>/versions/<int:number>/"
_PROMOTION = "promotions/<uuid:key>/"

VERSION_1 = [
    path("models/", registered_models.ModelList.as_view(), name="models"),
    path("models/<slug:slug>/", registered_models.ModelDetail.as_view(), name="model"),
    path("models/<slug:slug>/versions/", versions.VersionList.as_view(), name="versions"),
    path(_MODEL_VERSION, versions.VersionDetail.as_view(), name="version"),
    path(f"{_MODEL_VERSION}artifact/", versions.ArtifactUpload.as_view(), name="artifact"),
    path(f"{_MODEL_VERSION}lineage/", lineage.LineageRead.as_view(), name="version-lineage"),
    path("portfolio/", portfolio.PortfolioRead.as_view(), name="portfolio"),
    path("schemas/<slug:name>.json", evidence_schemas.SchemaRead.as_view(), name="evidence-schema"),
    path("models/<slug:slug>/dossier/", dossiers.DossierRead.as_view(), name="dossier"),
    path("models/<slug:slug>/classifications/", assurance.ClassificationList.as_view(), name="classifications"),
    path("models/<slug:slug>/attestations/", assurance.AttestationCreate.as_view(), name="attestations"),
    path(f"{_MODEL_VERSION}explanations/", explanations.ExplanationCreate.as_view(), name="explanations"),
    path(f"{_MODEL_VERSION}risk-acceptances/", recalls.AcceptanceList.as_view(), name="risk-acceptances"),
    path(f"{_MODEL_VERSION}coverage/", assurance.CoverageRead.as_view(), name="coverage"),
    path(f"{_MODEL_VERSION}retire/", stages.VersionRetire.as_view(), name="version-retire"),
    path(f"{_MODEL_VERSION}decommission/", stages.VersionDecommission.as_view(), name="version-decommission"),
    path("models/<slug:slug>/stages/", stages.StageList.as_view(), name="stages"),
    path("models/<slug:slug>/stages/<str:stage>/roll-back/", stages.StageRollBack.as_view(), name="roll-back"),
    path("delegations/", delegations.DelegationList.as_view(), name="delegations"),
    path("delegations/<int:key>/end/", delegations.DelegationEnding.as_view(), name="delegation-end"),
    path("datasets/", datasets.DatasetList.as_view(), name="datasets"),
    path("datasets/<slug:slug>/", datasets.DatasetDetail.as_view(), name="dataset"),
    path("datasets/<slug:slug>/versions/", datasets.DatasetVersionList.as_view(), name="dataset-versions"),
    path(_DATASET_VERSION, datasets.DatasetVersionDetail.as_view(), name="dataset-version"),
    path(f"{_DATASET_VERSION}content/", datasets.ContentUpload.as_view(), name="dataset-content"),
    path(f"{_DATASET_VERSION}card/", cards.CardRead.as_view(), name="dataset-card"),
    path(f"{_DATASET_VERSION}card/history/", cards.CardHistory.as_view(), name="dataset-card-history"),
    path(f"{_DATASET_VERSION}descendants/", recalls.DescendantList.as_view(), name="dataset-descendants"),
    path(f"{_DATASET_VERSION}withdraw/", datasets.DatasetWithdraw.as_view(), name="dataset-withdraw"),
    re_path(r"^lineage/?$", lineage.LineageReceive.as_view(), name="lineage"),  # emitters differ in the slash
    path("lineage/imports/<str:form>/", lineage.LineageImport.as_view(), name="lineage-import"),
    path("lineage/batch", lineage.LineageReceive.as_view(), name="lineage-batch"),
    path("promotions/", promotions.PromotionList.as_view(), name="promotions"),
    path(_PROMOTION, promotions.PromotionDetail.as_view(), name="promotion"),
    path(f"{_PROMOTION}withdraw/", promotions.PromotionWithdraw.as_view(), name="promotion-withdraw"),
    path(f"{_PROMOTION}rerun/", promotions.PromotionRerun.as_view(), name="promotion-rerun"),
    path(f"{_PROMOTION}complete/", promotions.PromotionComplete.as_view(), name="promotion-complete"),
    path(f"{_PROMOTION}reviews/statement/", reviews.ReviewStatement.as_view(), name="review-statement"),
    path(f"{_PROMOTION}reviews/", reviews.ReviewCreate.as_view(), name="reviews"),
    path(
        f"{_PROMOTION}conditions/<int:condition>/confirm/",
        reviews.ConditionConfirm.as_view(),
        name="condition-confirm",
    ),
    path(f"{_PROMOTION}break-glass/", emergencies.BreakGlassCreate.as_view(), name="break-glass"),
    path(
        f"{_PROMOTION}break-glass/<int:broken>/reviews/",
        emergencies.BreakGlassReview.as_view(),
        name="break-glass-review",
    ),
    path(f"{_PROMOTION}waivers/", reviews.WaiverCreate.as_view(), name="waivers"),
    path(f"{_PROMOTION}waivers/<int:waiver>/decision/", reviews.WaiverDecide.as_view(), name="waiver-decision"),
    path(f"{_PROMOTION}report/", reports.ReportRead.as_view(), name="report"),
    path("incidents/", incidents.IncidentList.as_view(), name="incidents"),
    path("incidents/<int:key>/close/", incidents.IncidentClose.as_view(), name="incident-close"),
    path("gates/<str:stage>/", gates.GateRead.as_view(), name="gate"),
    path("gate-health/", health.GateHealthRead.as_view(), name="gate-health"),
    path("decisions/<uuid:key>/attestation/", gates.AttestationRead.as_view(), name="attestation"),
    path("decisions/<uuid:key>/receipt/", gates.DecisionReceipt.as_view(), name="decision-receipt"),
    path("policies/", policies.PolicyList.as_view(), name="policies"),
    path("policies/metric-choice/", policies.MetricChoiceTree.as_view(), name="metric-choice"),
    path("policies/<slug:slug>/versions/<int:number>/", policies.PolicyDetail.as_view(), name="policy-version"),
    path("policies/<slug:slug>/versions/<int:number>/diff/", policies.PolicyDiff.as_view(), name="policy-diff"),
    path(
        "policies/<slug:slug>/versions/<int:number>/simulate/",
        policies.PolicySimulate.as_view(),
        name="policy-simulate",
    ),
    path(
        "policies/<slug:slug>/versions/<int:number>/activate/",
        policies.PolicyActivate.as_view(),
        name="policy-activate",
    ),
    path("ledger/checkpoint", ledger.CheckpointRead.as_view(), name="checkpoint"),
    path("ledger/entries/<int:index>", ledger.EntryRead.as_view(), name="entry"),
    path("ledger/entries/<int:index>/receipt", ledger.ReceiptRead.as_view(), name="receipt"),
    path("ledger/tile/entries/<path:name>", ledger.BundleRead.as_view(), name="bundle"),
    path("ledger/tile/<int:level>/<path:name>", ledger.TileRead.as_view(), name="tile"),
    path("ledger/proof/inclusion", ledger.InclusionProof.as_view(), name="inclusion"),
    path("ledger/proof/consistency", ledger.ConsistencyProof.as_view(), name="consistency"),
    path("keys.json", ledger.KeysRead.as_view(), name="keys"),
    path("tokens/", tokens.TokenList.as_view(), name="tokens"),
    path("tokens/<int:key>/revoke/", tokens.TokenRevoke.as_view(), name="token-revoke"),
]

app_name = "api"
urlpatterns = [
    path("v1/", include(VERSION_1)),
    path("schema/", SpectacularAPIView.as_view(), name="schema"),
    path("docs/", SpectacularSwaggerView.as_view(url_name="api:schema"), name="docs"),
    re_path(r"^", unknown_path),
]
