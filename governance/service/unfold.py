"""How the admin looks and what its sidebar offers: the setting UNFOLD."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse_lazy
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise  # known to the stubs only


def _item(title: str | _StrPromise, icon: str, route: str, permission: str = "") -> dict[str, Any]:
    """One place of the sidebar, shown to those who may open it."""

    def allowed(request: HttpRequest) -> bool:
        return not permission or request.user.has_perm(permission)

    return {"title": title, "icon": icon, "link": reverse_lazy(route), "permission": allowed}


def _list(title: str | _StrPromise, icon: str, model: str) -> dict[str, Any]:
    """The list of a model, e.g. `registry.person`."""
    app, name = model.split(".")
    return _item(title, icon, f"admin:{app}_{name}_changelist", f"{app}.view_{name}")


#: What the theme and the framework say in the admin and have no German for: each is looked up in our catalogue first.
THEME_SAYS = (
    *(_("Search apps and models..."), _("Type to search"), _("No results found"), _("Go back"), _("Apply Filters")),
    *(
        _("Select action"),
        _("Select action to run"),
        _("Select all rows"),
        _("Select record"),
        _("Select value"),
        _("Run"),
    ),
    *(_("Light"), _("Dark"), _("System"), _("True"), _("False"), _("Date"), _("Previous"), _("Next"), _("General")),
    *(_("Object permissions"), _("Group permissions"), _("User permissions"), _("Manage group"), _("Manage user")),
    *(_("Object"), _("Edit"), _("Reset filters"), _("Recent searches"), _("No recent searches"), _("More actions")),
    *(_("Enabled"), _("Disabled"), _("Password-based authentication"), _("All applications"), _("Return to site")),
    *(_("No results matching your query"), _("Loading more results..."), _("Toggle password visibility")),
    _("This page yielded into no results. Create a new item or reset your filters."),
    _("After you've created a user, you’ll be able to edit more user options."),
    _(
        "Whether the user will be able to authenticate using a password or not. If disabled, they may still be able to "
        "authenticate using other backends, such as Single Sign-On or LDAP."
    ),
    _(
        "Raw passwords are not stored, so there is no way to see this user’s password, but you can change the password "
        'using <a href="{}" class="text-primary-600 dark:text-primary-500">this form</a>.'
    ),
)

UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Assay",
    "SITE_HEADER": "Assay",
    "SITE_SUBHEADER": _("Gates for models"),
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
                "title": _("Decide"),
                "items": [
                    _item(_("Overview"), "space_dashboard", "admin:index"),
                    _item(_("Promotions"), "how_to_reg", "promotions"),
                    _item(_("Models"), "deployed_code", "models"),
                    _item(_("Policies"), "balance", "policies", "governance.view_policyversion"),
                ],
            },
            {
                "title": _("Evidence"),
                "items": [
                    _item(_("Reports"), "description", "reports"),
                    _list(_("Datasets"), "database", "registry.datasetversion"),
                    _list(_("Runs"), "labs", "audits.auditrun"),
                    _list(_("Findings"), "fact_check", "audits.finding"),
                    _item(_("Gate health"), "monitor_heart", "gate-health", "audits.view_observation"),
                    _item(_("Ledger"), "book_2", "ledger", "registry.view_ledgerentry"),
                ],
            },
            {
                "title": _("Records"),
                "collapsible": True,
                "items": [
                    _list(_("Model versions"), "deployed_code_history", "registry.modelversion"),
                    _list(_("Requests"), "inbox", "governance.promotionrequest"),
                    _list(_("Reviews"), "signature", "governance.review"),
                    _list(_("Waivers"), "schedule", "governance.waiver"),
                    _list(_("Broken glass"), "emergency_home", "governance.breakglass"),
                    _list(_("Incidents"), "crisis_alert", "governance.incident"),
                    _list(_("Classifications"), "category", "governance.classification"),
                    _list(_("Controls owed"), "assignment_ind", "governance.controlassignment"),
                    _list(_("Attestations"), "verified_user", "governance.attestation"),
                    _list(_("Conditions"), "pending_actions", "governance.condition"),
                    _list(_("Gate decisions"), "gavel", "governance.gatedecision"),
                    _list(_("Stage history"), "history", "registry.stageassignment"),
                    _list(_("Work items"), "engineering", "registry.workitem"),
                ],
            },
            {
                "title": _("Administration"),
                "items": [
                    _list(_("People"), "group", "registry.person"),
                    _list(_("Groups"), "groups", "auth.group"),
                    _list(_("Roles of groups"), "badge", "governance.rolegroup"),
                    _list(_("Access tokens"), "key", "governance.accesstoken"),
                ],
            },
        ],
    },
}
