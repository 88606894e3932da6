"""The addresses of the pages. `governance.urls` includes them at the root."""

from __future__ import annotations

from django.urls import path
from django.views.generic import RedirectView

from governance.pages import (
    authenticator_pages,
    dataset_pages,
    decide,
    delegation_pages,
    emergency_pages,
    explanation_pages,
    health_pages,
    ledger_pages,
    model_pages,
    policy_pages,
    queue,
    report_pages,
    review_page,
    session,
    stage_pages,
    waiver_pages,
)

urlpatterns = [
    path("", session.home, name="home"),
    path("sign-in/", session.SignIn.as_view(), name="sign-in"),
    # The admin's own sign-in page lets nobody in who is not staff; one door for everybody is enough.
    path("admin/login/", RedirectView.as_view(pattern_name="sign-in", query_string=True)),
    path("promotions/", queue.queue, name="promotions"),
    path("promotions/<uuid:pk>/", review_page.review_page, name="promotion"),
    path("promotions/<uuid:pk>/progress/", review_page.progress, name="promotion-progress"),
    path("promotions/<uuid:pk>/review/", decide.review, name="promotion-review"),
    path("promotions/<uuid:pk>/withdraw/", decide.withdraw, name="promotion-withdraw"),
    path("promotions/<uuid:pk>/rerun/", decide.rerun, name="promotion-rerun"),
    path("promotions/<uuid:pk>/complete/", decide.complete, name="promotion-complete"),
    path("promotions/<uuid:pk>/break-glass/", emergency_pages.break_glass, name="glass-break"),
    path("broken-glass/<int:pk>/", emergency_pages.review, name="glass-review"),
    path("conditions/<int:pk>/", emergency_pages.confirm_condition, name="condition"),
    path("promotions/<uuid:pk>/waivers/ask/", waiver_pages.ask, name="waiver-ask"),
    path("waivers/<int:pk>/", waiver_pages.decide, name="waiver"),
    path("models/", model_pages.models, name="models"),
    path("models/<slug:slug>/", model_pages.model, name="model"),
    path("models/<slug:slug>/versions/<int:number>/", model_pages.version, name="model-version"),
    path("models/<slug:slug>/versions/<int:number>/promote/", model_pages.request_promotion, name="promotion-ask"),
    path("models/<slug:slug>/versions/<int:number>/retire/", stage_pages.retire, name="version-retire"),
    path(
        "models/<slug:slug>/versions/<int:number>/decommission/",
        stage_pages.decommission,
        name="version-decommission",
    ),
    path("models/<slug:slug>/versions/<int:number>/explain/", explanation_pages.explain, name="version-explain"),
    path("models/<slug:slug>/stages/<str:stage>/roll-back/", stage_pages.roll_back, name="stage-roll-back"),
    path("authenticators/", authenticator_pages.listed, name="authenticators"),
    path("authenticators/enrol/", authenticator_pages.enrol, name="authenticator-enrol"),
    path("authenticators/<int:pk>/confirm/", authenticator_pages.confirm, name="authenticator-confirm"),
    path("authenticators/<int:pk>/retire/", authenticator_pages.retire, name="authenticator-retire"),
    path("delegations/", delegation_pages.listed, name="delegations"),
    path("delegations/give/", delegation_pages.give, name="delegation-give"),
    path("delegations/<int:pk>/end/", delegation_pages.end, name="delegation-end"),
    path("datasets/<slug:slug>/versions/<int:number>/withdraw/", dataset_pages.withdraw, name="dataset-withdraw"),
    path("policies/", policy_pages.policies, name="policies"),
    path("policies/draft/", policy_pages.draft, name="policy-draft"),
    path("policies/<slug:slug>/versions/<int:number>/", policy_pages.policy_version, name="policy-version"),
    path("policies/<slug:slug>/versions/<int:number>/activate/", policy_pages.activate, name="policy-activate"),
    path("policies/<slug:slug>/versions/<int:number>/recall/", policy_pages.recall, name="policy-recall"),
    path("reports/", report_pages.reports, name="reports"),
    path("reports/<str:number>/", report_pages.report_file, name="report"),
    path("gate-health/", health_pages.gate_health, name="gate-health"),
    path("ledger/", ledger_pages.entries, name="ledger"),
    path("ledger/<int:index>/", ledger_pages.entry, name="ledger-entry"),
]
