"""The tables of this app that the ledger answers for. Loaded when the apps are ready."""

from __future__ import annotations

from audits.models import AuditRun, Finding, Observation, Report
from registry.rows import reconciles

reconciles(AuditRun)
reconciles(Observation)
reconciles(Finding)
reconciles(Report)
