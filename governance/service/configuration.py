"""Tells the ledger when the service runs with other settings or another release than before.

Values are told as keyed digests: whoever reads the ledger sees that a setting changed, never what it says.
"""

from __future__ import annotations

import json
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils.crypto import salted_hmac

from governance.version import PRODUCT_VERSION
from registry import ledger
from registry.events import Event
from registry.models import LedgerEntry, LedgerHead

SUBJECT = "service:configuration"
#: Beside everything that is called ASSAY_…
_OTHERS = ("ALLOWED_HOSTS", "AXES_FAILURE_LIMIT", "CSRF_TRUSTED_ORIGINS", "DATABASES", "DEBUG", "SECRET_KEY")


@transaction.atomic
def record_configuration() -> tuple[str, ...]:
    """Write one entry if anything differs from the last one. Returns the names of what differs."""
    LedgerHead.objects.select_for_update().get_or_create(id=1)  # of several processes that start one tells
    present = {name: salted_hmac("assay.configuration", _as_text(name)).hexdigest() for name in _names()}
    told = _last_told()
    changed = sorted(name for name in present.keys() | told.get("settings", {}).keys() if _differs(name, present, told))
    if changed or told.get("release") != PRODUCT_VERSION:
        facts = {"release": PRODUCT_VERSION, "settings": present, "changed": changed}
        ledger.append(Event.CONFIGURATION_CHANGED, subject=SUBJECT, facts=facts)
    return tuple(changed)


def _names() -> list[str]:
    return sorted({name for name in dir(settings) if name.startswith("ASSAY_")} | set(_OTHERS))


def _as_text(name: str) -> str:
    value = getattr(settings, name, None)
    if name == "DATABASES":  # which database, not what Django adds to its settings on the way
        value = {key: settings.DATABASES["default"].get(key) for key in ("ENGINE", "NAME", "HOST", "PORT", "USER")}
    return json.dumps(value, sort_keys=True, default=str)


def _last_told() -> dict[str, Any]:
    newest = LedgerEntry.objects.filter(event=Event.CONFIGURATION_CHANGED).order_by("-index").first()
    facts: dict[str, Any] = json.loads(bytes(newest.body))["facts"] if newest else {}
    return facts


def _differs(name: str, present: dict[str, str], told: dict[str, Any]) -> bool:
    return bool(present.get(name) != told.get("settings", {}).get(name))
