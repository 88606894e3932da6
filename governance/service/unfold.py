"""How the admin looks and what its sidebar offers: the setting UNFOLD."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse_lazy


def _item(title: str, icon: str, route: str, permission: str = "") -> dict[str, Any]:
    """One place of the sidebar, shown to those who may open it."""

    def allowed(request: HttpRequest) -> bool:
        return not permission or request.user.has_perm(permission)

    return {"title": title, "icon": icon, "link": reverse_lazy(route), "permission": allowed}


def _list(title: str, icon: str, model: str) -> dict[str, Any]:
    """The list of a model, e.g. `registry.person`."""
    app, name = model.split(".")
    return _item(title, icon, f"admin:{app}_{name}_changelist", f"{app}.view_{name}")


UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Assay",
    "SITE_HEADER": "Assay",
    "SITE_SUBHEADER": "Gates for models",
    "SITE_URL": "/promotions/",
    "SITE_ICON": lambda _request: static("assay/mark.svg"),
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": lambda _request: static("assay/mark.svg")},
    ],
    "STYLES": [lambda _request: static("assay/admin.css")],
    "SHOW_HISTORY": False,
    "SHOW_VIEW_ON_SITE": True,
    "DASHBOARD_CALLBACK": "governance.admin.overview.overview",
    "BORDER_RADIUS": "8px",
    "COLORS": {
        "primary": {
            "50": "oklch(97% .015 245)",
            "100": "oklch(93% .032 245)",
            "200": "oklch(87% .06 245)",
            "300": "oklch(78% .095 245)",
            "400": "oklch(66% .12 245)",
            "500": "oklch(55% .125 245)",
            "600": "oklch(45% .11 247)",
            "700": "oklch(38% .095 248)",
            "800": "oklch(32% .08 249)",
            "900": "oklch(27% .065 250)",
            "950": "oklch(20% .05 252)",
        },
    },
    "SIDEBAR": {
        "show_search": True,
        "show_all_applications": False,
        "navigation": [
            {
                "title": "Decide",
                "items": [
                    _item("Overview", "space_dashboard", "admin:index"),
                    _item("Promotions", "how_to_reg", "promotions"),
                    _item("Models", "deployed_code", "models"),
                    _item("Policies", "balance", "policies", "governance.view_policyversion"),
                ],
            },
            {
                "title": "Evidence",
                "items": [
                    _item("Reports", "description", "reports"),
                    _list("Datasets", "database", "registry.datasetversion"),
                    _list("Runs", "labs", "audits.auditrun"),
                    _list("Findings", "fact_check", "audits.finding"),
                    _item("Gate health", "monitor_heart", "gate-health", "audits.view_observation"),
                    _item("Ledger", "book_2", "ledger", "registry.view_ledgerentry"),
                ],
            },
            {
                "title": "Records",
                "collapsible": True,
                "items": [
                    _list("Model versions", "deployed_code_history", "registry.modelversion"),
                    _list("Requests", "inbox", "governance.promotionrequest"),
                    _list("Reviews", "signature", "governance.review"),
                    _list("Waivers", "schedule", "governance.waiver"),
                    _list("Broken glass", "emergency_home", "governance.breakglass"),
                    _list("Incidents", "crisis_alert", "governance.incident"),
                    _list("Classifications", "category", "governance.classification"),
                    _list("Controls owed", "assignment_ind", "governance.controlassignment"),
                    _list("Attestations", "verified_user", "governance.attestation"),
                    _list("Conditions", "pending_actions", "governance.condition"),
                    _list("Gate decisions", "gavel", "governance.gatedecision"),
                    _list("Stage history", "history", "registry.stageassignment"),
                    _list("Work items", "engineering", "registry.workitem"),
                ],
            },
            {
                "title": "Administration",
                "items": [
                    _list("People", "group", "registry.person"),
                    _list("Groups", "groups", "auth.group"),
                    _list("Roles of groups", "badge", "governance.rolegroup"),
                    _list("Access tokens", "key", "governance.accesstoken"),
                ],
            },
        ],
    },
}
