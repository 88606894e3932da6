"""What a policy version would have said of every past promotion, before it is put into force."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from governance import simulations
from governance.models import PolicyVersion
from governance.pages.access import person_of, strict_page
from governance.pages.policy_pages import policy_version_shown
from governance.policies.diffs import differences
from governance.simulations import Effect, Simulation
from registry.authority import permits
from registry.models import Person

#: So many past promotions are replayed between two looks at the progress.
PART = 100
_CHANGED = (Effect.NEWLY_BLOCKED, Effect.RELEASED)


def may_simulate(person: Person) -> bool:
    """It reads every model, so only those who draft policies or put them into force may."""
    return permits(person, "governance.draft_policy") or permits(person, "governance.activate_policy")


@require_safe
@strict_page
def simulate(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """The page: its script asks for part after part; without a script `?all=1` does everything at once."""
    version = _version(request, slug, number)
    former = version.policy.versions.filter(number__lt=version.number).order_by("-number").first()
    total = len(simulations.past_decisions())
    simulation = simulations.simulate(version) if "all" in request.GET else None
    context = {
        "version": version,
        "status": version.current_status,
        "former": former,
        "changes": differences(former.rules, version.rules) if former else (),
        "total": total,
        "simulation": simulation,
        **(_counted(simulation) if simulation else {}),
    }
    return render(request, "pages/policy_simulate.html", context)


@require_safe
@strict_page
def simulate_part(request: HttpRequest, slug: str, number: int) -> JsonResponse:
    """The next part after `?done=N`, as JSON for the page's own script; `rows` are those of the two tables."""
    version = _version(request, slug, number)
    asked = request.GET.get("done", "0")
    done = int(asked[:9]) if asked.isascii() and asked.isdigit() else 0
    decisions = simulations.past_decisions()
    part = decisions[done : done + PART]
    simulation = simulations.simulate_some(version, part)
    counted = _counted(simulation)
    return JsonResponse(
        {
            "done": done + len(part),
            "total": len(decisions),
            "counts": {str(effect): len(simulation.of(effect)) for effect in Effect},
            "rows": {
                str(effect): render_to_string("pages/parts/replays.html", {"replays": counted[effect.name.lower()]})
                for effect in _CHANGED
            },
        }
    )


def _counted(simulation: Simulation) -> dict[str, Any]:
    return {effect.name.lower(): simulation.of(effect) for effect in Effect}


def _version(request: HttpRequest, slug: str, number: int) -> PolicyVersion:
    if not may_simulate(person_of(request)):
        raise PermissionDenied(_("Only those who draft policies or put them into force try them on the past."))
    return policy_version_shown(request, slug, number)
