"""The health of the gates: which checks have ever stopped anybody, and which could not if they tried."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from audits.health import WORRYING, check_health, refused_types, worst_first
from audits.runs import known_checks
from governance.pages.access import person_of, require_sight, strict_page

VIEW = "audits.view_observation"
MOST_REFUSALS = 20


@require_safe
@strict_page
def gate_health(request: HttpRequest) -> HttpResponse:
    """Every check with its whole record, what to worry about first."""
    require_sight(person_of(request), VIEW)
    checks = known_checks()
    rows = worst_first(check_health(checks))
    context = {
        "rows": [(row, checks[row.check].title if row.check in checks else _("no longer in use")) for row in rows],
        "worries": sum(row.condition in WORRYING for row in rows),
        "ran": any(row.attempts for row in rows),
        "refusals": [
            (row.run.version, row.measured_at, row.document["error"]["message"]) for row in refused_types(MOST_REFUSALS)
        ],
    }
    return render(request, "pages/gate_health.html", context)
