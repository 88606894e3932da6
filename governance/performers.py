"""The work this app performs, and what it listens to. Loaded when the apps are ready."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import date
from typing import Any

from audits import signals
from governance import deadlines, erasures, last_line, letters, promotions, recall_letters, recalls, reporting
from governance.dossiers import orders
from governance.models import GateDecision
from governance.reports import portfolio
from registry import refused, work
from registry import signals as registry_signals

log = logging.getLogger("assay.reports")


class ReportPerformer:
    """Renders, seals and keeps the report of one gate decision."""

    def perform(self, payload: Mapping[str, Any]) -> work.Effect:
        """Render and seal now. Keeping the report is idempotent by its number, so it needs no further effect."""
        decision = (
            GateDecision.objects.select_related("request__version__model__owner", "request__run")
            .select_related("request__policy_version__policy", "request__requested_by", "request__version__created_by")
            .get(pk=payload["decision"])
        )
        # Items that were queued before reports had a day and a language carry neither.
        day = payload.get("as_of")
        reporting.issue_report(
            decision,
            as_of=date.fromisoformat(day) if day else None,
            language=payload.get("language", "en"),
        )
        return lambda: None

    def gave_up(self, payload: Mapping[str, Any], error: str) -> work.Effect:
        """A report that cannot be made changes no decision; the work item keeps the error for the operator."""
        log.error("the report of decision %s could not be made: %s", payload["decision"], error)
        return lambda: None


refused.recognise(last_line.MESSAGE)


class DossierPerformer:
    """Puts one document that follows the points of a law on paper, and seals it."""

    def perform(self, payload: Mapping[str, Any]) -> work.Effect:
        """Render and seal now; keeping it is idempotent by its number."""
        orders.issue_dossier(payload)
        return lambda: None

    def gave_up(self, payload: Mapping[str, Any], error: str) -> work.Effect:
        """The work item keeps the error for the operator."""
        log.error("the document %s could not be made: %s", payload["number"], error)
        return lambda: None


class PortfolioPerformer(DossierPerformer):
    """The same for a portfolio."""

    def perform(self, payload: Mapping[str, Any]) -> work.Effect:
        """Render and seal now; keeping it is idempotent by its number."""
        portfolio.issue_portfolio(payload)
        return lambda: None


work.performs(portfolio.PORTFOLIO_WORK, PortfolioPerformer())
work.performs(orders.DOSSIER_WORK, DossierPerformer())
work.performs(reporting.REPORT_WORK, ReportPerformer())
work.performs(erasures.SCRUB_WORK, erasures.ScrubPerformer())
work.performs(deadlines.LETTER_WORK, letters.LetterPerformer())
work.performs(recalls.RECALL_WORK, recalls.RecallPerformer())
work.performs(recalls.RECALL_LETTER_WORK, recall_letters.RecallLetterPerformer())
registry_signals.dataset_withdrawn.connect(recalls.data_withdrawn, dispatch_uid="governance.data_withdrawn")
signals.run_closed.connect(promotions.audit_finished, dispatch_uid="governance.audit_finished")
